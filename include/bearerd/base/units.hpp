#pragma once

#include <bearerd/base/clock.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bearerd {

/// Reads a duration in the form of contract 7: a non-negative whole number and one of ms, s, m, h ("250ms",
/// "5m"). Returns nullopt for anything else, and for more than 100 years.
[[nodiscard]] std::optional<Duration> parse_duration(std::string_view text) noexcept;

/// Reads a size: a non-negative whole number and one of B, KiB, MiB, GiB ("64KiB"). Returns nullopt for
/// anything else, and for what does not fit in 64 bits.
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text) noexcept;

/// Returns the shortest text that parse_duration reads back, to the millisecond: "90s", "5m", "250ms".
[[nodiscard]] std::string format_duration(Duration value);

/// Returns a duration for people: "12 s", "4 min 10 s", "2 h 5 min", "3 d 4 h"; "0 s" if it is negative.
[[nodiscard]] std::string duration_in_words(std::chrono::seconds value);

} // namespace bearerd
