// Plays the API's accreditation, case by case: by a stock curl, through bearerd, against the simulator.
#include "scenario.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <ostream>

namespace bearerd::test {
namespace {

using Json = nlohmann::json;

constexpr std::string_view required = "This field is required";
constexpr std::int64_t first_line_item = 11001614;

/// Arguments by name, as written in the document; an empty one is omitted.
using Arguments = std::map<std::string, std::string>;

std::string mutation(const std::string& field, Arguments arguments, const Arguments& others,
                     const std::string& selection) {
    for (const auto& [name, value] : others)
        arguments[name] = value;
    std::string text;
    for (const auto& [name, value] : arguments)
        if (!value.empty())
            text += (text.empty() ? "" : ",") + name + ":" + value;
    return "mutation{" + field + "(" + text + "){" + selection + "}}";
}

std::string adjustment(const Arguments& others = {}) {
    return mutation("createBalanceAdjustment",
                    {{"currency", R"("GBP")"},
                     {"value", "-1000"},
                     {"merchant_id", "26"},
                     {"unit_epos_reference", R"("2251799825000010")"},
                     {"card_reference", "\"" + std::string{card_number} + "\""},
                     {"merchant_transaction_reference", R"("sale-1")"}},
                    others, "value line_item_id Card{balance}");
}

std::string order(const Arguments& others = {}, const Arguments& other_items = {}) {
    Arguments item{{"product_id", "3983"},
                   {"custom_price_modifier_value", "2000"},
                   {"fulfilment_method_id", "3"},
                   {"card_reference", R"("6301190019999000001")"}};
    for (const auto& [name, value] : other_items)
        item[name] = value;
    std::string items;
    for (const auto& [name, value] : item)
        if (!value.empty())
            items += (items.empty() ? "" : ",") + name + ":" + value;
    return mutation("createOrder",
                    {{"account_id", "1"},
                     {"currency", R"("GBP")"},
                     {"merchant_id", "26"},
                     {"sales_channel_id", "3"},
                     {"total", "2000"},
                     {"unit_epos_reference", R"("2251799825000010")"},
                     {"merchant_transaction_reference", R"("order-1")"},
                     {"order_items", "[{" + items + "}]"}},
                    others, "total LineItems{id Card{card_reference balance}}");
}

std::string reversal(const std::string& items) {
    return mutation("createReversal",
                    {{"merchant_id", "26"},
                     {"unit_epos_reference", R"("2251799825000010")"},
                     {"merchant_transaction_reference", R"("reversal-1")"},
                     {"ReversalItems", items}},
                    {}, "value LineItems{Card{balance}}");
}

std::string reversal_of_first() {
    return reversal("{line_item_id:" + std::to_string(first_line_item) + "}");
}

std::string balance(std::string_view card) {
    return "{Cards(card_reference:\"" + std::string{card} + "\"){data{card_reference balance}}}";
}

Json refusal_of(const std::string& field, const std::string& message, const Json& validation = {}) {
    Json error = {{"message", message},
                  {"locations", {{{"line", 1}, {"column", field == "loginUser" ? 2 : 10}}}},
                  {"customer_facing", false}};
    if (!validation.is_null())
        error["validation"] = validation;
    return {{"errors", Json::array({error})}, {"data", {{field, nullptr}}}};
}

Json invalid(const std::string& field, const std::string& input, std::string_view sentence) {
    return refusal_of(field, "validation", {{input, Json::array({sentence})}});
}

Json executed(const std::string& field, Json value) {
    return {{"data", {{field, std::move(value)}}}};
}

Json adjusted(int value, int left, std::int64_t line_item = first_line_item) {
    return executed("createBalanceAdjustment",
                    {{"value", value}, {"line_item_id", line_item}, {"Card", {{"balance", left}}}});
}

Json reversed(int value, int left) {
    return executed("createReversal", {{"value", value}, {"LineItems", {{{"Card", {{"balance", left}}}}}}});
}

/// What an EPOS sends, in order, and the whole answer to the last request, without its cost.
struct Case {
    std::string id;
    std::vector<std::string> documents;
    Json answer;
};

std::ostream& operator<<(std::ostream& out, const Case& item) {
    return out << item.id;
}

Json first_balance(int left) {
    return executed("Cards", {{"data", {{{"card_reference", card_number}, {"balance", left}}}}});
}

std::vector<Case> authorisation_cases() {
    return {
        {"authorisation", {balance(card_number)}, first_balance(10'000)}, // bearerd has logged in by itself
        {"authorisation_refused",
         {R"({loginUser(username:"till-042",password:"wrong"){id}})"},
         refusal_of("loginUser", "Invalid username or password")},
        {"token_refused",
         {balance(card_number)},
         first_balance(10'000)}, // the test revokes it; the app does not notice
        {"card_found", {balance(card_number)}, first_balance(10'000)},
        {"card_unknown", {balance("6301190019990000000")}, executed("Cards", {{"data", Json::array()}})},
    };
}

std::vector<Case> order_cases() {
    const Json line_item = {{"id", first_line_item},
                            {"Card", {{"card_reference", "6301190019999000001"}, {"balance", 2000}}}};
    const auto item = [](const std::string& input, const std::string& words) {
        return invalid("createOrder", input, words.empty() ? std::string{required} : words);
    };
    return {
        {"card_created",
         {order()},
         executed("createOrder", {{"total", 2000}, {"LineItems", Json::array({line_item})}})},
        {"order_merchant",
         {order({{"merchant_id", "99"}})},
         item("merchant_id", "The selected merchant id is invalid.")},
        {"order_card_reference",
         {order({}, {{"card_reference", ""}})},
         item("order_items.0.card_reference", "")},
        {"order_product", {order({}, {{"product_id", ""}})}, item("order_items.0.product_id", "")},
        {"order_currency", {order({{"currency", ""}})}, item("currency", "")},
        {"order_sales_channel", {order({{"sales_channel_id", ""}})}, item("sales_channel_id", "")},
        {"order_fulfilment_method",
         {order({}, {{"fulfilment_method_id", ""}})},
         item("order_items.0.fulfilment_method_id", "")},
    };
}

std::vector<Case> adjustment_cases() {
    const std::string field = "createBalanceAdjustment";
    return {
        {"debit", {adjustment()}, adjusted(-1000, 9000)},
        {"credit", {adjustment({{"value", "500"}})}, adjusted(500, 10'500)},
        {"adjustment_merchant",
         {adjustment({{"merchant_id", "99"}})},
         invalid(field, "merchant_id", "The selected merchant id is invalid.")},
        {"adjustment_negative_balance",
         {adjustment({{"value", "-10001"}})},
         refusal_of(field,
                    "Applying this transaction would have resulted in a negative balance. Transaction not "
                    "applied.")},
        {"adjustment_value",
         {adjustment({{"value", R"("ten pounds")"}})},
         invalid(field, "value", "The value must be an integer.")},
        {"adjustment_duplicate",
         {adjustment({{"value", "500"}}), adjustment({{"value", "500"}})},
         refusal_of(field, "Duplicate reference supplied")},
        {"adjustment_card_reference",
         {adjustment({{"card_reference", R"("")"}})},
         invalid(field, "card_reference", required)},
        {"adjustment_unit",
         {adjustment({{"unit_epos_reference", R"("nowhere")"}})},
         invalid(field, "unit_epos_reference",
                 "The unit epos reference is not configured for this account.")},
        {"adjustment_currency", {adjustment({{"currency", ""}})}, invalid(field, "currency", required)},
    };
}

std::vector<Case> reversal_cases() {
    return {
        {"reversal_of_creation", {order(), reversal_of_first()}, reversed(-2000, 0)},
        {"reversal_of_debit", {adjustment(), reversal_of_first()}, reversed(1000, 10'000)},
        {"reversal_of_credit", {adjustment({{"value", "500"}}), reversal_of_first()}, reversed(-500, 10'000)},
        {"reversal_line_item",
         {reversal("{}")},
         invalid("createReversal", "ReversalItems.0.line_item_id", required)},
    };
}

std::vector<Case> all_cases() {
    std::vector<Case> all;
    for (auto& part : {authorisation_cases(), order_cases(), adjustment_cases(), reversal_cases()})
        all.insert(all.end(), part.begin(), part.end());
    return all;
}

/// Returns the whole answer to a stock HTTP client.
std::string curl(const Daemon& daemon, const std::string& document) {
    const Finished finished = run(
        "/usr/bin/env", {"curl", "-sS", "--noproxy", "*", "--max-time", "60", "-H",
                         "Content-Type: application/json", "--data-binary", Json{{"query", document}}.dump(),
                         "http://127.0.0.1:" + std::to_string(daemon.port()) + "/graphql"});
    EXPECT_EQ(finished.exit.code, 0) << finished.output;
    return finished.standard_output;
}

/// Returns how often the simulator saw each case end as documented, by ids in the form of test names.
std::map<std::string, int> exercised(const Simulator& simulator) {
    std::map<std::string, int> counts;
    for (const Json& item : simulator.cases()) {
        std::string id = item.at("id");
        std::replace(id.begin(), id.end(), '-', '_');
        counts[id] = item.at("as_expected");
    }
    return counts;
}

Daemon accredited_daemon(const Simulator& simulator) {
    return Daemon{{.upstream_url = simulator.url(),
                   .ca_pem = simulator.ca_pem(),
                   .config = "auth: {fresh_for: 0s}"}}; // so that a token may be revoked at once
}

class Accreditation : public testing::TestWithParam<Case> {};

TEST_P(Accreditation, IsPassedByCurl) {
    const Case& item = GetParam();
    Simulator simulator;
    const Daemon daemon = accredited_daemon(simulator);
    if (item.id == "token_refused")
        simulator.revoke_tokens();
    const auto before = exercised(simulator);
    EXPECT_EQ(before.at(item.id), item.id == "authorisation" ? 1 : 0);
    std::string answer;
    for (const auto& document : item.documents)
        answer = curl(daemon, document);
    Json json = Json::parse(answer, nullptr, false);
    ASSERT_TRUE(json.is_object()) << answer;
    json.erase("extensions");
    EXPECT_EQ(json, item.answer);
    EXPECT_EQ(exercised(simulator).at(item.id), 1);
}

INSTANTIATE_TEST_SUITE_P(Case, Accreditation, testing::ValuesIn(all_cases()),
                         [](const auto& item) { return item.param.id; });

TEST(AccreditationReport, IsCompleteOnceEachCaseOfTheSimulatorsListWasExercised) {
    std::map<std::string, int> expected;
    for (const Case& item : all_cases())
        expected[item.id] = 0;
    Simulator simulator;
    const std::vector<std::string> ask{"--report", "--control", simulator.control_address()};
    EXPECT_EQ(exercised(simulator), expected); // the simulator's list is that of the tests above
    EXPECT_EQ(Simulator::run_program(ask).exit.code, 1);

    const Daemon daemon = accredited_daemon(simulator);
    simulator.revoke_tokens();
    for (const Case& item : all_cases()) {
        for (std::string document : item.documents) {
            // As in the cases' own tests, but in one shop: references are not used twice, cards are new.
            for (const std::string reference : {"sale-1", "order-1", "reversal-1"})
                if (const auto at = document.find("\"" + reference); at != std::string::npos)
                    document.insert(at + 1,
                                    item.id + (document.starts_with("mutation{createRev") ? "-r" : ""));
            if (const auto at = document.find("9000001");
                at != std::string::npos && item.id != "card_created")
                document.replace(at, 7, "9000002");
            if (const auto at = document.find(std::to_string(first_line_item)); at != std::string::npos)
                document.replace(at, 8, std::to_string(simulator.ledger().size() + first_line_item - 1));
            curl(daemon, document);
        }
    }
    const Finished report = Simulator::run_program(ask);
    EXPECT_EQ(report.exit.code, 0) << report.output;
    EXPECT_NE(report.standard_output.find("25 of 25 cases"), std::string::npos) << report.output;
    const Finished json =
        Simulator::run_program({"--report", "--json", "--control", simulator.control_address()});
    EXPECT_EQ(Json::parse(json.standard_output, nullptr, false), simulator.cases());
}

TEST(AccreditationReport, SaysWhereNoSimulatorAnswers) {
    const auto nobody = "127.0.0.1:" + std::to_string(free_port());
    const Finished finished = Simulator::run_program({"--report", "--control", nobody});
    EXPECT_EQ(finished.exit.code, 69);
    EXPECT_NE(finished.output.find(nobody), std::string::npos) << finished.output;
}

TEST(AccreditationReport, OfAWrongPasswordIsBearerdsOwnErrorToTheTill) {
    Simulator simulator;
    simulator.change_password("another");
    const Daemon daemon = accredited_daemon(simulator);
    const Json answer = Json::parse(curl(daemon, balance(card_number)), nullptr, false);
    const Json told = answer.value(Json::json_pointer{"/errors/0/extensions"}, Json{});
    EXPECT_EQ(told.value("code", ""), "LOGIN_REJECTED") << answer;
    EXPECT_EQ(told.value("executed", ""), "no") << answer;
    EXPECT_EQ(exercised(simulator).at("authorisation_refused"), 1);
}

} // namespace
} // namespace bearerd::test
