#pragma once

#include <bearerd/config/config.hpp>

#include <string>
#include <string_view>
#include <variant>

namespace bearerd::app {

/// In words.
struct LocalFailure {
    std::string reason;
    std::string body{}; ///< of an answer whose status is not 200
};

using LocalAnswer = std::variant<std::string, LocalFailure>;

/// The body of a 200 answer to GET `target` from a listener on this machine, or why there is none. Blocks,
/// for five seconds at most; reads at most 1 MiB.
[[nodiscard]] LocalAnswer get_local(const config::Address& address, std::string_view target);

} // namespace bearerd::app
