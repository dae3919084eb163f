#include "forwarder_fixture.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace bearerd::proxy::test {
namespace {

using outcome::ErrorCode;
using outcome::Executed;
using testing::HasSubstr;
using upstream::Stage;

constexpr std::string_view redemption =
    R"({"query":"mutation($r:String!){createBalanceAdjustment(reference:$r){id}}","variables":{"r":"sale-1"}})";

class ReconciliationTest : public ForwarderTest {
protected:
    ReconciliationTest() {
        // A deadline that has passed already: asked once.
        settings.transactions.look_up_for = Duration{0};
        settings.transactions.rules = {{"createBalanceAdjustment", "reference", "",
                                        "query($key:String!){Items(reference:$key){id}}",
                                        "/data/Items/0/id"}};
    }

    void lose_the_answer() { fail(errc::closed, Stage::waiting); }

    /// `extensions` of the error that the app got.
    [[nodiscard]] nlohmann::json extensions() const {
        const auto body = nlohmann::json::parse(app.body(), nullptr, false);
        return body.value(nlohmann::json::json_pointer{"/errors/0/extensions"}, nlohmann::json{});
    }
};

TEST_F(ReconciliationTest, OfWhatIsFoundTellsThatItWasExecuted) {
    lose_the_answer();
    answer(json(R"({"data":{"Items":[{"id":"7"}]}})"));
    request(redemption);
    expect_error(ErrorCode::outcome_unknown, Executed::yes);
    EXPECT_EQ(extensions()["reconciled"], "7");
    EXPECT_TRUE(app.has(std::string{outcome::executed_sentence()}));
    EXPECT_EQ(report.resends, 0U);
    ASSERT_EQ(transport.sent.size(), 2U);
    EXPECT_EQ(transport.sent[1].body,
              R"({"query":"query($key:String!){Items(reference:$key){id}}","variables":{"key":"sale-1"}})");
    EXPECT_NE(transport.sent[1].head.find("X-Request-Id: id-1\r\n"), std::string::npos);
}

TEST_F(ReconciliationTest, AsksForAKeyAsTheScannerEndedIt) {
    lose_the_answer();
    answer(json(R"({"data":{"Items":[{"id":"7"}]}})"));
    std::string scanned{redemption};
    scanned.replace(scanned.find("sale-1"), 6, R"(sale-1\r)");
    request(scanned);
    expect_error(ErrorCode::outcome_unknown, Executed::yes);
    EXPECT_TRUE(transport.sent[1].body.ends_with(R"("variables":{"key":"sale-1\r"}})"));
    EXPECT_EQ(report.detail.find("not looked up"), std::string::npos);
}

TEST_F(ReconciliationTest, ThatIsNotPossibleSaysSoInTheLog) {
    for (const std::string& key : {std::string(4097, 'k'), std::string{}, std::string{"  "}}) {
        lose_the_answer();
        std::string body{redemption};
        body.replace(body.find("sale-1"), 6, key);
        request(body);
        expect_error(ErrorCode::outcome_unknown, Executed::unknown);
        EXPECT_NE(report.detail.find("; not looked up: "), std::string::npos) << key.size();
        EXPECT_EQ(report.detail.find("kkk"), std::string::npos);
    }
    EXPECT_EQ(transport.sent.size(), 3U);
}

TEST_F(ReconciliationTest, OfWhatIsNotFoundLeavesItUnknownNeverNo) {
    lose_the_answer();
    answer(json(R"({"data":{"Items":[]}})"));
    request(redemption);
    expect_error(ErrorCode::outcome_unknown, Executed::unknown);
    ASSERT_TRUE(extensions().contains("reconciled"));
    EXPECT_TRUE(extensions()["reconciled"].is_null());
}

TEST_F(ReconciliationTest, WhoseAnswerBreaksOffUsesTheTokenInItsHead) {
    lose_the_answer();
    fail(errc::truncated, Stage::reading);
    transport.half = Answer{200, {{"X-Authorization", "swapped"}}, {""}, 500, {}};
    request(redemption);
    expect_error(ErrorCode::outcome_unknown, Executed::unknown);
    EXPECT_EQ(tokens.calls, std::vector<std::string>(2, "observed swapped of token-1"))
        << "the mutation's too";
}

TEST_F(ReconciliationTest, ThatFailsTellsNothing) {
    lose_the_answer();
    fail(errc::connect_failed, Stage::connecting);
    request(redemption);
    expect_error(ErrorCode::outcome_unknown, Executed::unknown);
    EXPECT_FALSE(extensions().contains("reconciled"));
}

TEST_F(ReconciliationTest, IsCountedByWhatCameOfIt) {
    lose_the_answer();
    answer(json(R"({"data":{"Items":[{"id":"7"}]}})"));
    request(redemption);
    for (int i = 0; i < 2; ++i) {
        lose_the_answer();
        answer(json(R"({"data":{"Items":[]}})"));
        request(redemption);
    }
    for (int i = 0; i < 3; ++i) {
        lose_the_answer();
        fail(errc::closed, Stage::waiting);
        request(redemption);
    }
    EXPECT_EQ(stats.reconciliations[Finding::found].get(), 1U);
    EXPECT_EQ(stats.reconciliations[Finding::not_found].get(), 2U);
    EXPECT_EQ(stats.reconciliations[Finding::failed].get(), 3U);
}

TEST_F(ReconciliationTest, HasTheStatusOfTheErrorWhateverIsFound) {
    settings.errors.always_200 = true;
    lose_the_answer();
    answer(json(R"({"data":{"Items":[{"id":"7"}]}})"));
    request(redemption);
    EXPECT_EQ(report.status, 200);
    EXPECT_EQ(extensions()["executed"], "yes");
}

TEST_F(ReconciliationTest, IsNotTriedWhereTheTransactionHasNoKeyOfItsOwnAndSaysWhy) {
    const std::pair<const char*, const char*> cases[] = {
        {R"({"query":"mutation{createReversal(id:7){id}}"})", ""},
        {R"({"query":"mutation{createBalanceAdjustment(reference:\"\"){id}}"})", "is no string of 1 to 4096"},
        {R"({"query":"mutation{createBalanceAdjustment(reference:\"a\"){id} other}"})", ""},
        {R"({"query":"mutation{a:createBalanceAdjustment(reference:\"a\"){id})"
         R"(b:createBalanceAdjustment(reference:\"a\"){id}}"})",
         "two of its mutations have the same key"},
        {R"({"query":"mutation{createBalanceAdjustment(reference:\"a\")@odd{id}}"})", "can't be read"},
        {R"({"query":"mutation{createBalanceAdjustment("})", "can't be read"},
        {R"({"query":"mutation{"})", ""},
    };
    for (const auto& [body, note] : cases) {
        lose_the_answer();
        request(body);
        expect_error(ErrorCode::outcome_unknown, Executed::unknown);
        EXPECT_FALSE(extensions().contains("reconciled")) << body;
        EXPECT_THAT(report.detail, HasSubstr(note)) << body;
        EXPECT_EQ(report.detail.find("not looked up") != std::string::npos, *note != '\0') << report.detail;
    }
    EXPECT_EQ(transport.sent.size(), std::size(cases));
}

TEST_F(ReconciliationTest, IsNotTriedOfWhatWasNotSent) {
    fail(errc::connect_failed, Stage::connecting);
    request(redemption);
    expect_error(ErrorCode::upstream_unreachable, Executed::no);
    EXPECT_EQ(transport.sent.size(), 1U);
}

TEST_F(ReconciliationTest, IsNotTriedOfQueries) {
    lose_the_answer();
    request(query);
    expect_error(ErrorCode::upstream_broken, Executed::no);
    EXPECT_EQ(transport.sent.size(), 1U);
}

TEST_F(ReconciliationTest, IsNotTriedOfWhatWasAnswered) {
    answer(json(R"({"data":{"createBalanceAdjustment":{"id":"7"}}})"));
    request(redemption);
    EXPECT_EQ(report.executed, Executed::yes);
    EXPECT_EQ(transport.sent.size(), 1U);
}

TEST_F(ReconciliationTest, IsNotTriedOnceBytesHaveGoneToTheApp) {
    Answer half = json(R"({"data":)");
    half.content_length = 100;
    half.pieces.emplace_back("more");
    half.breaks_with = make_error_code(errc::truncated);
    answer(std::move(half));
    request(redemption);
    EXPECT_TRUE(app.broken);
    EXPECT_EQ(report.executed, Executed::unknown);
    EXPECT_EQ(transport.sent.size(), 1U);
}

TEST_F(ReconciliationTest, OfSeveralMutationsTellsAllThatWasFound) {
    constexpr std::string_view batch =
        R"([{"query":"mutation{createBalanceAdjustment(reference:\"a\"){id}}"},{"query":"{Cards{id}}"},)"
        R"({"query":"mutation{createBalanceAdjustment(reference:\"b\"){id}}"}])";
    lose_the_answer();
    answer(json(R"({"data":{"Items":[{"id":"7"}]}})"));
    answer(json(R"({"data":{"Items":[{"id":"8"}]}})"));
    request(batch);
    expect_error(ErrorCode::outcome_unknown, Executed::yes);
    EXPECT_EQ(extensions()["reconciled"], (nlohmann::json{"7", "8"}));

    lose_the_answer();
    answer(json(R"({"data":{"Items":[{"id":"7"}]}})"));
    answer(json(R"({"data":{"Items":[]}})"));
    request(batch);
    expect_error(ErrorCode::outcome_unknown, Executed::unknown);
    EXPECT_TRUE(extensions()["reconciled"].is_null());
}

} // namespace
} // namespace bearerd::proxy::test
