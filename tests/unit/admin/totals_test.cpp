#include "totals.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <vector>

namespace bearerd::admin {
namespace {

using namespace std::chrono_literals;

using graphql::Verdict;

template<auto Last>
std::vector<std::uint64_t> in_order(const Counters<Last, std::uint64_t>& counters) {
    std::vector<std::uint64_t> numbers;
    for (const auto label : values_of<decltype(Last)>())
        numbers.push_back(counters[label]);
    return numbers;
}

TEST(Totals, AddUpWhatAllThreadsCounted) {
    Stats first;
    Stats second;
    first.requests.at(OperationKind::query, outcome::RequestOutcome{Verdict::ok}).add(3);
    second.requests.at(OperationKind::query, outcome::RequestOutcome{Verdict::ok}).add(4);
    second.requests.at(OperationKind::mutation, outcome::RequestOutcome{Verdict::rejected}).add(5);
    first.request_duration.observe(3ms);
    second.request_duration.observe(4ms);
    second.upstream_duration.observe(1h);
    first.logins[LoginResult::unavailable].add();
    second.token_swaps[SwapSource::response].add(2);
    first.fleet_store_errors.add(1);
    second.fleet_store_errors.add(2);
    second.fleet_unclaimed.add(3);
    first.fleet_dropped.add(4);
    second.tokens_ignored[IgnoredToken::older].add(6);
    first.token_store_failures.add(7);
    first.resends[ResendReason::stale_connection].add(8);
    first.reconciliations[Finding::not_found].add(11);
    second.reconciliations[Finding::not_found].add(12);
    second.handshakes[Handshake::full].add(9);
    first.upstream_idle.set(2);
    second.upstream_idle.set(1);
    second.upstream_busy.set(4);
    first.client_connections.set(10);
    second.client_connections.set(20);
    first.requests_in_flight.set(-1);
    second.requests_in_flight.set(6);
    const Totals totals = sum({&first, &second});
    EXPECT_EQ(totals.requests.at(OperationKind::query, outcome::RequestOutcome{Verdict::ok}), 7U);
    EXPECT_EQ(totals.all_requests(), 12U);
    EXPECT_EQ(totals.of_kind(OperationKind::query), 7U);
    EXPECT_EQ(totals.of_kind(OperationKind::mutation), 5U);
    EXPECT_EQ(totals.with_outcome(Verdict::rejected), 5U);
    EXPECT_EQ(totals.request_duration.count(), 2U);
    EXPECT_EQ(totals.request_duration.counts[4], 2U) << "2.5 to 5 ms";
    EXPECT_EQ(totals.request_duration.sum_us, 7000U);
    EXPECT_EQ(totals.upstream_duration.counts.back(), 1U) << "above all bounds";
    EXPECT_EQ(in_order(totals.logins), (std::vector<std::uint64_t>{0, 0, 1}));
    EXPECT_EQ(totals.fleet_store_errors, 3U);
    EXPECT_EQ(totals.fleet_unclaimed, 3U);
    EXPECT_EQ(totals.fleet_dropped, 4U);
    EXPECT_EQ(in_order(totals.token_swaps), (std::vector<std::uint64_t>{0, 2, 0, 0}));
    EXPECT_EQ(in_order(totals.tokens_ignored), (std::vector<std::uint64_t>{6, 0, 0}));
    EXPECT_EQ(totals.token_store_failures, 7U);
    EXPECT_EQ(in_order(totals.resends), (std::vector<std::uint64_t>{0, 8}));
    EXPECT_EQ(in_order(totals.handshakes), (std::vector<std::uint64_t>{9, 0}));
    EXPECT_EQ(in_order(totals.reconciliations), (std::vector<std::uint64_t>{0, 23, 0}));
    EXPECT_EQ(totals.upstream_idle, 3);
    EXPECT_EQ(totals.upstream_busy, 4);
    EXPECT_EQ(totals.client_connections, 30);
    EXPECT_EQ(totals.requests_in_flight, 5);
}

TEST(Totals, KnowNoThrottleUntilAThreadWasToldAndThenTheLeast) {
    Stats first;
    Stats second;
    EXPECT_EQ(sum({&first, &second}).throttle_available, std::nullopt);
    second.throttle_available.set(7986);
    EXPECT_EQ(sum({&first, &second}).throttle_available, 7986);
    first.throttle_available.set(0);
    EXPECT_EQ(sum({&first, &second}).throttle_available, 0);
}

TEST(Totals, KnowThatTheStoreOfAFleetIsUpIfItIsForEachThreadThatHasOne) {
    Stats first;
    Stats second;
    EXPECT_EQ(sum({&first, &second}).fleet_store_up, std::nullopt);
    second.fleet_store_up.set(1);
    EXPECT_EQ(sum({&first, &second}).fleet_store_up, true);
    first.fleet_store_up.set(0);
    EXPECT_EQ(sum({&first, &second}).fleet_store_up, false);
}

TEST(Distribution, HasNoQuantilesWithoutObservations) {
    EXPECT_EQ(Distribution{}.quantile_ms(0.5), std::nullopt);
}

TEST(Distribution, FindsQuantilesWithinTheirBucket) {
    Distribution even; // 100 between 1 and 2.5 ms, 100 between 5 and 10 ms
    even.counts[3] = 100;
    even.counts[5] = 100;
    EXPECT_DOUBLE_EQ(even.quantile_ms(0.25).value_or(0), 1.75);
    EXPECT_DOUBLE_EQ(even.quantile_ms(0.5).value_or(0), 2.5);
    EXPECT_DOUBLE_EQ(even.quantile_ms(0.75).value_or(0), 7.5);
    EXPECT_DOUBLE_EQ(even.quantile_ms(1).value_or(0), 10);
    EXPECT_DOUBLE_EQ(even.quantile_ms(0).value_or(-1), 1) << "where the first one may lie";
}

TEST(Distribution, TellsTheHighestBoundForWhatLiesAboveAll) {
    Distribution slow;
    slow.counts.back() = 1;
    EXPECT_DOUBLE_EQ(slow.quantile_ms(0.99).value_or(0), 60'000);
}

} // namespace
} // namespace bearerd::admin
