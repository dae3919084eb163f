#pragma once

#include <bearerd/base/clock.hpp>
#include <bearerd/config/config.hpp>

#include <chrono>
#include <string>
#include <string_view>
#include <variant>

namespace bearerd::app {

/// Why there is no answer, in words.
struct LocalFailure {
    std::string reason;
    std::string body{}; ///< of an answer whose status is not 200
};

using LocalAnswer = std::variant<std::string, LocalFailure>;

/// How long a command waits for an answer of the daemon.
inline constexpr Duration local_patience = std::chrono::seconds{5};

/// Returns the body of a 200 answer to GET `target` from a listener on this machine, or why there is none.
/// Blocks for at most `patience`; reads at most 1 MiB.
[[nodiscard]] LocalAnswer get_local(const config::Address& address, std::string_view target,
                                    Duration patience = local_patience);

} // namespace bearerd::app
