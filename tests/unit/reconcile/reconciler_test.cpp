#include <bearerd/base/version.hpp>
#include <bearerd/reconcile/reconciler.hpp>

#include "unit/proxy/fakes.hpp"
#include "unit/run_task.hpp"

#include <bearerd/graphql/operation.hpp>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace bearerd::reconcile {
namespace {

using namespace std::chrono_literals;
using proxy::test::Answer;
using proxy::test::json;
using proxy::test::resend_with;
using proxy::test::Step;
using proxy::test::unauthorized;
using upstream::Stage;

Answer items(const std::string& list) {
    return json(R"({"data":{"Items":)" + list + "}}");
}

class ReconcilerTest : public testing::Test {
protected:
    ReconcilerTest() {
        settings.upstream.url.host = "api.example.com";
        settings.upstream.url.target = "/graphql";
        settings.transactions.rules = {
            {"redeem", "reference", "", "query($key:String!){Items(reference:$key){id}}", "/data/Items/0/id"},
            {"reverse", "line", "", "query($key:ID!){Lines(line:$key){id}}", "/data/Lines/0/id"}};
        tokens.open_exchanges = &transport.open;
    }

    ~ReconcilerTest() override { EXPECT_EQ(transport.open, 0U) << "an exchange was not released"; }

    void answer(Step step) { transport.steps.push_back(std::move(step)); }

    void fail(errc code, Stage stage = Stage::waiting) {
        answer(upstream::Failure{make_error_code(code), stage, false, {}});
    }

    reconcile::Answer ask(Duration time = 1min) {
        const LookupPlan plan{settings};
        net::DeadlineClock clock{loop};
        Reconciler reconciler{plan, transport, tokens, loop.get_executor(), clock, group, stats};
        LookupRequest request;
        request.key = "sale-1";
        request.request_id = "id-1";
        request.deadline = BootClock::now() + time;
        return bearerd::test::run_task(loop, reconciler.ask(std::move(request)));
    }

    reconcile::Answer ask_all(std::vector<graphql::RootField> fields) {
        const LookupPlan plan{settings};
        net::DeadlineClock clock{loop};
        Reconciler reconciler{plan, transport, tokens, loop.get_executor(), clock, group, stats};
        return bearerd::test::run_task(loop, reconciler.ask_all(std::move(fields), "id-1"));
    }

