#include <bearerd/admin/history.hpp>

#include "totals.hpp"

namespace bearerd::admin {

void History::look(const std::vector<const Stats*>& threads, TimePoint now) {
    constexpr Duration tolerance = interval / 10;
    if (!samples_.empty() && now - samples_.back().at < interval - tolerance)
        return;
    while (!samples_.empty() && now - samples_.front().at > kept)
        samples_.pop_front();
    const Totals totals = sum(threads);
    samples_.push_back({now, totals.all_requests(), totals.request_duration.counts});
}

} // namespace bearerd::admin
