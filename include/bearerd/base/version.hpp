#pragma once

#include <string_view>

namespace bearerd {

/// Returns the User-Agent of the requests that bearerd makes on its own account (contract 7).
[[nodiscard]] std::string_view user_agent() noexcept; // "bearerd/0.1.0"

} // namespace bearerd
