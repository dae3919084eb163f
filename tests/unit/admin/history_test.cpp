#include <bearerd/admin/history.hpp>
#include <bearerd/outcome/request_outcome.hpp>

#include <gtest/gtest.h>

namespace bearerd::admin {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint opened{1'000s};

TEST(History, TakesOneSampleAnIntervalHoweverOftenItLooks) {
    Stats first;
    Stats second;
    History history;
    for (Duration passed{}; passed <= 60s; passed += 1s) {
        first.requests.at(OperationKind::query, outcome::RequestOutcome{graphql::Verdict::ok}).add();
        second.requests.at(OperationKind::mutation, outcome::RequestOutcome{graphql::Verdict::rejected})
            .add();
        second.request_duration.observe(3ms);
        history.look({&first, &second}, opened + passed);
    }
    ASSERT_EQ(history.samples().size(), 7U);
    EXPECT_EQ(history.samples().front().at, opened);
    EXPECT_EQ(history.samples().front().requests, 2U);
    const History::Sample& last = history.samples().back();
    EXPECT_EQ(last.at, opened + 54s) << "a timer that is a little early loses no sample";
    EXPECT_EQ(last.requests, 2 * 55U);
    EXPECT_EQ(last.durations[4], 55U);
}

TEST(History, KeepsFiveMinutesAndNoMore) {
    Stats stats;
    History history;
    for (Duration passed{}; passed <= 1h; passed += History::interval)
        history.look({&stats}, opened + passed);
    EXPECT_EQ(history.samples().back().at, opened + 1h);
    EXPECT_EQ(history.samples().front().at, opened + 1h - History::kept);
    EXPECT_LE(history.samples().size(), 32U);
    history.look({&stats}, opened + 24h);
    EXPECT_EQ(history.samples().size(), 1U) << "a machine that slept has nothing to show";
}

} // namespace
} // namespace bearerd::admin