    config::Settings settings;
    proxy::test::FakeTransport transport;
    proxy::test::FakeTokens tokens;
    net::asio::io_context loop;
    net::TaskGroup group;
    Stats stats;
};

TEST_F(ReconcilerTest, AsksForTheKeyAsItIsWhateverCharactersItHolds) {
    const std::string keys[] = {"sale-1\r",
                                "sale-1\t",
                                "\r\nsale-1\n",
                                "a\x1D\x04"
                                "b",
                                "\"}},\"query\":",
                                "\\",
                                "\xC3\xBC \xE2\x82\xAC",
                                std::string(4096, '\x01')};
    for (const std::string& key : keys) {
        answer(items(R"([{"id":"7"}])"));
        EXPECT_EQ(ask_all({{"redeem", 0, key}}).result, Finding::found);
        const auto sent = nlohmann::json::parse(transport.sent.back().body, nullptr, false);
        EXPECT_EQ(sent.value(nlohmann::json::json_pointer{"/variables/key"}, ""), key);
        EXPECT_EQ(sent.size(), 2U);
    }
}

TEST_F(ReconcilerTest, AsksByAQueryOfItsOwn) {
    answer(items(R"([{"id":"7"}])"));
    const TimePoint before = BootClock::now();
    const auto got = ask();
    EXPECT_EQ(got.result, Finding::found);
    EXPECT_EQ(got.found, R"("7")");
    ASSERT_EQ(transport.sent.size(), 1U);
    const auto& sent = transport.sent[0];
    EXPECT_EQ(sent.head,
              "POST /graphql HTTP/1.1\r\nHost: api.example.com\r\nContent-Type: application/json\r\n"
              "Accept: application/json\r\nUser-Agent: " +
                  std::string{user_agent()} +
                  "\r\nAccept-Encoding: identity\r\nX-Request-Id: id-1\r\n"
                  "Authorization: Bearer token-1\r\nContent-Length: " +
                  std::to_string(sent.body.size()) + "\r\n\r\n");
    EXPECT_EQ(sent.body,
              R"({"query":"query($key:String!){Items(reference:$key){id}}","variables":{"key":"sale-1"}})");
    EXPECT_FALSE(sent.may_mutate);
    EXPECT_EQ(sent.hold_limit, settings.auth.unauthorized.inspect_limit);
    EXPECT_GE(sent.give_up, before + 1min);
    EXPECT_LT(sent.give_up, BootClock::now() + 1min);
    EXPECT_EQ(tokens.calls, std::vector<std::string>{});
}

TEST_F(ReconcilerTest, TakesTheConfiguredUserAgent) {
    settings.upstream.headers = {{"user-agent", "shop"}};
    answer(items(R"([{"id":"7"}])"));
    EXPECT_EQ(ask().result, Finding::found);
    const auto& head = transport.sent.at(0).head;
    EXPECT_NE(head.find("\r\nuser-agent: shop\r\n"), std::string::npos);
    EXPECT_EQ(head.find("User-Agent"), std::string::npos);
}

TEST_F(ReconcilerTest, AsksAgainUntilItIsFound) {
    answer(items("[]"));
    fail(errc::closed);
    answer(items(R"([{"id":"7"}])"));
    EXPECT_EQ(ask().result, Finding::found);
    ASSERT_EQ(transport.sent.size(), 3U);
    EXPECT_FALSE(transport.sent[1].new_connection);
    EXPECT_TRUE(transport.sent[2].new_connection); // the idle ones may be as dead as the one before
}

TEST_F(ReconcilerTest, LeavesOffAtTheDeadline) {
    answer(items("[]"));
    EXPECT_EQ(ask(0ms).result, Finding::not_found);
    fail(errc::timed_out);
    EXPECT_EQ(ask(0ms).result, Finding::failed);
}

TEST_F(ReconcilerTest, TakesAnAnswerThatNothingIsThereForOneThoughALaterAskFailed) {
    answer(items("[]"));
    fail(errc::shutting_down);
    EXPECT_EQ(ask().result, Finding::not_found);
}

TEST_F(ReconcilerTest, LeavesOffAtOnceAtAShutdown) {
    fail(errc::shutting_down, Stage::connecting);
    EXPECT_EQ(ask().result, Finding::failed);
    tokens.now = nullptr;
    tokens.later = auth::NoToken{auth::NoToken::Reason::shutting_down, {}};
    EXPECT_EQ(ask().result, Finding::failed);
    EXPECT_EQ(transport.sent.size(), 1U);
}

TEST_F(ReconcilerTest, WakesFromItsPauseToFinish) {
    answer(items("[]"));
    net::asio::post(loop,
                    [this] { group.finish_soon(); }); // it is part of a request in flight: no reason to end
    const auto finish_when_it_rests = [this](const auto& self) -> void {
        if (transport.sent.empty() || group.empty())
            net::asio::post(loop, [self] { self(self); });
        else
            group.finish_now();
    };
    net::asio::post(loop, [finish_when_it_rests] { finish_when_it_rests(finish_when_it_rests); });
    EXPECT_EQ(ask().result, Finding::not_found);
    EXPECT_EQ(transport.sent.size(), 1U);
    EXPECT_TRUE(group.empty());
}

TEST_F(ReconcilerTest, LogsInOnceWhereItIsRejected) {
    answer(unauthorized());
    tokens.advice = {resend_with("token-2", true)};
    answer(items(R"([{"id":"7"}])"));
    EXPECT_EQ(ask().result, Finding::found);
    ASSERT_EQ(transport.sent.size(), 2U);
    EXPECT_NE(transport.sent[1].head.find("Authorization: Bearer token-2\r\n"), std::string::npos);
    EXPECT_EQ(tokens.calls, std::vector<std::string>{"rejected token-1"});
    EXPECT_EQ(tokens.documents[0],
              graphql::document_hash({false, "", "application/json", transport.sent[0].body}));
}

TEST_F(ReconcilerTest, LeavesOffWhereItIsDenied) {
    answer(unauthorized());
    tokens.advice = {resend_with("token-2", true)};
    answer(unauthorized());
    EXPECT_EQ(ask().result, Finding::failed);
    EXPECT_EQ(tokens.calls, (std::vector<std::string>{"rejected token-1", "denied token-2"}));
    answer(unauthorized());
    tokens.advice = {auth::Advice{}};
    EXPECT_EQ(ask().result, Finding::failed);
    EXPECT_EQ(transport.sent.size(), 3U);
}

TEST_F(ReconcilerTest, AsksAgainWhereALoginFailedMeanwhile) {
    answer(unauthorized());
    auth::Advice failed;
    failed.kind = auth::Advice::Kind::fail;
    tokens.advice = {failed};
    answer(items(R"([{"id":"7"}])"));
    EXPECT_EQ(ask().result, Finding::found);
}

TEST_F(ReconcilerTest, HandsOnATokenThatAnAnswerBrings) {
    Answer swap = items(R"([{"id":"7"}])");
    swap.fields.emplace_back("X-Authorization", "token-2");
    answer(std::move(swap));
    EXPECT_EQ(ask().result, Finding::found);
    Answer below = items(R"([{"id":"7"}])");
    below.fields = {{"X-Authorization", "Bearer "}, {"Authorization", "Bearer token-3"}};
    answer(std::move(below));
    EXPECT_EQ(ask().result, Finding::found);
    EXPECT_EQ(tokens.calls,
              (std::vector<std::string>{"observed token-2 of token-1", "observed token-3 of token-1"}));
}

TEST_F(ReconcilerTest, BelievesNoAnswerThatIsNoResult) {
    Answer broken = items(R"([{"id":"7"}])");
    broken.status = 500;
    answer(std::move(broken));
    Answer coded = items(R"([{"id":"7"}])");
    coded.fields.emplace_back("Content-Encoding", "br");
    answer(std::move(coded));
    answer(json("<html>"));
    answer(json(R"({"data":{"Items":[{"id":"7"}]},"errors":[{"message":"partly"}]})"));
    fail(errc::shutting_down);
    EXPECT_EQ(ask().result, Finding::failed);
    EXPECT_EQ(transport.sent.size(), 5U);
}

TEST_F(ReconcilerTest, DoesNotAskAgainForAnAnswerThatIsTooLarge) {
    Answer large = items(R"([{"id":"7"}])");
    large.pieces.emplace_back(" ");
    answer(std::move(large));
    EXPECT_EQ(ask().result, Finding::failed);
    EXPECT_EQ(transport.sent.size(), 1U);

    Answer whole = items(R"([{"id":"7"}])"); // which arrived at once all the same
    whole.pieces[0].append(settings.auth.unauthorized.inspect_limit, ' ');
    answer(std::move(whole));
    EXPECT_EQ(ask().result, Finding::failed);
    EXPECT_EQ(transport.sent.size(), 2U);
}

TEST_F(ReconcilerTest, FindsAllOfARequestOrNothing) {
    const std::vector<graphql::RootField> both{{"redeem", 0, "a"}, {"reverse", 1, "b"}};
    answer(items(R"([{"id":"7"}])"));
    answer(json(R"({"data":{"Lines":[{"id":8}]}})"));
    const auto got = ask_all(both);
    EXPECT_EQ(got.result, Finding::found);
    EXPECT_EQ(got.found, R"(["7",8])");
    EXPECT_EQ(transport.sent[1].body,
              R"({"query":"query($key:ID!){Lines(line:$key){id}}","variables":{"key":"b"}})");

    settings.transactions.look_up_for = 0ms;
    answer(items("[]"));
    EXPECT_EQ(ask_all(both).result, Finding::not_found);
    EXPECT_EQ(transport.sent.size(), 3U);
    answer(items(R"([{"id":"7"}])"));
    fail(errc::closed);
    EXPECT_EQ(ask_all(both).result, Finding::failed);
}

} // namespace
} // namespace bearerd::reconcile
