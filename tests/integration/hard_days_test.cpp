// The simulator's scenarios, and what an app sees of each through bearerd.
#include "scenario.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <future>
#include <sstream>
#include <thread>

namespace bearerd::test {
namespace {

using Json = nlohmann::json;
using testing::HasSubstr;

DaemonOptions options_for(const Simulator& simulator, std::string_view config = never_fresh) {
    return {.upstream_url = simulator.url(), .ca_pem = simulator.ca_pem(), .config = std::string{config}};
}

/// Returns the line items of a transaction, as an app looks them up.
HttpResponse look_up(const Daemon& daemon, std::string_view reference) {
    return daemon.post(
        Json{{"query",
              "query($key:String!){LineItems(merchant_transaction_reference:$key){data{merchant_transaction_"
              "reference}}}"},
             {"variables", {{"key", reference}}}}
            .dump());
}

std::size_t found(const HttpResponse& response) {
    const Json json = Json::parse(response.body, nullptr, false);
    EXPECT_TRUE(json.is_object()) << response.body;
    return json.value(Json::json_pointer{"/data/LineItems/data"}, Json::array()).size();
}

void expect_redeemed(const HttpResponse& response) {
    EXPECT_EQ(response.status, 200);
    EXPECT_THAT(response.body, HasSubstr(R"("value":-1)"));
    EXPECT_EQ(response.body.find("errors"), std::string::npos) << response.body;
}

TEST(HardDays, AreTheOnesTestedHere) {
    const Finished finished = Simulator::run_program({"--scenario", "list"});
    EXPECT_EQ(finished.exit.code, 0);
    std::string names;
    std::istringstream lines{finished.standard_output};
    for (std::string line; std::getline(lines, line);)
        names += line.substr(0, line.find_first_of("[ ")) + " ";
    EXPECT_EQ(names,
              "token-expires out-of-order lost-answers slow-login locked-account throttled upstream-down ");
    EXPECT_EQ(Simulator::run_program({"--scenario", "nonsense"}).exit.code, 64);
}

TEST(HardDays, ATokenThatExpiresMidSaleIsNotSeenByTheApp) {
    Simulator simulator{{"--scenario", "token-expires=3s"}};
    const Daemon daemon{options_for(simulator)};
    std::size_t sales = 0;
    for (const Deadline deadline; simulator.stat("expired_tokens") == 0 && !deadline.passed(); ++sales) {
        expect_redeemed(daemon.post(redemption("sale-" + std::to_string(sales))));
        std::this_thread::sleep_for(std::chrono::milliseconds{20});
    }
    EXPECT_GE(simulator.stat("expired_tokens"), 1);
    EXPECT_GE(simulator.stat("logins_ok"), 2);
    EXPECT_EQ(simulator.ledger().size(), sales);
}

TEST(HardDays, AnswersInAnotherOrderReachTheAppsThatAsked) {
    Simulator simulator{{"--scenario", "out-of-order=60s"}};
    const Daemon daemon{options_for(simulator)};
    const auto balance = [&daemon](const std::string& alias) {
        return daemon.post(R"({"query":"{)" + alias + R"(:Cards(card_reference:\"1\"){total}}"})").body;
    };
    auto first = std::async(std::launch::async, balance, "first");
    const Deadline deadline;
    while (simulator.requests().size() < 2 && !deadline.passed()) // the login, and this request
        std::this_thread::sleep_for(std::chrono::milliseconds{10});
    const std::string second = balance("second");
    EXPECT_THAT(second, HasSubstr(R"({"data":{"second":{"total":0}})"));
    EXPECT_THAT(first.get(), HasSubstr(R"({"data":{"first":{"total":0}})"));
    EXPECT_EQ(simulator.stats()["faults_by_kind"]["reorder"], 2);
}

TEST(HardDays, ALostAnswerIsUnknownAndTheLedgerHoldsOneExecution) {
    Simulator simulator{{"--scenario", "lost-answers"}};
    const Daemon daemon{options_for(simulator)};
    expect_own_error(daemon.post(redemption("sale-1")), 504, "OUTCOME_UNKNOWN", "unknown");
    EXPECT_EQ(found(look_up(daemon, "sale-1")), 1U);
    EXPECT_EQ(simulator.executions("sale-1"), 1U);
    expect_redeemed(daemon.post(redemption("sale-2")));
    expect_own_error(daemon.post(redemption("sale-3")), 504, "OUTCOME_UNKNOWN", "unknown");
    EXPECT_EQ(simulator.ledger().size(), 3U);
}

TEST(HardDays, ASlowLoginIsWaitedForWithinItsTime) {
    Simulator simulator;
    const Daemon daemon{options_for(simulator, "auth: {fresh_for: 0s, login_timeout: 30s}")};
    simulator.begin_scenario("slow-login=1s");
    simulator.revoke_tokens();
    expect_redeemed(daemon.post(redemption("sale-1")));
    EXPECT_EQ(simulator.stat("logins_ok"), 2);
    EXPECT_EQ(simulator.executions("sale-1"), 1U);
}

TEST(HardDays, ALoginThatIsTooSlowIsToldAndNothingIsExecuted) {
    Simulator simulator{{"--scenario", "slow-login=60s"}};
    const Daemon daemon{options_for(simulator, "auth: {login_timeout: 200ms}")};
    expect_own_error(daemon.post(redemption("sale-1")), 503, "LOGIN_UNAVAILABLE", "no");
    EXPECT_EQ(simulator.ledger().size(), 0U);
}

TEST(HardDays, ALockedAccountIsToldAndNotHammered) {
    Simulator simulator{{"--scenario", "locked-account"}};
    const Daemon daemon{options_for(simulator)};
    for (int i = 0; i < 20; ++i)
        expect_own_error(daemon.post(redemption("sale-1")), 502, "LOGIN_REJECTED", "no");
    EXPECT_EQ(simulator.stat("logins_rejected"), 1);
    EXPECT_EQ(simulator.ledger().size(), 0U);
}

TEST(HardDays, AThrottledSaleIsToldByTheUpstreamAndNotExecuted) {
    Simulator simulator{{"--scenario", "throttled=24h"}};
    const Daemon daemon{options_for(simulator)};
    const Json::json_pointer left{"/extensions/cost/throttleStatus/currentlyAvailable"};
    Json answer;
    int available = 40;
    std::size_t sales = 0;
    for (; sales < 40; ++sales) {
        const HttpResponse response = daemon.post(redemption("sale-" + std::to_string(sales)));
        EXPECT_EQ(response.status, 200);
        answer = Json::parse(response.body, nullptr, false);
        ASSERT_TRUE(answer.is_object()) << response.body;
        if (answer.contains("errors"))
            break;
        EXPECT_LT(answer.value(left, 40), available) << "after sale " << sales;
        available = answer.value(left, 40);
    }
    EXPECT_EQ(answer.value(Json::json_pointer{"/errors/0/extensions/code"}, ""), "THROTTLED") << answer;
    EXPECT_FALSE(answer.contains("data")) << answer;
    EXPECT_EQ(simulator.ledger().size(), sales);
    EXPECT_GE(sales, 3U);
    EXPECT_EQ(simulator.stat("throttled"), 1); // bearerd did not try again
}

TEST(HardDays, AnUpstreamThatIsDownLosesNothingAndDoublesNothing) {
    Simulator simulator{{"--scenario", "upstream-down=10m"}};
    const Daemon daemon{options_for(simulator)};
    expect_own_error(daemon.post(redemption("sale-1")), 504, "OUTCOME_UNKNOWN", "unknown");
    expect_own_error(daemon.post(redemption("sale-2")), 502, "UPSTREAM_UNREACHABLE", "no");
    EXPECT_EQ(look_up(daemon, "sale-1").status, 502);
    simulator.refuse_connections(std::chrono::milliseconds{1}); // the ten minutes are over
    const Deadline deadline;
    HttpResponse answer = look_up(daemon, "sale-1");
    while (answer.status != 200 && !deadline.passed())
        answer = look_up(daemon, "sale-1");
    EXPECT_EQ(found(answer), 0U) << answer.body;
    expect_redeemed(daemon.post(redemption("sale-1")));
    EXPECT_EQ(simulator.executions("sale-1"), 1U);
    EXPECT_EQ(simulator.ledger().size(), 1U);
}

} // namespace
} // namespace bearerd::test
