#include "warm_plan.hpp"

#include <algorithm>

namespace bearerd::upstream {
namespace {

using namespace std::chrono_literals;

constexpr Duration between_looks = 1s;
constexpr Duration between_dials = 1s;
constexpr Duration per_dial = 5s; // in the long run
constexpr Duration look_while_busy = 2s;
constexpr Duration first_trial = 10s; // if the upstream closes such connections too soon to keep one
constexpr Duration longest_trial = 10min;
constexpr Duration look_at_trial = 3s; // enough for two acknowledgements of the peer's
constexpr Duration least_use = 1s;     // what is usable for less is not worth a handshake
constexpr Duration longest_pause = 60s;
constexpr Duration lost_spread = 5s;
constexpr double replaced_from = 0.75;
constexpr double replaced_within = 0.15;
constexpr int most_doublings = 6;

} // namespace

void WarmPlan::refill(TimePoint now) noexcept {
    if (dials_left_ == most_dials)
        refilled_at_ = now;
    while (dials_left_ < most_dials && now - refilled_at_ >= per_dial) {
        ++dials_left_;
        refilled_at_ += per_dial;
    }
}

void WarmPlan::back_off(TimePoint now, double dice) noexcept {
    const Duration pause =
        std::min(longest_pause, between_dials * (1 << std::min(failures_, most_doublings)));
    ++failures_;
    not_before_ = std::max(not_before_, now + std::max(between_dials, scaled(pause, 0.5 + dice)));
}

void WarmPlan::put_off_trial(TimePoint now, double dice) noexcept {
    const Duration pause = std::min(longest_trial, first_trial * (1 << std::min(trials_, most_doublings)));
    ++trials_;
    trial_at_ = now + scaled(pause, 1 + dice / 2);
}

bool WarmPlan::is_time_for_trial(const View& view, double dice) noexcept {
    if (trials_ == 0)
        put_off_trial(view.now, dice);
    if (view.outlived) {
        trials_ = 1;
        trial_at_ = std::min(trial_at_, view.now + scaled(first_trial, 1 + dice / 2));
    }
    return view.now >= trial_at_;
}

WarmPlan::Step WarmPlan::next(const View& view, double dice) noexcept {
    const TimePoint soonest = view.now + between_looks;
    if (view.busy)
        return {false, view.last_use.has_value(), view.now + look_while_busy};
    const bool ready = view.last_use.has_value();
    if (ready && view.now - *view.last_use < scaled(view.usable_age, replaced_from)) {
        const double part = replaced_from + replaced_within * dice;
        return {false, true, std::max(soonest, *view.last_use + scaled(view.usable_age, part))};
    }
    if (view.dialing)
        return {false, ready, std::nullopt};
    const bool too_short = view.usable_age_of_new < least_use;
    const bool on_trial = too_short && view.futile;
    if (!on_trial)
        trials_ = 0;
    if (on_trial && !is_time_for_trial(view, dice)) {
        const bool undecided = view.learning && !view.outlived;
        return {false, ready, undecided ? std::min(trial_at_, view.now + look_at_trial) : trial_at_};
    }
    if (too_short && view.learning && !view.futile)
        return {false, ready, soonest};
    refill(view.now);
    if (dials_left_ == 0)
        return {false, ready, std::max(soonest, refilled_at_ + per_dial)};
    if (view.now < not_before_)
        return {false, ready, std::max(soonest, not_before_)};
    if (on_trial)
        put_off_trial(view.now, dice);
    --dials_left_;
    dialed_silent_ = view.silent;
    return {true, ready, std::nullopt};
}

void WarmPlan::dial_ended(bool success, TimePoint now, double dice) noexcept {
    if (success && !dialed_silent_) { // else the new one may well be silent too
        failures_ = 0;
        not_before_ = now + between_dials;
    } else {
        back_off(now, dice);
    }
}

TimePoint WarmPlan::lost(TimePoint now, double dice) noexcept {
    not_before_ = std::max(not_before_, now + scaled(lost_spread, dice));
    return not_before_;
}

TimePoint WarmPlan::first_look(TimePoint now, double dice) noexcept {
    return now + between_looks + scaled(between_looks, dice / 2);
}

} // namespace bearerd::upstream
