#pragma once

#include "value.hpp"

#include <chrono>

namespace bearerd::sim {

/// The points that operations cost: a maximum that refills with time. Reported in every answer.
class Throttle {
public:
    /// From full; `refill` is the time from none to all. `refuses`: an operation that costs more than is left
    /// is refused; otherwise it takes what there is.
    void set(double capacity, std::chrono::milliseconds refill, bool refuses);

    /// Returns whether the operation may run; if so, takes its price. `now` must never go back.
    [[nodiscard]] bool take(std::int64_t price, std::chrono::milliseconds now);

    /// {"maximumAvailable":8000,"currentlyAvailable":7986}, as of the last `take`.
    [[nodiscard]] Json status() const;

private:
    double capacity_ = 8000;
    double restored_each_ms_ = 0.4;
    bool refuses_ = false;
    double left_ = 8000;
    std::chrono::milliseconds at_{0};
};

} // namespace bearerd::sim
