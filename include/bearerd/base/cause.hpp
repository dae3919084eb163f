#pragma once

#include <bearerd/base/error.hpp>

#include <string_view>

namespace bearerd {

/// Why the upstream can't be reached or a login fails, and what to do about it. The only source of these
/// texts: status page, /status.json, `bearerd login`, log and the till's message quote it.
struct Cause {
    std::string_view title;  ///< two or three words
    std::string_view advice; ///< one or more sentences
    /// The sentence of UPSTREAM_UNREACHABLE and LOGIN_UNAVAILABLE (contract 4): what happened, and what to
    /// do. Empty if the code's own sentence says as much.
    std::string_view sentence{};
};

/// Returns the cause of a failure. `code` is the failure's; it is empty if the upstream answered a login, but
/// not with a token. `reason` is the log's text, which is more precise than some codes.
[[nodiscard]] const Cause& cause_of(error_code code, std::string_view reason) noexcept;

} // namespace bearerd
