#include "fleet_machine.hpp"

#include <algorithm>
#include <chrono>

namespace bearerd::auth {
namespace {

using namespace std::chrono_literals;
using StepKind = FleetMachine::Step::Kind;

// Between two looks at what another replica's login has brought.
constexpr Duration shortest_wait = 50ms;
constexpr Duration widest_jitter = 100ms;

/// What is left of a token that is worth adopting.
constexpr Duration least_left = 1s;

FleetMachine::Step step(StepKind kind) noexcept {
    FleetMachine::Step result;
    result.kind = kind;
    return result;
}

} // namespace

FleetMachine::Step FleetMachine::begin(TimePoint deadline, bool renews) noexcept {
    deadline_ = deadline;
    renews_ = renews;
    has_lease_ = false;
    next_era_ = 0;
    rejections_ = 0;
    read_ = {};
    return step(StepKind::read);
}

bool FleetMachine::is_newer(const Found& found) const noexcept {
    if (!found.version || found.left < least_left)
        return false;
    // The era of a login without the store is this replica's own, and a token of the token store's file has
    // none, so the upstream's clock decides.
    const bool has_era = !alone_ && mine_.era != 0;
    if (found.is_current) // a login of one's own would bring it again, too
        return renews_ && has_era && found.version->era > mine_.era;
    if (!has_era && mine_.issued_at != 0 && found.version->issued_at != 0 &&
        found.version->issued_at != mine_.issued_at)
        return found.version->issued_at > mine_.issued_at;
    return *found.version > mine_;
}

FleetMachine::Step FleetMachine::on_read(const Found& found, Moment at) noexcept {
    read_ = found;
    rejections_ = found.rejections;
    if (found.version)
        highest_era_ = std::max(highest_era_, found.version->era);
    if (is_newer(found)) // a token that works is better than a lock
        return step(StepKind::adopt);
    if (found.next_try) {
        auto result = step(StepKind::locked);
        result.delay = std::max(Duration{0}, *found.next_try);
        return result;
    }
    if (found.retry_after) {
        auto result = step(StepKind::put_off);
        result.delay = *found.retry_after;
        return result;
    }
    if (found.version && found.is_current && *found.version >= mine_) {
        mine_ = *found.version; // as of the token store's file: now it is known which one it is
        alone_ = false;
    }
    if (has_lease_) {
        next_era_ = std::max(next_era_, highest_era_ + 1);
        return step(StepKind::log_in);
    }
    if (at.now >= deadline_)
        return step(StepKind::give_up);
    return step(StepKind::take_lease);
}

FleetMachine::Step FleetMachine::on_lease(bool ours, std::int64_t store_time, Moment at) noexcept {
    if (ours) {
        has_lease_ = true;
        // By the store's clock a login has a later era than those before, even if the store has lost them.
        next_era_ = std::max(store_time, highest_era_ + 1);
        return step(StepKind::read);
    }
    has_lease_ = false;
    if (at.now >= deadline_)
        return step(StepKind::give_up);
    auto result = step(StepKind::wait);
    result.delay = shortest_wait + std::chrono::duration_cast<Duration>(widest_jitter * at.jitter);
    result.delay = std::min(result.delay, deadline_ - at.now);
    return result;
}

FleetMachine::Step FleetMachine::on_waited() noexcept {
    return step(StepKind::read);
}

FleetMachine::Step FleetMachine::on_no_answer() const noexcept {
    if (has_lease_)
        return step(StepKind::log_in);
    return step(renews_ ? StepKind::later : StepKind::log_in_alone);
}

TokenVersion FleetMachine::logged_in(std::int64_t issued_at, std::int64_t wall_ms) noexcept {
    alone_ = !has_lease_;
    highest_era_ = std::max(highest_era_, mine_.era);
    least_era_ = highest_era_ + 1;
    const auto era = alone_ ? std::max(wall_ms, least_era_) : next_era_;
    mine_ = {std::clamp(era, std::int64_t{1}, TokenVersion::largest), issued_at, 0};
    return mine_;
}

TokenVersion FleetMachine::dated(std::int64_t store_time) noexcept {
    mine_.era = std::clamp(std::max(store_time, least_era_), std::int64_t{1}, TokenVersion::largest);
    alone_ = false;
    return mine_;
}

TokenVersion FleetMachine::swapped(std::int64_t issued_at) noexcept {
    mine_ = {mine_.era, std::max(mine_.issued_at, issued_at), mine_.serial + 1};
    return mine_;
}

} // namespace bearerd::auth
