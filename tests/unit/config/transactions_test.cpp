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

std::string with_transactions(const std::string& section) {
    return "transactions:\n" + section + "\n" + std::string{minimal};
}

/// A rule in flow style, of which each part can be another.
std::string rule(std::string_view mutation = "m", std::string_view key = "k", std::string_view asks = query,
                 std::string_view found = "/data/x") {
    std::string text = "{mutation: ";
    text.append(mutation).append(", key: ").append(key).append(", query: \"").append(asks);
    return text.append("\", found: ").append(found).append("}");
}

TEST(TransactionsSection, IsOffByItself) {
    const Settings settings = settings_of(minimal);
    EXPECT_THAT(settings.transactions.rules, IsEmpty());
    EXPECT_EQ(settings.transactions.look_up_for, std::chrono::seconds{5});
}

TEST(TransactionsSection, HoldsRules) {
    const Settings settings =
        settings_of(with_transactions("  look_up_for: 2s\n  rules:\n    - mutation: createBalanceAdjustment\n"
                                      "      key: merchant_transaction_reference\n"
                                      "      query: |\n"
                                      "        query($key:String!){\n"
                                      "          LineItems(merchant_transaction_reference:$key){data{id}}\n"
                                      "        }\n"
                                      "      found: /data/LineItems/data/0/id\n"
                                      "    - " +
                                      rule("createReversal", "line_item_id", query, "/a~1b/~0/")));
    EXPECT_EQ(settings.transactions.look_up_for, std::chrono::seconds{2});
    const std::string lines =
        "query($key:String!){\n  LineItems(merchant_transaction_reference:$key){data{id}}\n}\n";
    EXPECT_THAT(settings.transactions.rules,
                ElementsAre(TransactionRule{"createBalanceAdjustment", "merchant_transaction_reference", "",
                                            lines, "/data/LineItems/data/0/id", Repeats::pass},
                            TransactionRule{"createReversal", "line_item_id", "", std::string{query},
                                            "/a~1b/~0/", Repeats::pass}));
}

TEST(TransactionsSection, OfTheExampleFileHoldsTogglesRuleForWhoUncommentsIt) {
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
    ASSERT_THAT(settings.transactions.rules, testing::SizeIs(3));
    const char* const mutations[] = {"createBalanceAdjustment", "createOrder", "createReversal"};
    for (std::size_t i = 0; i < 3; ++i)
        EXPECT_EQ(settings.transactions.rules[i],
                  (TransactionRule{mutations[i], "merchant_transaction_reference", "", std::string{query},
                                   "/data/LineItems/data/0/id", Repeats::replay}));
}

TEST(TransactionsSection, AsksForTheGuardIfARuleReplaysRepeats) {
    EXPECT_FALSE(settings_of(with_transactions("  rules: [" + rule() + "]")).transactions.guard());
    EXPECT_TRUE(settings_of(with_transactions("  rules: [{mutation: m, key_header: Idempotency-Key, repeats: "
                                              "replay}]"))
                    .transactions.guard());
}

TEST(TransactionsSection, TakesARuleWithoutALookUp) {
    const Settings settings = settings_of(with_transactions("  rules: [{mutation: m, key: k}]"));
    EXPECT_THAT(settings.transactions.rules,
                ElementsAre(TransactionRule{"m", "k", "", "", "", Repeats::pass}));
}

TEST(ReconcileSection, IsAFaultThatNamesTheNewPlace) {
    const std::pair<const char*, const char*> cases[] = {
        {"{within: 2s}", "1:21: reconcile.within: has a new place: write transactions.look_up_for"},
        {"{rules: []}", "1:20: reconcile.rules: has a new place: write transactions.rules"},
        {"{}", "1:1: reconcile.rules: has a new place: write transactions.rules"},
    };
    for (const auto& [section, fault] : cases)
        EXPECT_THAT(faults_of("reconcile: " + std::string{section} + "\n" + std::string{minimal}),
                    ElementsAre(HasSubstr(fault)))
            << section;
}

