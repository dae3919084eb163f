#pragma once

#include <bearerd/base/clock.hpp>

#include <chrono>
#include <optional>

namespace bearerd {

/// Limits log lines that say the same to one in ten minutes. Not thread safe.
class LogLimit {
public:
    static constexpr Duration quiet = std::chrono::minutes{10};

    /// Returns whether a line is due, and if so counts it as written.
    [[nodiscard]] bool is_due(TimePoint now) noexcept {
        const bool due = !last_ || now - *last_ >= quiet;
        if (due)
            last_ = now;
        return due;
    }

private:
    std::optional<TimePoint> last_;
};

} // namespace bearerd
