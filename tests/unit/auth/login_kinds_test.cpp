#include <bearerd/auth/login.hpp>
#include <bearerd/auth/login_codec.hpp>

#include "unit/auth/fake_transport.hpp"
#include "unit/run_task.hpp"

#include <gmock/gmock.h>

#include <functional>

namespace bearerd::auth::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;
using Kind = LoginOutcome::Kind;
using Source = LoginOutcome::Source;

config::Url url_of(const std::string& host, const std::string& target) {
    return {true, host, 443, target, "https://" + host + target};
}

std::shared_ptr<config::Settings> settings_of_kind(config::LoginKind kind) {
    auto settings = std::make_shared<config::Settings>();
    settings->upstream.url = url_of("api.example.com", "/graphql");
    settings->upstream.headers = {{"X-Shop", "42"}};
    settings->credentials.user = "till";
    settings->credentials.password = Secret{std::string_view{"pass-word"}};
    settings->auth.kind = kind;
    settings->auth.oauth2.token_url = url_of("login.example.com", "/token");
    if (kind != config::LoginKind::graphql)
        settings->auth.token_headers.clear();
    return settings;
}

std::shared_ptr<config::Settings> body_settings() {
    auto settings = settings_of_kind(config::LoginKind::graphql);
    settings->auth.token_headers.clear();
    settings->auth.token_pointer = "/data/login/token";
    settings->auth.expires_pointer = "/data/login/expires";
    settings->auth.identity_pointer = "/data/login/user/name";
    settings->auth.rejected_at = {"/data/login/errors"};
    settings->auth.refresh = {"mutation($refresh_token:ID!){login:r(t:$refresh_token){token}}",
                              "/data/login/next"};
    return settings;
}

FakeAnswer answer(std::string body, std::uint16_t status = 200) {
    FakeAnswer value;
    value.status = status;
    value.fields = {{"Date", "Sun, 06 Nov 1994 08:49:37 GMT"}};
    value.pieces = {std::move(body)};
    return value;
}

/// Logs in once; the transport shows what was sent.
struct LoggedIn {
    LoggedIn(std::shared_ptr<config::Settings> settings, std::vector<FakeAnswer> answers,
             std::string_view refresh_token = {}, std::function<bool()> still_wanted = {}) {
        for (FakeAnswer& each : answers)
            transport->answer(std::move(each));
        const std::shared_ptr<const config::Credentials> credentials{settings, &settings->credentials};
        outcome = bearerd::test::run_task(loop, log_in(transport, std::move(settings), credentials,
                                                       Secret{refresh_token}, std::move(still_wanted)));
    }

    net::asio::io_context loop;
    std::shared_ptr<FakeTransport> transport = std::make_shared<FakeTransport>(loop.get_executor());
    LoginOutcome outcome;
};

/// An answer to a login, and what becomes of it.
struct Judged {
    std::string body;
    std::uint16_t status;
    Kind kind;
    std::string_view reason; ///< a part of it
};

void expect_judged(const std::function<std::shared_ptr<config::Settings>()>& settings,
                   const std::vector<Judged>& cases) {
    for (const Judged& each : cases) {
        SCOPED_TRACE(each.body);
        const LoggedIn done{settings(), {answer(each.body, each.status)}};
        EXPECT_EQ(done.outcome.kind, each.kind);
        EXPECT_THAT(done.outcome.reason, HasSubstr(each.reason));
        EXPECT_THAT(done.outcome.reason, Not(HasSubstr("pass-word")));
    }
}

TEST(BodyLogin, TakesTokenLifeIdentityAndRefreshTokenFromTheAnswer) {
    const LoggedIn done{
        body_settings(),
        {answer(
            R"({"data":{"login":{"token":"Bearer a\u002db","expires":900,"next":"r\/1","user":{"name":7}}}})")}};
    EXPECT_EQ(done.outcome.kind, Kind::accepted) << done.outcome.reason;
    EXPECT_EQ(done.outcome.token.reveal(), "a-b");
    EXPECT_EQ(done.outcome.life, 900s);
    EXPECT_EQ(done.outcome.identity, "7");
    EXPECT_EQ(done.outcome.refresh_token.reveal(), "r/1");
    EXPECT_EQ(done.outcome.source, Source::login);
}

