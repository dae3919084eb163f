#include "fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

namespace bearerd::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view query =
    "query($key:String!){LineItems(merchant_transaction_reference:$key){data{id}}}";

std::string with_reconcile(const std::string& section) {
    return "reconcile:\n" + section + "\n" + std::string{minimal};
}

/// A rule in flow style, of which each part can be another.
std::string rule(std::string_view mutation = "m", std::string_view key = "k", std::string_view asks = query,
                 std::string_view found = "/data/x") {
    std::string text = "{mutation: ";
    text.append(mutation).append(", key: ").append(key).append(", query: \"").append(asks);
    return text.append("\", found: ").append(found).append("}");
}

TEST(ReconcileSection, IsOffByItself) {
    const Settings settings = settings_of(minimal);
    EXPECT_THAT(settings.reconcile.rules, IsEmpty());
    EXPECT_EQ(settings.reconcile.within, std::chrono::seconds{5});
}

TEST(ReconcileSection, HoldsRules) {
    const Settings settings =
        settings_of(with_reconcile("  within: 2s\n  rules:\n    - mutation: createBalanceAdjustment\n"
                                   "      key: merchant_transaction_reference\n"
                                   "      query: |\n"
                                   "        query($key:String!){\n"
                                   "          LineItems(merchant_transaction_reference:$key){data{id}}\n"
                                   "        }\n"
                                   "      found: /data/LineItems/data/0/id\n"
                                   "    - " +
                                   rule("createReversal", "line_item_id", query, "/a~1b/~0/")));
    EXPECT_EQ(settings.reconcile.within, std::chrono::seconds{2});
    const std::string lines =
        "query($key:String!){\n  LineItems(merchant_transaction_reference:$key){data{id}}\n}\n";
    EXPECT_THAT(
        settings.reconcile.rules,
        ElementsAre(ReconcileRule{"createBalanceAdjustment", "merchant_transaction_reference", lines,
                                  "/data/LineItems/data/0/id"},
                    ReconcileRule{"createReversal", "line_item_id", std::string{query}, "/a~1b/~0/"}));
}

TEST(ReconcileSection, OfTheExampleFileHoldsTogglesRuleForWhoUncommentsIt) {
    std::ifstream file{std::string{BEARERD_SOURCE_DIR} + "/config/bearerd.example.yaml", std::ios::binary};
    std::string text{std::istreambuf_iterator<char>{file}, {}};
    const auto begin = text.find("  # rules:\n");
    ASSERT_NE(begin, std::string::npos);
    const auto off = text.find("  rules: []\n");
    ASSERT_NE(off, std::string::npos);
    for (auto at = begin; text.substr(at).starts_with("  # "); at = text.find('\n', at) + 1)
        text.erase(at + 2, 2);
    text.erase(off, std::string_view{"  rules: []\n"}.size());
    const Settings settings = settings_of(text, {{}, {{"/etc/bearerd/password", "p"}}, {}});
    EXPECT_THAT(settings.reconcile.rules,
                ElementsAre(ReconcileRule{"createBalanceAdjustment", "merchant_transaction_reference",
                                          std::string{query}, "/data/LineItems/data/0/id"}));
}

TEST(ReconcileSection, NamesItsFaultsByPosition) {
    const struct {
        std::string section;
        const char* fault;
    } cases[] = {
        {"  within: 99ms", "2:11: reconcile.within: must be"},
        {"  within: 61s", "2:11: reconcile.within: must be"},
        {"  rules: {}", "2:10: reconcile.rules: must be a list"},
        {"  rules: [x]", "2:11: reconcile.rules: must be a mapping"},
        {"  rules:\n    - {}", "3:7: reconcile.rules.mutation: is missing"},
        {"  rules:\n    - {mutation: m, key: k, found: /a}", "3:7: reconcile.rules.query: is missing"},
        {"  rules: [" + rule("1m") + "]", "2:22: reconcile.rules.mutation: must be"},
        {"  rules: [" + rule("m", "a.b") + "]", "2:30: reconcile.rules.key: must be"},
        {"  rules: [" + rule("m", "k", "{a}") + "]",
         "2:40: reconcile.rules.query: must be one GraphQL query"},
        {"  rules: [" + rule("m", "k", "mutation($key:ID){a(b:$key)}") + "]",
         "2:40: reconcile.rules.query: must be one GraphQL query"},
        {"  rules: [" + rule("m", "k", "query($key:ID){a(b:$key)}", "data/x") + "]",
         "2:76: reconcile.rules.found: must be a JSON pointer"},
        {"  rules: [" + rule("m", "k", "query($key:ID){a(b:$key)}", "/a~2") + "]",
         "2:76: reconcile.rules.found: must be a JSON pointer"},
        {"  rules: [" + rule("m", "k", "query($key:ID){a(b:$key)}", "/a~") + "]",
         "2:76: reconcile.rules.found: must be a JSON pointer"},
        {"  rules:\n    - " + rule() + "\n    - " + rule(),
         "4:18: reconcile.rules.mutation: has a rule already"},
        {"  rules:\n    - {mutatoin: m, key: k, query: \"query($key:ID){a(b:$key)}\", found: /a}",
         "3:8: reconcile.rules.mutatoin: is not a known key: did you mean mutation?"},
    };

    for (const auto& each : cases)
        EXPECT_THAT(faults_of(with_reconcile(each.section)), testing::Contains(HasSubstr(each.fault)))
            << each.section;
}

TEST(ReconcileSection, IsBounded) {
    std::string rules;
    for (int i = 0; i < 64; ++i)
        rules += "    - " + rule("m" + std::to_string(i)) + "\n";
    EXPECT_THAT(faults_of(with_reconcile("  rules:\n" + rules)), IsEmpty());
    EXPECT_THAT(faults_of(with_reconcile("  rules:\n" + rules + "    - " + rule())),
                ElementsAre(HasSubstr("reconcile.rules: must hold at most 64 rules")));
}

} // namespace
} // namespace bearerd::config
