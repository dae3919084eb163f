#include "status.hpp"

#include "unit/admin/snapshots.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace bearerd::admin {
namespace {

using namespace test;
using nlohmann::ordered_json;

ordered_json status(const Snapshot& snapshot) {
    return ordered_json::parse(status_json(snapshot));
}

std::vector<std::string> keys(const ordered_json& object) {
    std::vector<std::string> names;
    for (const auto& [name, value] : object.items())
        names.push_back(name);
    return names;
}

TEST(Status, HasTheKeysOfTheContractFirstInEachObject) {
    const ordered_json json = status(working());
    EXPECT_EQ(keys(json), (std::vector<std::string>{"version", "host", "uptime_s", "ready", "reason",
                                                    "summary", "configuration", "token", "login", "upstream",
                                                    "requests", "journal"}));
    EXPECT_EQ(json["version"], "1.2.3");
    EXPECT_EQ(json["uptime_s"], 86'400);
    EXPECT_EQ(json["ready"], true);
    EXPECT_EQ(json["token"],
              ordered_json::parse(R"({"state":"valid","expires_in_s":1800,"identity":"till-042"})"));
    EXPECT_EQ(json["login"],
              ordered_json::parse(R"({"last_result":"ok","last_reason":"","next_try_s":null})"));
    EXPECT_EQ(json["upstream"],
              ordered_json::parse(R"({"url":"https://api.example.com/graphql","reachable":true,
        "last_error":null,"last_error_age_s":null,"connections":{"idle":0,"busy":0,"warm":0},
        "idle_limit":{"used":{"closes_at_s":null,"survived_s":null},"unused":{"closes_at_s":null,"survived_s":null}},
        "throttle_available":null})"));
}

TEST(Status, TellsWhatWasLearnedOfIdleConnections) {
    Snapshot snapshot = working();
    snapshot.totals.upstream_warm = 1;
    snapshot.used_limit = {75s, 30s};
    snapshot.unused_limit.survived_for = 21'040ms;
    const ordered_json json = status(snapshot)["upstream"];
    EXPECT_EQ(json["connections"]["warm"], 1);
    EXPECT_EQ(json["idle_limit"]["used"]["closes_at_s"], 75);
    EXPECT_EQ(json["idle_limit"]["used"]["survived_s"], 30);
    EXPECT_EQ(json["idle_limit"]["unused"]["closes_at_s"], nullptr);
    EXPECT_EQ(json["idle_limit"]["unused"]["survived_s"], 21);
}

TEST(Status, TellsOfALoginThatFailedAndAnUpstreamThatIsDown) {
    Snapshot snapshot =
        with_upstream_down(without_token("backing_off", "unavailable", "timed out"), errc::timed_out);
    snapshot.auth.next_try = 1200ms;
    snapshot.since_last_error = 5900ms;
    snapshot.totals.throttle_available = 12;
    const ordered_json json = status(snapshot);
    EXPECT_EQ(json["ready"], false);
    EXPECT_EQ(json["reason"], "no token: login unavailable: timed out; next try in 2 s");
    EXPECT_EQ(json["summary"]["title"], "No answer in time");
    EXPECT_EQ(json["summary"]["level"], "bad");
    EXPECT_EQ(json["token"]["expires_in_s"], nullptr);
    EXPECT_EQ(json["login"]["next_try_s"], 2) << "not before the time";
    EXPECT_EQ(json["login"]["last_reason"], "timed out");
    EXPECT_EQ(json["upstream"]["reachable"], false);
    EXPECT_EQ(json["upstream"]["last_error"], "timed out");
    EXPECT_EQ(json["upstream"]["last_error_age_s"], 5);
    EXPECT_EQ(json["upstream"]["throttle_available"], 12);
    snapshot.health.state = upstream::Health::View::State::unknown;
    EXPECT_EQ(status(snapshot)["upstream"]["reachable"], nullptr);
}

TEST(Status, CountsRequestsByOutcomeAndOperation) {
    Snapshot snapshot = working();
    Totals& totals = snapshot.totals;
    totals.requests.at(OperationKind::query, outcome::RequestOutcome{Verdict::ok}) = 10;
    totals.requests.at(OperationKind::mutation, outcome::RequestOutcome{Verdict::ok}) = 5;
    totals.requests.at(OperationKind::mutation, outcome::RequestOutcome{ErrorCode::outcome_unknown}) = 2;
    totals.requests_in_flight = 3;
    totals.client_connections = 4;
    set(totals.resends, {5, 6});
    set(totals.reconciliations, {7, 8, 9});
    totals.request_duration.counts[3] = 17; // 1 to 2.5 ms
    const ordered_json requests = status(snapshot)["requests"];
    EXPECT_EQ(requests["total"], 17);
    EXPECT_EQ(requests["in_flight"], 3);
    EXPECT_EQ(requests["client_connections"], 4);
    EXPECT_EQ(requests["by_outcome"].size(), outcome::RequestOutcome::count);
    EXPECT_EQ(requests["by_outcome"]["ok"], 15);
    EXPECT_EQ(requests["by_outcome"]["outcome_unknown"], 2);
    EXPECT_EQ(requests["by_operation"]["query"], 10);
    EXPECT_EQ(requests["by_operation"]["mutation"], 7);
    EXPECT_EQ(requests["resends"]["stale_connection"], 6);
    EXPECT_EQ(requests["reconciliations"], ordered_json::parse(R"({"found":7,"not_found":8,"failed":9})"));
    EXPECT_EQ(requests["latency"]["p50_ms"], 1.75);
    EXPECT_EQ(requests["latency"]["p99_ms"], 2.49);
    EXPECT_EQ(requests["latency"]["buckets"][3], ordered_json::parse(R"({"le_ms":2.5,"count":17})"));
    EXPECT_EQ(requests["latency"]["buckets"].back(), ordered_json::parse(R"({"le_ms":null,"count":0})"));
    EXPECT_EQ(requests["upstream_latency"]["p50_ms"], nullptr);
}

TEST(Status, TellsOfTheJournalWhereOneIsKept) {
    Snapshot snapshot = working();
    EXPECT_EQ(status(snapshot)["journal"], nullptr);
    snapshot.journal = {3, 4, false};
    EXPECT_EQ(status(snapshot)["journal"],
              ordered_json::parse(R"({"unresolved":3,"unheard":0,"missed":4,"working":false,"listed":[]})"));
}

TEST(Status, ListsTheTransactionsThatSomebodyHasToLookAfter) {
    Snapshot snapshot = working();
    snapshot.journal = journal::View{};
    snapshot.journal->unresolved = 1;
    journal::JournalEntry entry;
    entry.intent.at_ms = 5;
    entry.intent.request_id = "till-7";
    entry.intent.operation = "Redeem";
    entry.intent.fields = {{"pay", "ref", "sale-1"}, {"note", "", ""}};
    snapshot.journal->listed = {entry};
    EXPECT_EQ(status(snapshot)["journal"]["listed"],
              ordered_json::parse(R"([{"at_ms":5,"request_id":"till-7","fields":"pay, note","key":"sale-1",)"
                                  R"("executed":"unknown"}])"));
    EXPECT_EQ(status(snapshot)["summary"]["level"], "warning");
}

TEST(Status, IsJsonWhateverBytesTheUpstreamsMessageHolds) {
    const Snapshot snapshot = without_token("rejected", "rejected", "no\xff\"</script>\n");
    EXPECT_EQ(status(snapshot)["login"]["last_reason"], "no\xEF\xBF\xBD\"</script>\n");
    EXPECT_TRUE(ordered_json::accept(readiness_json(readiness(snapshot))));
}

TEST(ReadinessAnswer, HasBothKeys) {
    EXPECT_EQ(readiness_json({true, ""}), "{\"ready\":true,\"reason\":\"\"}\n");
    EXPECT_EQ(readiness_json({false, "draining"}), "{\"ready\":false,\"reason\":\"draining\"}\n");
}

} // namespace
} // namespace bearerd::admin