TEST(BodyLogin, TakesBothTokensWhateverTheirMembersAreCalled) {
    const struct {
        std::string token_pointer;
        std::string refresh_pointer;
        std::string body;
    } cases[] = {
        {"/data/l/access/token", "/data/l/refresh/token",
         R"({"data":{"l":{"access":{"token":"a-1"},"refresh":{"token":"r-1"}}}})"},
        {"/data/l/access/token", "/data/l/refresh/token",
         R"({"data":{"l":{"refresh":{"token":"r-1"},"access":{"token":"a-1"}}}})"},
        {"/data/l/refresh_token", "/data/l/next/refresh_token",
         R"({"data":{"l":{"refresh_token":"a-1","next":{"refresh_token":"r-1"}}}})"},
        {"/data/l/0", "/data/l/1", R"({"data":{"l":["a-1","r-1"]}})"},
    };

    for (const auto& each : cases) {
        SCOPED_TRACE(each.body);
        auto settings = body_settings();
        settings->auth.token_pointer = each.token_pointer;
        settings->auth.refresh->token_pointer = each.refresh_pointer;
        const Secret none;
        http::ResponseHead head;
        head.status = 200;
        std::string body = each.body;
        const auto outcome =
            login_codec(settings->auth.kind)->read({*settings, settings->credentials, none}, head, body);
        EXPECT_EQ(outcome.token.reveal(), "a-1");
        EXPECT_EQ(outcome.refresh_token.reveal(), "r-1");
        EXPECT_THAT(body, Not(HasSubstr("-1")));
    }
}

TEST(BodyLogin, IsJudgedLikeAnyOther) {
    const std::vector<Judged> cases{
        {R"({"data":{"login":{"token":null,"errors":[{"message":"wrong"}]}}})", 200, Kind::rejected,
         "the upstream says: wrong"},
        {R"({"data":{"login":{"token":"","errors":"wrong"}}})", 200, Kind::rejected, "says: wrong"},
        {R"({"data":{"login":{"errors":"WRONG","message":"wrong user"}}})", 200, Kind::rejected,
         "says: wrong user"},
        {R"({"data":{"login":{"errors":[]}}})", 200, Kind::unavailable, "neither a token nor errors"},
        {R"({"errors":[{"message":"no"}],"data":null})", 200, Kind::rejected, "says: no"},
        {R"({"errors":[{"message":"pass-word is wrong"}]})", 401, Kind::rejected, "not shown"},
        {R"({"data":{"login":{"token":"t","next":"refresh-1"}},"errors":[{"message":"refresh-1"}]})", 200,
         Kind::accepted, ""},
        {R"({"data":{"login":{"token":null,"next":"refresh-1"}},"errors":[{"message":"refresh-1"}]})", 200,
         Kind::rejected, "not shown"},
        {R"({"data":{"login":{"token":"of-a-guest","errors":"wrong"}}})", 200, Kind::rejected, "says: wrong"},
        {R"({"data":{"login":{"token":"a b"}}})", 200, Kind::unavailable, "neither a token"},
        {R"({"data":{"login":{"token":"t"}}})", 500, Kind::unavailable, "500"},
        {R"({"data":{"login":{"token":"t"})", 200, Kind::unavailable, "without a JSON object"},
        {R"({"data":{"login":{"token":"t","expires":0}}})", 200, Kind::unavailable, "expired already"},
    };
    expect_judged(body_settings, cases);
}

