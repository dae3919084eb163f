#include "warm_plan.hpp"

#include <bearerd/upstream/idle_limit.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <vector>

namespace bearerd::upstream {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint start{1000h};
constexpr double low = 0;
constexpr double high = 0.999;

WarmPlan::View nothing_ready(TimePoint now) {
    WarmPlan::View view;
    view.now = now;
    view.usable_age_of_new = 20s;
    return view;
}

WarmPlan::View ready(TimePoint now, Duration age, Duration usable) {
    WarmPlan::View view = nothing_ready(now);
    view.last_use = now - age;
    view.usable_age = usable;
    return view;
}

TEST(WarmPlan, DialsIfNothingIsReady) {
    WarmPlan plan;
    const auto step = plan.next(nothing_ready(start), low);
    EXPECT_TRUE(step.dial);
    EXPECT_FALSE(step.ready);
}

TEST(WarmPlan, LooksAgainBeforeWhatIsReadyIsTooOld) {
    for (const double dice : {low, 0.5, high}) {
        WarmPlan plan;
        const auto step = plan.next(ready(start, 0s, 20s), dice);
        EXPECT_FALSE(step.dial);
        EXPECT_TRUE(step.ready);
        ASSERT_TRUE(step.look_at);
        EXPECT_GE(*step.look_at, start + 15s);
        EXPECT_LE(*step.look_at, start + 18s);
    }
}

TEST(WarmPlan, ReplacesWhatWillSoonBeTooOld) {
    WarmPlan plan;
    EXPECT_FALSE(plan.next(ready(start, 14900ms, 20s), low).dial);
    const auto step = plan.next(ready(start, 15s, 20s), low);
    EXPECT_TRUE(step.dial);
    EXPECT_TRUE(step.ready) << "until the new one is there";
}

TEST(WarmPlan, LooksAtMostOnceASecond) {
    WarmPlan plan;
    for (const auto& view : {ready(start, 600ms, 900ms), ready(start, 14999ms, 20s)}) {
        const auto step = plan.next(view, low);
        if (step.look_at) {
            EXPECT_GE(*step.look_at, start + 1s);
        }
    }
}

TEST(WarmPlan, DialsNothingWhileRequestsOrADialAreUnderWay) {
    WarmPlan plan;
    auto view = nothing_ready(start);
    view.busy = true;
    auto step = plan.next(view, low);
    EXPECT_FALSE(step.dial);
    ASSERT_TRUE(step.look_at);
    EXPECT_GE(*step.look_at, start + 1s);
    view.busy = false;
    view.dialing = true;
    step = plan.next(view, low);
    EXPECT_FALSE(step.dial);
    EXPECT_FALSE(step.look_at);
}

TEST(WarmPlan, FailuresInARowDoubleThePauseUpToAMinute) {
    WarmPlan plan;
    TimePoint now = start;
    Duration before{0};
    for (int i = 0; i < 12; ++i) {
        ASSERT_TRUE(plan.next(nothing_ready(now), low).dial) << i;
        plan.dial_ended(false, now, 0.5);
        const auto step = plan.next(nothing_ready(now), low);
        EXPECT_FALSE(step.dial);
        ASSERT_TRUE(step.look_at);
        const Duration pause = *step.look_at - now;
        EXPECT_GE(pause, before) << i;
        EXPECT_LE(pause, 60s);
        EXPECT_FALSE(plan.next(nothing_ready(*step.look_at - 1ms), low).dial);
        before = pause;
        now = *step.look_at;
    }
    EXPECT_EQ(before, 60s);
    ASSERT_TRUE(plan.next(nothing_ready(now), low).dial);
    plan.dial_ended(true, now, 0.5); // it is back
    EXPECT_TRUE(plan.next(nothing_ready(now + 1s), low).dial);
}

TEST(WarmPlan, FailuresOfManyTillsSpread) {
    WarmPlan one;
    WarmPlan two;
    for (int i = 0; i < 4; ++i) {
        one.dial_ended(false, start, low);
        two.dial_ended(false, start, high);
    }
    const auto first = one.next(nothing_ready(start), low).look_at;
    const auto second = two.next(nothing_ready(start), low).look_at;
    ASSERT_TRUE(first && second);
    EXPECT_GT(*second - *first, 4s);
}

TEST(WarmPlan, DialsAtABoundedRateHoweverShortTheConnectionsLive) {
    WarmPlan plan;
    int dials = 0;
    for (TimePoint now = start; now < start + 15min; now += 1s) {
        auto view = nothing_ready(now);
        view.usable_age_of_new = 1s;
        if (plan.next(view, low).dial) {
            ++dials;
            plan.dial_ended(true, now, low);
        }
    }
    EXPECT_LE(dials, 12 + 15 * 60 / 5);
    EXPECT_GE(dials, 15 * 60 / 5);
}

TEST(WarmPlan, KeepsNothingThatTheUpstreamClosesAtOnce) {
    WarmPlan plan;
    auto view = nothing_ready(start);
    view.usable_age_of_new = 700ms;
    view.futile = true;
    const auto step = plan.next(view, low);
    EXPECT_FALSE(step.dial);
    ASSERT_TRUE(step.look_at);
    EXPECT_GE(*step.look_at, start + 10s);
}

/// The upstream has ended one early, as at a restart.
WarmPlan::View ended_early(TimePoint now) {
    auto view = nothing_ready(now);
    view.usable_age_of_new = 140ms;
    view.futile = true;
    return view;
}

TEST(WarmPlan, TriesAgainAfterAnEarlyCloseAfterPausesThatGrow) {
    WarmPlan plan;
    TimePoint last = start;
    std::vector<Duration> pauses;
    for (TimePoint now = start; now < start + 1h; now += 1s) {
        if (!plan.next(ended_early(now), low).dial)
            continue;
        plan.dial_ended(true, now, low);
        pauses.push_back(now - last);
        last = now;
    }
    const std::vector<Duration> expected{10s, 20s, 40s, 80s, 160s, 320s, 600s, 600s, 600s, 600s};
    EXPECT_EQ(pauses, expected);
}

TEST(WarmPlan, IsNotCalledOftenWhileItWaitsForATrial) {
    WarmPlan plan;
    int looks = 0;
    TimePoint now = start;
    while (now < start + 1h) {
        const auto step = plan.next(ended_early(now), 0.5);
        ++looks;
        if (step.dial)
            plan.dial_ended(true, now, 0.5);
        now = step.look_at.value_or(now + 1s);
    }
    EXPECT_LE(looks, 60);
}

TEST(WarmPlan, OneOnTrialThatOutlivesTheCloseIsFollowedSoon) {
    WarmPlan plan;
    TimePoint now = start;
    while (now < start + 30min) {
        if (plan.next(ended_early(now), low).dial)
            plan.dial_ended(true, now, low);
        now += 1s;
    }
    auto view = ended_early(now);
    view.learning = true;
    const auto undecided = plan.next(view, low);
    ASSERT_TRUE(undecided.look_at);
    EXPECT_EQ(*undecided.look_at, now + 3s);
    view.outlived = true;
    const auto outlived = plan.next(view, low);
    ASSERT_TRUE(outlived.look_at);
    EXPECT_EQ(*outlived.look_at, now + 10s);
    view.now += 10s;
    EXPECT_TRUE(plan.next(view, low).dial);
}

/// With what IdleLimit makes of it, as WarmKeeper does: an upstream that restarts ends one connection early.
TEST(WarmPlan, AnEarlyCloseThatIsNotRepeatedIsForgottenWithinMinutes) {
    WarmPlan plan;
    IdleLimit limit;
    limit.closed(200ms, start);
    std::vector<TimePoint> made; // those that live
    std::optional<TimePoint> works_at;
    for (TimePoint now = start + 1s; now < start + 1h && !works_at; now += 1s) {
        auto view = nothing_ready(now);
        for (const TimePoint opened : made) {
            view.learning = true;
            limit.survived(now - opened, now - opened - 1s);
        }
        const KnownLimit known = limit.known(now);
        view.usable_age_of_new = usable_age(known, 2s);
        view.futile = known.closes_at.has_value();
        view.outlived =
            known.closes_at && !made.empty() && now - made.back() > clearly_beyond(*known.closes_at);
        if (plan.next(view, 0.5).dial) {
            plan.dial_ended(true, now, 0.5);
            made.push_back(now);
        }
        std::erase_if(made, [now](TimePoint opened) { return now - opened > 30s; });
        if (!view.futile)
            works_at = now;
    }
    ASSERT_TRUE(works_at);
    EXPECT_LE(*works_at, start + 5min);
}

/// With a short `reuse_for_mutations`, one connection has to grow old before the next one is of use.
TEST(WarmPlan, MakesOneToLearnFrom) {
    WarmPlan plan;
    auto view = nothing_ready(start);
    view.usable_age_of_new = 100ms;
    EXPECT_TRUE(plan.next(view, low).dial);
    plan.dial_ended(true, start, low);
    view.now = start + 1s;
    view.learning = true;
    EXPECT_FALSE(plan.next(view, low).dial);
    view.now = start + 2s;
    view.usable_age_of_new = 1s;
    EXPECT_TRUE(plan.next(view, low).dial);
}

TEST(WarmPlan, ReplacesSilentOnesMoreAndMoreSlowly) {
    WarmPlan plan;
    int dials = 0;
    for (TimePoint now = start; now < start + 15min; now += 1s) {
        auto view = nothing_ready(now);
        view.silent = true;
        if (plan.next(view, low).dial) {
            ++dials;
            plan.dial_ended(true, now, high);
        }
    }
    EXPECT_LE(dials, 25);
}

TEST(WarmPlan, WhatTheUpstreamEndedIsReplacedAfterARandomPause) {
    WarmPlan plan;
    EXPECT_EQ(plan.lost(start, low), start);
    const TimePoint later = WarmPlan{}.lost(start, high);
    EXPECT_GT(later, start + 4s);
    EXPECT_LE(later, start + 5s);
    plan = {};
    const TimePoint look = plan.lost(start, high);
    EXPECT_FALSE(plan.next(nothing_ready(look - 1ms), low).dial);
    EXPECT_TRUE(plan.next(nothing_ready(look), low).dial);
}

} // namespace
} // namespace bearerd::upstream
