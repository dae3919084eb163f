#include <bearerd/auth/login_codec.hpp>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <ostream>

namespace bearerd::auth {

void PrintTo(LoginOutcome::Kind kind, std::ostream* out) {
    constexpr std::string_view names[] = {"accepted", "rejected", "unavailable"};
    *out << names[static_cast<std::size_t>(kind)];
}

namespace {

using namespace std::chrono_literals;
using Kind = LoginOutcome::Kind;

config::Upstream upstream() {
    config::Upstream value;
    value.url.host = "api.example.com";
    value.url.target = "/graphql?a=b";
    return value;
}

config::Credentials credentials(std::string user, std::string password, bool by_email = false) {
    config::Credentials value;
    value.user = std::move(user);
    value.password = Secret{std::move(password)};
    value.by_email = by_email;
    return value;
}

TEST(LoginRequest, IsAnOrdinaryPostWithoutAToken) {
    auto to = upstream();
    to.headers = {{"X-Shop", "42"}, {"authorization", "Bearer planted"}, {"content-length", "1"}};
    const auto request = make_login_request(to, credentials("till", "pw"), "query{x}");
    const auto size = std::to_string(request.body.size());
    EXPECT_EQ(request.head,
              "POST /graphql?a=b HTTP/1.1\r\nHost: api.example.com\r\nContent-Type: application/json\r\n"
              "Accept: application/json\r\nAccept-Encoding: identity\r\nContent-Length: " +
                  size + "\r\nX-Shop: 42\r\n\r\n");
    EXPECT_EQ(request.body.reveal(),
              R"({"query":"query{x}","variables":{"username":"till","password":"pw"}})");
}

TEST(LoginRequest, AnyPasswordSurvivesAsJson) {
    for (const std::string password :
         {"a\"b\\c", "tab\tnewline\n\x01\x7f", "p\xc3\xa4ss \xe2\x82\xac", "</script>", ""}) {
        const auto request = make_login_request(upstream(), credentials("a\"b", password, true), "q\n");
        const auto json = nlohmann::json::parse(request.body.reveal(), nullptr, false);
        ASSERT_TRUE(json.is_object());
        EXPECT_EQ(json, (nlohmann::json{{"query", "q\n"},
                                        {"variables", {{"email", "a\"b"}, {"password", password}}}}));
    }
}

TEST(FindToken, TakesTheBestHeaderThatHoldsAToken) {
    const std::vector<std::string> names{"X-Authorization", "Authorization"};
    using F = http::Field;
    const auto id = http::FieldId::unknown;

    struct Case {
        std::vector<F> fields;
        std::string_view token;
    };

    for (const auto& c :
         {Case{{}, ""}, Case{{F{id, "Authorization", "Bearer a"}, F{id, "x-authorization", "b"}}, "b"},
          Case{{F{id, "AUTHORIZATION", "a"}}, "a"},
          Case{{F{id, "X-Authorization", "not a token"}, F{id, "Authorization", "a"}}, "a"},
          Case{{F{id, "X-Authorization", ""}, F{id, "X-Authorization", "b"}}, "b"}}) {
        http::Fields fields;
        fields.list = c.fields;
        EXPECT_EQ(find_token(fields, names), c.token);
    }
}

struct Answer {
    const char* claim;
    std::uint16_t status;
    const char* token;
    const char* body;
    Kind kind;
};

class JudgeLogin : public testing::TestWithParam<Answer> {};

TEST_P(JudgeLogin, ByContract) {
    LoginHead head;
    head.status = GetParam().status;
    head.token = Secret{std::string_view{GetParam().token}};
    head.retry_after = 7s;
    const auto outcome = judge_login(std::move(head), GetParam().body, Secret{});
    EXPECT_EQ(outcome.kind, GetParam().kind);
    EXPECT_EQ(outcome.token.reveal(), outcome.kind == Kind::accepted ? GetParam().token : "");
    EXPECT_EQ(outcome.reason.empty(), outcome.kind == Kind::accepted);
    if (outcome.kind != Kind::accepted) {
        EXPECT_EQ(outcome.retry_after, 7s);
    }
}

constexpr const char* wrong = R"({"errors":[{"message":"Invalid credentials"}],"data":{"loginUser":null}})";
constexpr const char* fine = R"({"data":{"loginUser":{"id":"7"}}})";

INSTANTIATE_TEST_SUITE_P(
    Answers, JudgeLogin,
    testing::Values(
        Answer{"token", 200, "t", fine, Kind::accepted},
        Answer{"empty_errors", 200, "t", R"({"data":{"loginUser":{"id":"7"}},"errors":[]})", Kind::accepted},
        Answer{"null_errors", 200, "t", R"({"data":{},"errors":null})", Kind::accepted},
        Answer{"warning_beside_user", 200, "t", R"({"data":{"loginUser":{"id":1}},"errors":[{}]})",
               Kind::accepted},
        Answer{"wrong_200", 200, "", wrong, Kind::rejected},
        Answer{"wrong_400", 400, "", wrong, Kind::rejected},
        Answer{"wrong_401", 401, "", wrong, Kind::rejected},
        Answer{"wrong_403", 403, "", wrong, Kind::rejected},
        Answer{"wrong_with_token", 200, "t", wrong, Kind::rejected},
        Answer{"wrong_401_with_token", 401, "t", wrong, Kind::rejected},
        Answer{"unauthorized", 200, "", R"({"errors":[{"message":"Unauthorized","customer_facing":false}]})",
               Kind::rejected},
        Answer{"odd_errors", 200, "", R"({"errors":[7]})", Kind::rejected},
        Answer{"bad_code", 200, "", R"({"errors":[{"extensions":{"code":"BAD_USER_INPUT"}}]})",
               Kind::rejected},
        Answer{"internal", 200, "", R"({"errors":[{"extensions":{"code":"INTERNAL_SERVER_ERROR"}}]})",
               Kind::unavailable},
        Answer{"internal_lower", 400, "", R"({"errors":[{},{"extensions":{"code":"internal-error"}}]})",
               Kind::unavailable},
        Answer{"rate", 403, "", R"({"errors":[{"extensions":{"code":"RATE_LIMITED"}}]})", Kind::unavailable},
        Answer{"many", 200, "", R"({"errors":[{"extensions":{"code":"TOO_MANY_REQUESTS"}}]})",
               Kind::unavailable},
        Answer{"throttled", 200, "", R"({"errors":[{"extensions":{"code":"THROTTLED"}}]})",
               Kind::unavailable},
        Answer{"status_429", 429, "", wrong, Kind::unavailable},
        Answer{"status_500", 500, "", wrong, Kind::unavailable},
        Answer{"status_503", 503, "t", fine, Kind::unavailable},
        Answer{"status_302", 302, "t", fine, Kind::unavailable},
        Answer{"status_404", 404, "", wrong, Kind::unavailable},
        Answer{"no_token", 200, "", fine, Kind::unavailable},
        Answer{"token_with_401", 401, "t", fine, Kind::unavailable},
        Answer{"empty_body", 200, "t", "", Kind::unavailable},
        Answer{"html", 200, "t", "<html>", Kind::unavailable},
        Answer{"html_403", 403, "", "<html>", Kind::unavailable},
        Answer{"array", 200, "t", "[]", Kind::unavailable},
        Answer{"errors_object", 200, "", R"({"errors":{"message":"x"}})", Kind::unavailable}),
    [](const auto& answer) { return std::string{answer.param.claim}; });

TEST(JudgeLoginReason, QuotesTheUpstreamInPrintableAscii) {
    LoginHead head;
    head.status = 200;
    const auto outcome =
        judge_login(std::move(head), "{\"errors\":[{\"message\":\"No\\n\\u001b[31m\xc3\xa4\"}]}", Secret{});
    EXPECT_EQ(outcome.reason, "the upstream says: No??[31m??");
}

TEST(JudgeLoginReason, HoldsNoPasswordHoweverItIsSpelledOrCut) {
    struct Case {
        std::string_view password, message; ///< the message as it stands in the JSON
    };

    const std::string cut = std::string(110, 'x') + "a long password";
    for (const auto& c :
         {Case{"pass-word", "no user with pass-word"}, Case{"p\xc3\xa4ss", "not p\xc3\xa4ss"},
          Case{"p\xc3\xa4ss", R"(not p\u00e4ss)"}, Case{"a long password", cut},
          Case{R"(a"b)", R"(bad: {\"password\":\"a\\\"b\"})"}, Case{R"(a"b)", R"(not a\"b)"}}) {
        LoginHead head;
        head.status = 200;
        const auto body = R"({"errors":[{"message":")" + std::string{c.message} + R"("}]})";
        const auto outcome = judge_login(std::move(head), body, Secret{c.password});
        EXPECT_EQ(outcome.kind, Kind::rejected);
        EXPECT_EQ(outcome.reason, "the upstream's message holds the password") << c.message;
    }
}

TEST(JudgeLogin, AnswerOverTheLimitIsBroken) {
    LoginHead head;
    head.status = 200;
    head.token = Secret{std::string_view{"t"}};
    const auto body = R"({"data":{"x":")" + std::string(max_login_answer, 'x') + "\"}}";
    EXPECT_EQ(judge_login(std::move(head), body, Secret{}).kind, Kind::unavailable);
}

TEST(RetryAfter, AsADateIsCountedFromTheAnswersOwn) {
    const std::string_view sent = "Wed, 21 Oct 2026 07:28:00 GMT";
    EXPECT_EQ(parse_retry_after("Wed, 21 Oct 2026 07:28:00 GMT", sent), Duration{0s});
    EXPECT_EQ(parse_retry_after("Wed, 21 Oct 2026 08:30:05 GMT", sent), Duration{1h + 2min + 5s});
    EXPECT_EQ(parse_retry_after("Thu, 01 Jan 2099 00:00:00 GMT", sent), Duration{24h});
    for (const std::string_view value :
         {"Wed, 21 Oct 2026 07:27:59 GMT", "Wed, 31 Feb 2027 07:28:00 GMT", "Wed, 21 anO 2026 08:28:00 GMT",
          "Wed, 21 Oct 2026 24:28:00 GMT", "Wed, 21 Oct 2026 08:28:00 CET", "Wed, 21 Oct 2026 08:28:00 GMT ",
          "Wednesday, 21-Oct-26 08:28:00 GMT"})
        EXPECT_EQ(parse_retry_after(value, sent), std::nullopt) << value;
    EXPECT_EQ(parse_retry_after("Wed, 21 Oct 2026 08:30:05 GMT", "yesterday"), std::nullopt);
}

TEST(RetryAfter, IsReadInSeconds) {
    EXPECT_EQ(parse_retry_after("0"), Duration{0s});
    EXPECT_EQ(parse_retry_after("120"), Duration{120s});
    EXPECT_EQ(parse_retry_after("99999999999999999999999"), Duration{24h});
    for (const std::string_view value : {"", "-1", "1.5", " 1", "Wed, 21 Oct 2026 07:28:00 GMT"})
        EXPECT_EQ(parse_retry_after(value), std::nullopt) << value;
}

} // namespace
} // namespace bearerd::auth
