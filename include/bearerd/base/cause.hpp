#pragma once

#include <bearerd/base/error.hpp>

#include <string_view>

namespace bearerd {

/// Why the upstream can't be reached or a login fails, and what to do about it. The one place where this is
/// said: status page, /status.json, `bearerd login`, log and the till's message quote it.
struct Cause {
    std::string_view title;  ///< two or three words
    std::string_view advice; ///< one or more sentences
    /// The sentence of UPSTREAM_UNREACHABLE and LOGIN_UNAVAILABLE (contract 4): what happened, and what to
    /// do. Empty if the code's own sentence says as much.
    std::string_view sentence{};
};

/// `code`: of the failure, if there is one. `reason`: in the words of the log; it tells more than some codes
/// do. Never empty: of what is not known more closely, the advice is about the network.
[[nodiscard]] const Cause& cause_of(error_code code, std::string_view reason) noexcept;

} // namespace bearerd
