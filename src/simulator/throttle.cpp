#include "throttle.hpp"

#include <algorithm>

namespace bearerd::sim {

void Throttle::set(double capacity, std::chrono::milliseconds refill, bool refuses) {
    capacity_ = left_ = capacity;
    restored_each_ms_ = capacity / static_cast<double>(std::max<std::int64_t>(1, refill.count()));
    refuses_ = refuses;
}

bool Throttle::take(std::int64_t price, std::chrono::milliseconds now) {
    left_ = std::min(capacity_, left_ + restored_each_ms_ * static_cast<double>((now - at_).count()));
    at_ = now;
    if (refuses_ && static_cast<double>(price) > left_)
        return false;
    left_ = std::max(0.0, left_ - static_cast<double>(price));
    return true;
}

Json Throttle::status() const {
    return {{"maximumAvailable", static_cast<std::int64_t>(capacity_)},
            {"currentlyAvailable", static_cast<std::int64_t>(left_)}};
}

} // namespace bearerd::sim
