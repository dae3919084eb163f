#include <bearerd/auth/authorized_exchange.hpp>

#include "unit/proxy/fakes.hpp"
#include "unit/run_task.hpp"

#include <gtest/gtest.h>

namespace bearerd::auth {
namespace {

using Calls = std::vector<std::string>;

class AuthorizedExchangeTest : public testing::Test {
protected:
    Advice::Kind reject(AuthorizedExchange& exchange) {
        return bearerd::test::run_task(loop, exchange.rejected(document)).kind;
    }

    std::string head_of(AuthorizedExchange& exchange) {
        http::RequestHead head;
        head.method = "POST";
        return std::string{exchange.head(head, {}, "identity", "id-1", 0)};
    }

    static constexpr std::uint64_t document = 7;
    net::asio::io_context loop;
    http::UpstreamHeadPlan plan{"/graphql", "api.example.com", {"X-Authorization"}, {}};
    proxy::test::FakeTokens tokens;
};

bool has_token(const std::string& head, const std::string& token) {
    return head.find("Authorization: Bearer " + token + "\r\n") != std::string::npos;
}

TEST_F(AuthorizedExchangeTest, TheHeadCarriesTheCurrentTokenAndIsWipedOnceItIsSent) {
    AuthorizedExchange exchange{tokens, plan};
    ASSERT_TRUE(exchange.take_token(BootClock::now()));
    http::RequestHead request;
    request.method = "POST";
    const std::string_view head = exchange.head(request, {}, "identity", "id-1", 0);
    EXPECT_TRUE(has_token(std::string{head}, "token-1"));
    exchange.sent();
    EXPECT_EQ(head.find("token-1"), std::string_view::npos);
}

TEST_F(AuthorizedExchangeTest, WithoutACurrentTokenTheLoginIsWaitedFor) {
    tokens.now = nullptr;
    AuthorizedExchange exchange{tokens, plan};
    EXPECT_FALSE(exchange.take_token(BootClock::now()));
    tokens.later = NoToken{NoToken::Reason::login_rejected, {}};
    const auto missing = bearerd::test::run_task(loop, exchange.wait_for_token());
    ASSERT_TRUE(missing);
    EXPECT_EQ(missing->reason, NoToken::Reason::login_rejected);
    tokens.later = proxy::test::make_token("token-2");
    EXPECT_FALSE(bearerd::test::run_task(loop, exchange.wait_for_token()));
    EXPECT_TRUE(has_token(head_of(exchange), "token-2"));
}

TEST_F(AuthorizedExchangeTest, ATokenInAnAnswerIsHandedOnWithTheOneThatTheRequestCarried) {
    AuthorizedExchange exchange{tokens, plan};
    ASSERT_TRUE(exchange.take_token(BootClock::now()));
    http::ResponseHead answer;
    exchange.adopt_token(answer, false);
    EXPECT_EQ(tokens.calls, Calls{});
    const proxy::test::NamedFields fields{{"X-Authorization", "Bearer token-2"}};
    proxy::test::fill(answer.fields, fields);
    exchange.adopt_token(answer, true);
    EXPECT_EQ(tokens.calls, Calls{"observed token-2 of token-1 by a login"});
}

TEST_F(AuthorizedExchangeTest, ARequestIsSentAgainAtMostOnceAfterARejection) {
    for (const bool after_login : {false, true}) {
        tokens.calls.clear();
        tokens.advice = {proxy::test::resend_with("token-2", after_login)};
        AuthorizedExchange exchange{tokens, plan};
        ASSERT_TRUE(exchange.take_token(BootClock::now()));
        EXPECT_EQ(reject(exchange), Advice::Kind::resend);
        EXPECT_TRUE(has_token(head_of(exchange), "token-2"));
        EXPECT_EQ(reject(exchange), Advice::Kind::pass);
        EXPECT_EQ(tokens.calls,
                  after_login ? (Calls{"rejected token-1", "denied token-2"}) : Calls{"rejected token-1"})
            << "only a login made for the document proves that it is denied";
    }
}

TEST_F(AuthorizedExchangeTest, ALoginFollowsIfAnOldTokenOfTheFleetIsRejectedToo) {
    auto token = std::make_shared<Token>();
    token->value = Secret{std::string_view{"token-2"}};
    token->generation = 2;
    token->from_login = true;
    Advice advice;
    advice.kind = Advice::Kind::resend;
    advice.token = token; // and no login of this moment has brought it
    tokens.advice = {advice};
    AuthorizedExchange exchange{tokens, plan};
    ASSERT_TRUE(exchange.take_token(BootClock::now()));
    EXPECT_EQ(reject(exchange), Advice::Kind::resend);
    EXPECT_EQ(reject(exchange), Advice::Kind::pass);
    EXPECT_EQ(tokens.calls, (Calls{"rejected token-1", "in doubt token-2"}));
}

TEST_F(AuthorizedExchangeTest, AFailedLoginIsTriedOnlyOnceForTheRequest) {
    Advice failed;
    failed.kind = Advice::Kind::fail;
    tokens.advice = {failed};
    AuthorizedExchange exchange{tokens, plan};
    ASSERT_TRUE(exchange.take_token(BootClock::now()));
    EXPECT_EQ(reject(exchange), Advice::Kind::fail);
    EXPECT_EQ(reject(exchange), Advice::Kind::pass);
    EXPECT_EQ(tokens.calls, Calls{"rejected token-1"});
}

TEST_F(AuthorizedExchangeTest, ARejectionInDoubtAsksForALoginOrDeniesTheDocumentAfterOne) {
    tokens.advice = {proxy::test::resend_with("token-2", true)};
    AuthorizedExchange exchange{tokens, plan};
    ASSERT_TRUE(exchange.take_token(BootClock::now()));
    exchange.rejected_in_doubt(document);
    EXPECT_EQ(tokens.calls, Calls{"in doubt token-1"});
    EXPECT_EQ(reject(exchange), Advice::Kind::resend);
    exchange.rejected_in_doubt(document);
    EXPECT_EQ(tokens.calls, (Calls{"in doubt token-1", "rejected token-1", "denied token-2"}));
}

} // namespace
} // namespace bearerd::auth
