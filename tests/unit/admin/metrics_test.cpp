#include "metrics.hpp"

#include "unit/admin/exposition.hpp"
#include "unit/admin/snapshots.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>

namespace bearerd::admin {
namespace {

using namespace test;
using testing::IsEmpty;

Exposition page_of(const Snapshot& snapshot) {
    return read_exposition(metrics_text(snapshot));
}

double value(const Exposition& page, const std::string& series) {
    const auto at = page.series.find(series);
    EXPECT_NE(at, page.series.end()) << series;
    return at == page.series.end() ? std::nan("") : at->second;
}

TEST(Metrics, KeepTheRulesOfTheFormat) {
    Snapshot snapshot = working();
    EXPECT_THAT(page_of(snapshot).faults, IsEmpty());
    snapshot.version = "1.0-\"odd\\\n";
    snapshot.totals.throttle_available = 7986;
    snapshot.totals.request_duration.counts.fill(3);
    EXPECT_THAT(page_of(snapshot).faults, IsEmpty());
}

TEST(Metrics, AreThoseOfTheContractByNameTypeAndLabels) {
    Snapshot snapshot = working();
    snapshot.totals.throttle_available = 1;
    const Exposition page = page_of(snapshot);
    const std::map<std::string, std::string> types{
        {"bearerd_build_info", "gauge"},
        {"bearerd_client_connections", "gauge"},
        {"bearerd_config_last_reload_successful", "gauge"},
        {"bearerd_config_reloads_total", "counter"},
        {"bearerd_journal_missed_total", "counter"},
        {"bearerd_journal_unresolved", "gauge"},
        {"bearerd_repeats_total", "counter"},
        {"bearerd_unheard_total", "counter"},
        {"bearerd_logins_total", "counter"},
        {"bearerd_reconciliations_total", "counter"},
        {"bearerd_request_duration_seconds", "histogram"},
        {"bearerd_requests_in_flight", "gauge"},
        {"bearerd_requests_total", "counter"},
        {"bearerd_resends_total", "counter"},
        {"bearerd_token_expiry_seconds", "gauge"},
        {"bearerd_token_ignored_total", "counter"},
        {"bearerd_token_store_failures_total", "counter"},
        {"bearerd_token_swaps_total", "counter"},
        {"bearerd_upstream_connections", "gauge"},
        {"bearerd_upstream_duration_seconds", "histogram"},
        {"bearerd_upstream_handshakes_total", "counter"},
        {"bearerd_upstream_reachable", "gauge"},
        {"bearerd_upstream_throttle_available", "gauge"},
        {"bearerd_upstream_warm_connections", "gauge"},
        {"bearerd_upstream_warm_dials_total", "counter"},
    };
    EXPECT_EQ(page.types, types);
    EXPECT_EQ(value(page, R"(bearerd_build_info{version="1.2.3"})"), 1);
}

TEST(Metrics, TellEachCounterUnderItsLabel) {
    Snapshot snapshot = working();
    Totals& totals = snapshot.totals;
    set(totals.logins, {1, 2, 3});
    set(totals.token_swaps, {4, 5, 6, 40});
    totals.fleet_store_up = true;
    totals.fleet_store_errors = 41;
    totals.fleet_unclaimed = 42;
    totals.fleet_dropped = 43;
    set(totals.tokens_ignored, {7, 8, 9});
    set(totals.resends, {10, 11});
    set(totals.handshakes, {12, 13});
    set(snapshot.reloads, {14, 15});
    totals.upstream_idle = 16;
    totals.upstream_busy = 17;
    totals.client_connections = 18;
    totals.requests_in_flight = 19;
    totals.token_store_failures = 20;
    totals.throttle_available = 7986;
    set(totals.reconciliations, {21, 22, 23});
    totals.upstream_warm = 26;
    set(totals.warm_dials, {27, 28});
    snapshot.used_limit = {29s, 30s};
    snapshot.unused_limit = {31s, 32s};
    snapshot.journal = {24, 25, true, 33, 34, {}};
    set(totals.repeats, {35, 36, 37, 38, 39});
    const std::map<std::string, double> expected{
        {R"(bearerd_logins_total{result="ok"})", 1},
        {R"(bearerd_logins_total{result="rejected"})", 2},
        {R"(bearerd_logins_total{result="unavailable"})", 3},
        {R"(bearerd_token_swaps_total{source="login"})", 4},
        {R"(bearerd_token_swaps_total{source="response"})", 5},
        {R"(bearerd_token_swaps_total{source="store"})", 6},
        {R"(bearerd_token_swaps_total{source="fleet"})", 40},
        {"bearerd_fleet_store_up", 1},
        {"bearerd_fleet_store_errors_total", 41},
        {"bearerd_fleet_unclaimed_total", 42},
        {"bearerd_fleet_settlements_dropped_total", 43},
        {R"(bearerd_token_ignored_total{reason="older"})", 7},
        {R"(bearerd_token_ignored_total{reason="foreign"})", 8},
        {R"(bearerd_token_ignored_total{reason="login_operation"})", 9},
        {R"(bearerd_resends_total{reason="rejected"})", 10},
        {R"(bearerd_resends_total{reason="stale_connection"})", 11},
        {R"(bearerd_upstream_handshakes_total{resumed="false"})", 12},
        {R"(bearerd_upstream_handshakes_total{resumed="true"})", 13},
        {R"(bearerd_config_reloads_total{result="ok"})", 14},
        {R"(bearerd_config_reloads_total{result="failed"})", 15},
        {R"(bearerd_upstream_connections{state="idle"})", 16},
        {R"(bearerd_upstream_connections{state="busy"})", 17},
        {R"(bearerd_reconciliations_total{result="found"})", 21},
        {R"(bearerd_reconciliations_total{result="not_found"})", 22},
        {R"(bearerd_reconciliations_total{result="failed"})", 23},
        {"bearerd_journal_unresolved", 24},
        {"bearerd_unheard_total", 34},
        {R"(bearerd_repeats_total{result="joined"})", 35},
        {R"(bearerd_repeats_total{result="replayed"})", 36},
        {R"(bearerd_repeats_total{result="already_executed"})", 37},
        {R"(bearerd_repeats_total{result="key_reused"})", 38},
        {R"(bearerd_repeats_total{result="unknown"})", 39},
        {"bearerd_journal_missed_total", 25},
        {"bearerd_upstream_warm_connections", 26},
        {R"(bearerd_upstream_warm_dials_total{result="ok"})", 27},
        {R"(bearerd_upstream_warm_dials_total{result="failed"})", 28},
        {R"(bearerd_upstream_idle_limit_seconds{connection="used",evidence="closes"})", 29},
        {R"(bearerd_upstream_idle_limit_seconds{connection="used",evidence="survived"})", 30},
        {R"(bearerd_upstream_idle_limit_seconds{connection="unused",evidence="closes"})", 31},
        {R"(bearerd_upstream_idle_limit_seconds{connection="unused",evidence="survived"})", 32},
        {"bearerd_client_connections", 18},
        {"bearerd_requests_in_flight", 19},
        {"bearerd_token_store_failures_total", 20},
        {"bearerd_upstream_throttle_available", 7986},
        {"bearerd_upstream_reachable", 1},
        {"bearerd_token_expiry_seconds", 1800},
    };
    const Exposition page = page_of(snapshot);
    for (const auto& [series, number] : expected)
        EXPECT_EQ(value(page, series), number) << series;
}

TEST(Metrics, HaveASeriesForEachOperationAndOutcomeFromTheStart) {
    Snapshot snapshot = working();
    snapshot.totals.requests.at(OperationKind::mutation,
                                outcome::RequestOutcome{ErrorCode::outcome_unknown}) = 2;
    const Exposition page = page_of(snapshot);
    EXPECT_EQ(value(page, R"(bearerd_requests_total{operation="mutation",outcome="outcome_unknown"})"), 2);
    for (const std::string operation : {"query", "mutation", "subscription", "unknown"})
        for (const std::string outcome : {"ok", "graphql_error", "rejected", "bad_request", "shutting_down"})
            EXPECT_GE(value(page, "bearerd_requests_total{operation=\"" + operation + "\",outcome=\"" +
                                      outcome + "\"}"),
                      0);
    EXPECT_EQ(page.series, [] {
        Exposition empty = read_exposition(metrics_text(working()));
        empty.series[R"(bearerd_requests_total{operation="mutation",outcome="outcome_unknown"})"] = 2;
        return empty.series;
    }()) << "the same series before and after";
}

TEST(Metrics, ShowHistogramsCumulativelyAndInSeconds) {
    Snapshot snapshot = working();
    Distribution& duration = snapshot.totals.request_duration;
    duration.counts[0] = 1;
    duration.counts[3] = 2;
    duration.counts.back() = 4;
    duration.sum_us = 250'000'000;
    const std::string name = "bearerd_request_duration_seconds";
    const Exposition page = page_of(snapshot);
    EXPECT_EQ(value(page, name + R"(_bucket{le="0.00025"})"), 1);
    EXPECT_EQ(value(page, name + R"(_bucket{le="0.0025"})"), 3);
    EXPECT_EQ(value(page, name + R"(_bucket{le="60"})"), 3);
    EXPECT_EQ(value(page, name + R"(_bucket{le="+Inf"})"), 7);
    EXPECT_EQ(value(page, name + "_count"), 7);
    EXPECT_EQ(value(page, name + "_sum"), 250);
    EXPECT_EQ(value(page, "bearerd_upstream_duration_seconds_count"), 0);
}

TEST(Metrics, LeaveOutWhatIsNotKnownYet) {
    Snapshot snapshot = without_token("empty", "none", "");
    snapshot.health.state = upstream::Health::View::State::unknown;
    const Exposition page = page_of(snapshot);
    EXPECT_FALSE(page.types.contains("bearerd_upstream_throttle_available"));
    EXPECT_FALSE(page.types.contains("bearerd_upstream_reachable"));
    EXPECT_FALSE(page.types.contains("bearerd_fleet_store_up"));
    EXPECT_FALSE(page.types.contains("bearerd_fleet_store_errors_total"));
    EXPECT_EQ(value(page, "bearerd_token_expiry_seconds"), 0);
    EXPECT_EQ(value(page_of(with_upstream_down(snapshot, errc::timed_out)), "bearerd_upstream_reachable"), 0);
}

} // namespace
} // namespace bearerd::admin