TEST(BodyLogin, ReadsALifeInItsUnitOrAsAMoment) {
    const struct {
        const char* text;
        Duration unit;
        std::optional<Duration> life;
    } cases[] = {
        {"900", 1s, 900s},
        {"900000", 1ms, 900s},
        {"\"900\"", 1s, 900s},
        {"1.5e3", 1s, 1500s},
        {"784111897", 1s, 24h * 30}, // 31 years are too long a life, but no moment
        {"1784111777", 1s, 24h * 30},
        {"1000000000000", 1ms, 24h * 30}, // in 2001, which is seven years after the answer's date
        {"\"tomorrow\"", 1s, std::nullopt},
        {"null", 1s, std::nullopt},
        {"{}", 1s, std::nullopt},
    };

    for (const auto& each : cases) {
        SCOPED_TRACE(each.text);
        auto settings = body_settings();
        settings->auth.expires_unit = each.unit;
        const LoggedIn done{
            std::move(settings),
            {answer(R"({"data":{"login":{"token":"t","expires":)" + std::string{each.text} + "}}}")}};
        EXPECT_EQ(done.outcome.kind, Kind::accepted) << done.outcome.reason;
        EXPECT_EQ(done.outcome.life, each.life);
    }
}

TEST(BodyLogin, GoesToItsOwnAddressWithoutTheApisHeaders) {
    auto settings = body_settings();
    settings->auth.login_url = url_of("login.example.com", "/l");
    const LoggedIn done{std::move(settings), {answer(R"({"data":{"login":{"token":"t"}}})")}};
    EXPECT_THAT(done.transport->heads.front(), HasSubstr("POST /l HTTP/1.1\r\nHost: login.example.com\r\n"));
    EXPECT_THAT(done.transport->heads.front(), Not(HasSubstr("X-Shop")));
}

TEST(Refresh, IsSentOnceOnANewConnectionAndBringsTheNextToken) {
    const LoggedIn done{
        body_settings(), {answer(R"({"data":{"login":{"token":"t2","next":"refresh-2"}}})")}, "refresh-\"1"};
    EXPECT_EQ(done.outcome.kind, Kind::accepted);
    EXPECT_EQ(done.outcome.source, Source::refresh);
    EXPECT_EQ(done.outcome.token.reveal(), "t2");
    EXPECT_EQ(done.outcome.refresh_token.reveal(), "refresh-2");
    EXPECT_EQ(done.transport->bodies,
              std::vector<std::string>{
                  R"({"query":"mutation($refresh_token:ID!){login:r(t:$refresh_token){token}}",)"
                  R"("variables":{"refresh_token":"refresh-\"1"}})"});
    EXPECT_EQ(done.transport->new_connections, std::vector<bool>{true});
}

TEST(Refresh, ThatIsRefusedFallsBackToALogin) {
    const LoggedIn done{body_settings(),
                        {answer(R"({"errors":[{"message":"Invalid refresh token"}],"data":null})"),
                         answer(R"({"data":{"login":{"token":"t2"}}})")},
                        "refresh-1"};
    EXPECT_EQ(done.outcome.kind, Kind::accepted);
    EXPECT_EQ(done.outcome.source, Source::login);
    EXPECT_THAT(done.transport->bodies.back(), HasSubstr(R"("password":"pass-word")"));
}

/// Servers say in many ways that a refresh token is of no use any more.
TEST(Refresh, ThatIsAnsweredWithoutATokenFallsBackToALogin) {
    const struct {
        std::string body;
        std::uint16_t status;
        bool falls_back;
    } cases[] = {
        {R"({"data":{"login":null}})", 200, true},
        {R"({"data":{"login":{"token":"t","expires":0}}})", 200, true},
        {"<html>", 200, true},
        {"<html>", 401, true},
        {R"({"message":"Unauthorized"})", 401, true},
        {"{}", 400, true},
        {"", 404, true},
        {R"({"errors":[{"message":"no","extensions":{"code":"INTERNAL_SERVER_ERROR"}}]})", 200, true},
        {"", 429, false},
        {R"({"data":{"login":null}})", 503, false},
    };

    for (const auto& each : cases) {
        SCOPED_TRACE(each.body + std::to_string(each.status));
        const LoggedIn done{body_settings(),
                            {answer(each.body, each.status), answer(R"({"data":{"login":{"token":"t2"}}})")},
                            "refresh-1"};
        EXPECT_EQ(done.outcome.kind, each.falls_back ? Kind::accepted : Kind::unavailable);
        EXPECT_EQ(done.transport->sent, each.falls_back ? 2U : 1U);
    }
}