TEST(JournalWithoutARule, IsWarnedOf) {
    const std::string journal = "journal: {directory: /j}\n" + std::string{minimal};
    const FakeWorld world;
    const auto warnings = warnings_of(journal, world.environment());
    EXPECT_THAT(warnings, testing::Contains(HasSubstr("journal.directory: keeps no key")));
    EXPECT_THAT(warnings_of("transactions: {rules: [" + rule() + "]}\n" + journal, world.environment()),
                testing::Not(testing::Contains(HasSubstr("keeps no key"))));
}

TEST(TransactionsSection, NamesItsFaultsByPosition) {
    const struct {
        std::string section;
        const char* fault;
    } cases[] = {
        {"  look_up_for: 99ms", "2:16: transactions.look_up_for: must be"},
        {"  look_up_for: 61s", "2:16: transactions.look_up_for: must be"},
        {"  rules: {}", "2:10: transactions.rules: must be a list"},
        {"  rules: [x]", "2:11: transactions.rules: must be a mapping"},
        {"  rules:\n    - {}", "3:7: transactions.rules.mutation: is missing"},
        {"  rules:\n    - {mutation: m, key: k, found: /a}", "3:7: transactions.rules.query: is missing"},
        {"  settle_for: 59s", "2:15: transactions.settle_for: must be"},
        {"  remember: 59s", "2:13: transactions.remember: must be"},
        {"  replay_memory: 2GiB", "2:18: transactions.replay_memory: must be"},
        {"  rules: [{mutation: m}]", "2:11: transactions.rules.key: is missing"},
        {"  rules: [{mutation: m, key: k, key_header: K}]",
         "2:45: transactions.rules.key_header: stands next to key"},
        {"  rules: [{mutation: m, key_header: 'a b'}]", "2:37: transactions.rules.key_header: must be"},
        {"  rules: [{mutation: m, key: k, repeats: twice}]", "2:42: transactions.rules.repeats: must be"},
        {"  rules: [{mutation: m, key: k, query: \"query($key:ID){a(b:$key)}\"}]",
         "2:11: transactions.rules.found: is missing"},
        {"  rules: [" + rule("1m") + "]", "2:22: transactions.rules.mutation: must be"},
        {"  rules: [" + rule("m", "a.b") + "]", "2:30: transactions.rules.key: must be"},
        {"  rules: [" + rule("m", "k", "{a}") + "]",
         "2:40: transactions.rules.query: must be one GraphQL query"},
        {"  rules: [" + rule("m", "k", "mutation($key:ID){a(b:$key)}") + "]",
         "2:40: transactions.rules.query: must be one GraphQL query"},
        {"  rules: [" + rule("m", "k", "query($key:ID){a(b:$key)}", "data/x") + "]",
         "2:76: transactions.rules.found: must be a JSON pointer"},
        {"  rules: [" + rule("m", "k", "query($key:ID){a(b:$key)}", "/a~2") + "]",
         "2:76: transactions.rules.found: must be a JSON pointer"},
        {"  rules: [" + rule("m", "k", "query($key:ID){a(b:$key)}", "/a~") + "]",
         "2:76: transactions.rules.found: must be a JSON pointer"},
        {"  rules:\n    - " + rule() + "\n    - " + rule(),
         "4:18: transactions.rules.mutation: has a rule already"},
        {"  rules:\n    - {mutatoin: m, key: k, query: \"query($key:ID){a(b:$key)}\", found: /a}",
         "3:8: transactions.rules.mutatoin: is not a known key: did you mean mutation?"},
    };

    for (const auto& each : cases)
        EXPECT_THAT(faults_of(with_transactions(each.section)), testing::Contains(HasSubstr(each.fault)))
            << each.section;
}

TEST(TransactionsSection, IsBounded) {
    std::string rules;
    for (int i = 0; i < 64; ++i)
        rules += "    - " + rule("m" + std::to_string(i)) + "\n";
    EXPECT_THAT(faults_of(with_transactions("  rules:\n" + rules)), IsEmpty());
    EXPECT_THAT(faults_of(with_transactions("  rules:\n" + rules + "    - " + rule())),
                ElementsAre(HasSubstr("transactions.rules: must hold at most 64 rules")));
}

} // namespace
} // namespace bearerd::config
