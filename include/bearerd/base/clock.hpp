#pragma once

#include <chrono>
#include <cstdint>

namespace bearerd {

/// The clock for all lifetimes and deadlines. It is steady, unaffected by wall-clock changes, and counts the
/// time that the machine was suspended (CLOCK_BOOTTIME), so that a till that slept overnight never takes
/// yesterday's token for fresh (contract 3.3). Pure code takes its time points as arguments.
struct BootClock {
    using duration = std::chrono::nanoseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<BootClock>;
    static constexpr bool is_steady = true;

    /// Never fails; about 20 ns (vDSO). Any thread.
    [[nodiscard]] static time_point now() noexcept;
};

using TimePoint = BootClock::time_point;
using Duration = std::chrono::nanoseconds;

[[nodiscard]] constexpr std::int64_t ceil_seconds(Duration value) noexcept {
    return std::chrono::ceil<std::chrono::seconds>(value).count();
}

[[nodiscard]] constexpr std::int64_t floor_seconds(Duration value) noexcept {
    return std::chrono::floor<std::chrono::seconds>(value).count();
}

[[nodiscard]] constexpr Duration scaled(Duration value, double factor) noexcept {
    return Duration{static_cast<Duration::rep>(static_cast<double>(value.count()) * factor)};
}

/// Seconds since the epoch, for log lines and stored files only, never to judge a lifetime in this process.
using WallSeconds = std::chrono::sys_seconds;
[[nodiscard]] WallSeconds wall_now() noexcept;

/// The same in milliseconds, for records that people read.
[[nodiscard]] std::int64_t wall_ms() noexcept;

} // namespace bearerd