TEST(Refresh, AndTheLoginAfterItShareOneTimeout) {
    const LoggedIn done{body_settings(),
                        {answer(R"({"data":null})"), answer(R"({"data":{"login":{"token":"t2"}}})")},
                        "refresh-1"};
    ASSERT_EQ(done.transport->give_ups.size(), 2U);
    EXPECT_EQ(done.transport->give_ups[0], done.transport->give_ups[1]);
}

TEST(Refresh, IsNotFollowedByALoginThatIsNotWantedAnyMore) {
    const LoggedIn done{body_settings(), {answer(R"({"data":null})")}, "refresh-1", [] { return false; }};
    EXPECT_EQ(done.outcome.kind, Kind::unavailable);
    EXPECT_EQ(done.transport->sent, 1U);
}

TEST(Refresh, ThatMayHaveArrivedIsNotRepeated) {
    for (const auto stage : {upstream::Stage::writing, upstream::Stage::waiting, upstream::Stage::reading}) {
        FakeAnswer lost;
        lost.failure = upstream::Failure{make_error_code(errc::closed), stage, true, {}};
        const LoggedIn done{body_settings(), {lost, answer(R"({"data":{"login":{"token":"t2"}}})")}, "r-1"};
        EXPECT_EQ(done.outcome.kind, Kind::unavailable);
        EXPECT_EQ(done.transport->sent, 1U);
    }
}

TEST(OAuth2Login, EncodesIdAndSecretBeforeBase64) {
    auto settings = settings_of_kind(config::LoginKind::oauth2_client_credentials);
    settings->credentials.user = "till 1:a";
    settings->credentials.password = Secret{std::string_view{"s\xc3\xa4/+%&="}};
    settings->auth.oauth2.scope = "read write";
    settings->auth.oauth2.audience = "https://api/?a=b&c";
    const LoggedIn done{std::move(settings),
                        {answer(R"({"access_token":"t","token_type":"bearer","expires_in":3600})")}};
    EXPECT_EQ(done.outcome.kind, Kind::accepted) << done.outcome.reason;
    EXPECT_EQ(done.outcome.life, 3600s);
    const std::string& head = done.transport->heads.front();
    EXPECT_THAT(head, HasSubstr("POST /token HTTP/1.1\r\nHost: login.example.com\r\n"
                                "Content-Type: application/x-www-form-urlencoded\r\n"));
    // till+1%3Aa:s%C3%A4%2F%2B%25%26%3D
    EXPECT_THAT(head, HasSubstr("\r\nAuthorization: Basic dGlsbCsxJTNBYTpzJUMzJUE0JTJGJTJCJTI1JTI2JTNE\r\n"));
    EXPECT_THAT(head, Not(HasSubstr("X-Shop")));
    EXPECT_EQ(done.transport->bodies.front(),
              "grant_type=client_credentials&scope=read+write&audience=https%3A%2F%2Fapi%2F%3Fa%3Db%26c");
}

TEST(OAuth2Login, SendsIdAndSecretInTheBodyIfTheConfigurationSaysSo) {
    auto settings = settings_of_kind(config::LoginKind::oauth2_client_credentials);
    settings->auth.oauth2.client_auth = config::OAuth2::ClientAuth::post;
    settings->credentials.password = Secret{std::string_view{"a b&c"}};
    const LoggedIn done{std::move(settings), {answer(R"({"access_token":"t"})")}};
    EXPECT_THAT(done.transport->heads.front(), Not(HasSubstr("Authorization")));
    EXPECT_EQ(done.transport->bodies.front(),
              "grant_type=client_credentials&client_id=till&client_secret=a+b%26c");
    EXPECT_EQ(done.outcome.life, std::nullopt);
}

