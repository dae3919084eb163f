#pragma once

#include <cstdint>
#include <string>

namespace bearerd::app {

/// Returns "2026-11-25 03:43:51.120Z" for milliseconds since the epoch; `separator` is between date and time.
[[nodiscard]] std::string time_text(std::int64_t at_ms, char separator);

} // namespace bearerd::app
