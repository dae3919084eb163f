#pragma once

#include <bearerd/base/clock.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bearerd {

/// Reads a duration as contract 7 writes it: a non-negative whole number and one of ms, s, m, h ("250ms",
/// "5m"). Nothing for anything else, and for what does not fit 100 years.
[[nodiscard]] std::optional<Duration> parse_duration(std::string_view text) noexcept;

/// Reads a size: a non-negative whole number and one of B, KiB, MiB, GiB ("64KiB"). Nothing for anything
/// else, and for what does not fit 64 bits.
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text) noexcept;

/// The shortest text that parse_duration reads back, to the millisecond: "90s", "5m", "250ms".
[[nodiscard]] std::string format_duration(Duration value);

/// Whole seconds, rounded up and at least 1: what Retry-After wants.
[[nodiscard]] std::int64_t retry_after_seconds(Duration value) noexcept;

} // namespace bearerd