TEST(OAuth2Login, IsJudgedByTheErrorsOfTheStandard) {
    const std::vector<Judged> cases{
        {R"({"error":"invalid_client"})", 400, Kind::rejected, "says: invalid_client"},
        {R"({"error":"invalid_client","error_description":"wrong secret"})", 401, Kind::rejected,
         "says: invalid_client: wrong secret"},
        {R"({"error":"invalid_client","error_description":"pass-word is wrong"})", 401, Kind::rejected,
         "not shown"},
        {"<html>", 401, Kind::rejected, "HTTP status 401 without an OAuth2 error"},
        {R"({"error":"invalid_scope"})", 400, Kind::rejected, "invalid_scope"},
        {"<html>", 400, Kind::unavailable, "400"},
        {R"({"error":"temporarily_unavailable"})", 400, Kind::unavailable, "temporarily_unavailable"},
        {R"({"error":"slow_down"})", 429, Kind::unavailable, "429"},
        {"", 503, Kind::unavailable, "503"},
        {"{}", 200, Kind::unavailable, "without an access_token"},
        {"[]", 200, Kind::unavailable, "without a JSON object"},
        {R"({"access_token":"t","token_type":"DPoP"})", 200, Kind::unavailable, "token_type"},
        {R"({"access_token":"a\r\nX: y"})", 200, Kind::unavailable, "without an access_token"},
        {R"({"access_token":"t","token_type":"bearer","expires_in":"60"})", 200, Kind::accepted, ""},
        {R"({"access_token":"t","expires_in":0})", 200, Kind::unavailable, "expired already"},
    };
    expect_judged([] { return settings_of_kind(config::LoginKind::oauth2_client_credentials); }, cases);
}

TEST(OAuth2Login, DoesNotShowTheCredentialsInAnyFormThatWasSent) {
    // Basic dGlsbDphYiUyRmNkJTJCZWYlM0RnaA== is till:ab%2Fcd%2Bef%3Dgh
    for (const std::string echo :
         {"dGlsbDphYiUyRmNkJTJCZWYlM0RnaA==", "YiUyRmNkJTJCZWY", "ab%2Fcd%2Bef%3Dgh"}) {
        auto settings = settings_of_kind(config::LoginKind::oauth2_client_credentials);
        settings->credentials.password = Secret{std::string_view{"ab/cd+ef=gh"}};
        const LoggedIn done{
            std::move(settings),
            {answer(R"({"error":"invalid_client","error_description":")" + echo + R"("})", 401)}};
        EXPECT_EQ(done.outcome.kind, Kind::rejected);
        EXPECT_THAT(done.outcome.reason, HasSubstr("not shown")) << echo;
    }
}

TEST(LoginAnswer, KeepsNoSecretAfterItWasRead) {
    const struct {
        config::LoginKind kind;
        std::string body;
    } cases[] = {
        {config::LoginKind::graphql,
         R"({"data":{"login":{"token":"secret-1","token":"secret-\"2","refresh_token" : "secret-3"}}})"},
        {config::LoginKind::oauth2_client_credentials,
         R"({"access_token":"secret-1","access_token":"secret-2","id_token":"secret-3","refresh_token":"secret-4"})"},
    };

    for (const auto& each : cases) {
        auto settings =
            each.kind == config::LoginKind::graphql ? body_settings() : settings_of_kind(each.kind);
        settings->auth.refresh.reset();
        const Secret none;
        http::ResponseHead head;
        head.status = 200;
        std::string body = each.body;
        const auto outcome =
            login_codec(each.kind)->read({*settings, settings->credentials, none}, head, body);
        EXPECT_EQ(outcome.token.reveal(), "secret-1");
        EXPECT_THAT(body, Not(HasSubstr("secret")));
        EXPECT_EQ(body.size(), each.body.size());
    }
}

TEST(StaticToken, TakesNoLogin) {
    const LoggedIn done{settings_of_kind(config::LoginKind::static_token), {}};
    EXPECT_EQ(done.outcome.kind, Kind::accepted);
    EXPECT_EQ(done.outcome.source, Source::file);
    EXPECT_EQ(done.outcome.token.reveal(), "pass-word");
    EXPECT_EQ(done.transport->sent, 0U);
    auto broken = settings_of_kind(config::LoginKind::static_token);
    broken->credentials.password = Secret{std::string_view{"a b"}};
    const LoggedIn not_sent{std::move(broken), {}};
    EXPECT_EQ(not_sent.outcome.kind, Kind::unavailable);
}

} // namespace
} // namespace bearerd::auth::test
