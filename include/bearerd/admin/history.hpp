#pragma once

#include <bearerd/base/clock.hpp>
#include <bearerd/base/stats.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <vector>

namespace bearerd::admin {

/// Samples of what all threads together had counted during the last five minutes, for the charts of a status
/// page that is opened later. At most 32 samples of some 170 bytes. Used on one thread, the admin listener's.
class History {
public:
    static constexpr Duration kept = std::chrono::minutes{5};
    static constexpr Duration interval = std::chrono::seconds{10};

    struct Sample {
        TimePoint at{};
        std::uint64_t requests = 0; ///< since the start
        /// How long they took: a count for each bucket of Histogram, not cumulative.
        std::array<std::uint64_t, Histogram::bounds_us.size() + 1> durations{};
    };

    /// Takes a sample if the last one is at least nine tenths of `interval` old, and forgets samples older
    /// than `kept`. Call it about once per interval.
    void look(const std::vector<const Stats*>& threads, TimePoint now);

    /// Returns the samples, oldest first.
    [[nodiscard]] const std::deque<Sample>& samples() const noexcept { return samples_; }

private:
    std::deque<Sample> samples_;
};

} // namespace bearerd::admin
