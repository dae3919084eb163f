#pragma once

#include <chrono>

namespace bearerd::test {

/// How long a test waits for what must happen. Only a failing test waits that long, so it is generous enough
/// for sanitizers on a busy machine.
inline constexpr std::chrono::milliseconds patience{30'000};

/// The time by which something has to happen.
class Deadline {
public:
    explicit Deadline(std::chrono::milliseconds from_now = patience) : end_{Clock::now() + from_now} {}

    /// Returns the time left, in the form that poll() takes; never negative.
    [[nodiscard]] int left_ms() const {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end_ - Clock::now()).count();
        return left > 0 ? static_cast<int>(left) : 0;
    }

    [[nodiscard]] bool passed() const { return Clock::now() >= end_; }

    [[nodiscard]] auto time_point() const { return end_; }

private:
    using Clock = std::chrono::steady_clock;
    Clock::time_point end_;
};

} // namespace bearerd::test
