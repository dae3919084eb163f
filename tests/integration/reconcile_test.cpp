#include "scenario.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <map>
#include <thread>

namespace bearerd::test {
namespace {

using testing::HasSubstr;
using Json = nlohmann::json;
using namespace std::chrono_literals;

/// Returns Toggle's rule, as in the example configuration.
std::string toggle_rule(const std::string& within = "30s", const std::string& more = "") {
    return "transactions:\n  look_up_for: " + within +
           "\n  rules:\n    - mutation: createBalanceAdjustment\n      key: merchant_transaction_reference\n"
           "      query: \"query($key:String!){LineItems(merchant_transaction_reference:$key){data{id}}}\"\n"
           "      found: /data/LineItems/data/0/id\n" +
           more;
}

DaemonOptions in_front_of(const Simulator& upstream, std::string config) {
    return {.upstream_url = upstream.url(), .ca_pem = upstream.ca_pem(), .config = std::move(config)};
}

/// Returns `errors[0].extensions` of a GraphQL answer; null if there is none.
Json extensions_of(const HttpResponse& response) {
    return Json::parse(response.body, nullptr, false)
        .value(Json::json_pointer{"/errors/0/extensions"}, Json{});
}

/// Expects that the app gets the outcome as unknown, and what was found out about it.
void expect_told(const HttpResponse& response, const char* executed) {
    EXPECT_EQ(response.status, 504) << response.body;
    const Json told = extensions_of(response);
    EXPECT_EQ(told.value("code", ""), "OUTCOME_UNKNOWN") << response.body;
    EXPECT_EQ(told.value("executed", ""), executed) << response.body;
}

bool asks(const Json& request) {
    for (const Json& operation : request.value("operations", Json::array()))
        if (operation.dump().find("LineItems") != std::string::npos)
            return true;
    return false;
}

std::int64_t questions_to(const Simulator& upstream) {
    const Json requests = upstream.requests();
    return std::count_if(requests.begin(), requests.end(), asks);
}

TEST(Reconcile, TellsThatAMutationWasExecutedWhoseAnswerWasLost) {
    Simulator upstream;
    Daemon daemon{in_front_of(upstream, toggle_rule())};
    upstream.set_faults(lost_answer);
    const HttpResponse response = daemon.post(redemption("sale-1"));
    expect_told(response, "yes");
    EXPECT_THAT(response.body, HasSubstr("was executed"));
    EXPECT_EQ(upstream.executions("sale-1"), 1U);
    // What was found is the same as what the app finds with the same query.
    const Json items = Json::parse(
        daemon.post(R"({"query":"{LineItems(merchant_transaction_reference:\"sale-1\"){data{id}}}"})").body);
    EXPECT_EQ(extensions_of(response)["reconciled"], items["data"]["LineItems"]["data"][0]["id"]);

    EXPECT_TRUE(daemon.wait_for_metric(R"(bearerd_reconciliations_total{result="found"})", 1));
    const Json status = Json::parse(daemon.admin("/status.json").body);
    EXPECT_EQ(status["requests"]["by_outcome"]["outcome_unknown"], 1);
    EXPECT_EQ(status["requests"]["reconciliations"]["found"], 1);
    const auto line = daemon.process().wait_for_line("outcome_unknown");
    ASSERT_TRUE(line);
    EXPECT_THAT(*line, HasSubstr("executed=yes"));
    EXPECT_THAT(daemon.output(), testing::Not(HasSubstr("sale-1")));
}

TEST(Reconcile, LeavesAMutationUnknownThatWasNotExecuted) {
    Simulator upstream;
    const Daemon daemon{in_front_of(upstream, toggle_rule("3s"))};
    upstream.set_faults(lost_request);
    const HttpResponse response = daemon.post(redemption("sale-1"));
    expect_told(response, "unknown");
    ASSERT_TRUE(extensions_of(response).contains("reconciled")) << response.body;
    EXPECT_TRUE(extensions_of(response)["reconciled"].is_null());
    EXPECT_EQ(upstream.executions("sale-1"), 0U);
    EXPECT_TRUE(daemon.wait_for_metric(R"(bearerd_reconciliations_total{result="not_found"})", 1));
}

TEST(Reconcile, FindsAMutationThatIsExecutedOnlyWhileItAsks) {
    Simulator upstream;
    Daemon daemon{in_front_of(upstream, toggle_rule("60s", "upstream: {response_timeout: 200ms}"))};
    upstream.set_faults(R"({"kind":"delay","operations":"mutation","delay_ms":1500})");
    expect_told(daemon.post(redemption("sale-1")), "yes");
    EXPECT_EQ(upstream.executions("sale-1"), 1U);
    EXPECT_GE(questions_to(upstream), 2);
}

TEST(Reconcile, FindsItWhateverTheMutationLooksLike) {
    const auto with = [](const std::string& query, const Json& variables) {
        return Json{{"query", query}, {"variables", variables}}.dump();
    };
    const auto field = [](const std::string& reference) {
        return "createBalanceAdjustment(currency:\"GBP\",value:-1,merchant_id:26,"
               "unit_epos_reference:\"2251799825000010\",card_reference:\"" +
               std::string{card_number} + "\",merchant_transaction_reference:" + reference + "){id}";
    };

    const struct {
        const char* reference;
        std::string body;
    } cases[] = {
        {"by-variable", with("mutation Redeem($r:String!){" + field("$r") + "}", {{"r", "by-variable"}})},
        {"by-default",
         with("mutation Redeem($r:String=\"by-default\"){" + field("$r") + "}", Json::object())},
        {"by-alias", with("mutation{sale:" + field("\"by-alias\"") + "}", nullptr)},
        {"by-fragment",
         with("mutation{...Sale} fragment Sale on Mutation{" + field("\"by-fragment\"") + "}", nullptr)},
        {"by-condition", with("mutation($no:Boolean!){" + field("\"by-condition\"") +
                                  " other:createReversal(line_item_id:1)@include(if:$no){id}}",
                              {{"no", false}})},
    };

    Simulator upstream;
    Daemon daemon{in_front_of(upstream, toggle_rule())};
    for (const auto& each : cases) {
        SCOPED_TRACE(each.reference);
        upstream.set_faults(lost_answer);
        expect_told(daemon.post(each.body), "yes");
        EXPECT_EQ(upstream.executions(each.reference), 1U);
    }
    upstream.set_faults(lost_answer);
    const HttpResponse batch =
        daemon.post("[" + redemption("batch-1") + "," + balance_query() + "," + redemption("batch-2") + "]");
    expect_told(batch, "yes");
    EXPECT_EQ(extensions_of(batch)["reconciled"].size(), 2U) << batch.body;
    EXPECT_EQ(upstream.executions("batch-1"), 1U);
    EXPECT_EQ(upstream.executions("batch-2"), 1U);
}

TEST(Reconcile, AsksNothingWhereItCantTellOneTransactionFromAnother) {
    Simulator upstream;
    Daemon daemon{in_front_of(upstream, toggle_rule())};
    const std::string twice = "[" + redemption("same") + "," + redemption("same") + "]";
    for (const std::string& body : {std::string{some_mutation}, redemption(""), twice}) {
        upstream.set_faults(lost_answer);
        expect_own_error(daemon.post(body), 504, "OUTCOME_UNKNOWN", "unknown");
    }
    EXPECT_EQ(questions_to(upstream), 0);
}

TEST(Reconcile, IsOffWithoutRules) {
    Simulator upstream;
    Daemon daemon{in_front_of(upstream, "transactions: {look_up_for: 1s}")};
    upstream.set_faults(lost_answer);
    expect_own_error(daemon.post(redemption("sale-1")), 504, "OUTCOME_UNKNOWN", "unknown");
    EXPECT_EQ(questions_to(upstream), 0);
}

TEST(Reconcile, AsksAgainWhereAQuestionIsLostOrItsTokenRefused) {
    Simulator upstream;
    Daemon daemon{in_front_of(upstream, toggle_rule("30s", "auth: {fresh_for: 0s}"))};
    upstream.set_faults(R"([{"kind":"close_after","operations":"mutation","next":1},)"
                        R"({"kind":"close_before","operations":"query","next":1},)"
                        R"({"kind":"reject","operations":"query","after":1,"next":1}])");
    expect_told(daemon.post(redemption("sale-1")), "yes");
    EXPECT_EQ(upstream.stat("logins_ok"), 2);
    EXPECT_EQ(upstream.executions("sale-1"), 1U);
}

TEST(Reconcile, EndsWithTheGracePeriodOfAShutdown) {
    Simulator upstream;
    Daemon daemon{in_front_of(upstream, toggle_rule("1m", "shutdown_grace: 100ms"))};
    upstream.set_faults(lost_request);
    HttpClient client = daemon.client();
    client.send(client.format("POST", "/graphql", redemption("sale-1")));
    const Deadline deadline;
    while (questions_to(upstream) == 0 && !deadline.passed())
        std::this_thread::sleep_for(10ms);
    ASSERT_GT(questions_to(upstream), 0);
    const auto stopped = daemon.stop();
    expect_told(client.read_response(), "unknown");
    ASSERT_TRUE(stopped);
    EXPECT_EQ(stopped->code, 0);
}

/// The claim, by the ledger: nearly everything that was executed without an answer is reported as "yes", and
/// nothing else is.
TEST(Reconcile, TellsYesOfWhatTheLedgerHoldsAndOfNothingElse) {
    constexpr std::size_t tills = 16;
    constexpr std::size_t sales = 25;
    Simulator upstream{{"--seed", "7"}};
    const Daemon daemon{in_front_of(upstream, toggle_rule("8s", "threads: 2"))};
    upstream.set_faults(R"([{"kind":"close_after","operations":"mutation","probability":0.2},)"
                        R"({"kind":"half_answer","operations":"mutation","probability":0.1},)"
                        R"({"kind":"half_answer_rst","operations":"mutation","probability":0.1},)"
                        R"({"kind":"half_header","operations":"mutation","probability":0.1},)"
                        R"({"kind":"garbage","operations":"mutation","probability":0.1},)"
                        R"({"kind":"close_before","operations":"mutation","after":40,"next":24},)"
                        R"({"kind":"close_before","operations":"query","probability":0.2}])");
    const auto reference = [](std::size_t till, std::size_t sale) {
        return "till-" + std::to_string(till) + "-sale-" + std::to_string(sale);
    };
    const auto told = in_parallel(tills, [&](std::size_t till) {
        std::vector<std::string> executed;
        for (std::size_t sale = 0; sale < sales; ++sale) {
            const Json answer = extensions_of(daemon.post(redemption(reference(till, sale))));
            executed.push_back(answer.is_object() ? answer.value("executed", "") : "");
        }
        return executed;
    });
    std::map<std::string, std::size_t> ledger;
    for (const Json& entry : upstream.ledger())
        ++ledger[entry.at("reference").get<std::string>()];
    std::size_t unanswered = 0;
    std::size_t told_yes = 0;
    std::size_t lost = 0;
    for (std::size_t till = 0; till < tills; ++till) {
        for (std::size_t sale = 0; sale < sales; ++sale) {
            const std::string& answer = told[till][sale];
            const std::size_t times = ledger[reference(till, sale)];
            EXPECT_LE(times, 1U) << reference(till, sale);
            EXPECT_NE(answer, "no");
            if (times == 0) {
                EXPECT_EQ(answer, "unknown") << reference(till, sale);
                ++lost;
            } else if (!answer.empty()) {
                ++unanswered;
                told_yes += answer == "yes" ? 1 : 0;
            }
        }
    }
    std::printf("%zu executed without an answer, %zu of them reported as such; %zu not executed\n",
                unanswered, told_yes, lost);
    EXPECT_GT(unanswered, 100U);
    EXPECT_GT(lost, 10U);
    EXPECT_GE(told_yes * 100, unanswered * 99);
}

} // namespace
} // namespace bearerd::test
