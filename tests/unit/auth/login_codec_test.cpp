#include "unit/auth/judged_login.hpp"

#include <bearerd/base/version.hpp>

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
using test::judged_login;
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
                  size + "\r\nUser-Agent: " + std::string{user_agent()} + "\r\nX-Shop: 42\r\n\r\n");
    EXPECT_EQ(request.body.reveal(),
              R"({"query":"query{x}","variables":{"username":"till","password":"pw"}})");
}

TEST(LoginRequest, HasOneUserAgent) {
    EXPECT_TRUE(user_agent().starts_with("bearerd/") && user_agent().size() > 8);
    auto to = upstream();
    to.headers = {{"user-agent", "shop"}};
    const auto head = make_login_request(to, credentials("till", "pw"), "query{x}").head;
    EXPECT_NE(head.find("\r\nuser-agent: shop\r\n"), std::string::npos);
    EXPECT_EQ(head.find("User-Agent"), std::string::npos);
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

TEST(ReadLoginHead, TellsWhatIsWrongWithATokenThatCanNotBeUsed) {
    struct Case {
        std::string first, second;
        std::string_view token, part; ///< of the failure's reason
    };

    const std::string longest(max_token_size, 'x');
    for (const auto& c :
         {Case{"null", "Bearer good", "good", ""}, Case{"Bearer undefined", "good", "good", ""},
          Case{"", "good", "good", ""}, Case{"Bearer ", "good", "good", ""},
          Case{longest + "x", "good", "good", ""}, Case{longest, "good", longest, ""},
          Case{longest + "x", "null", "", "a token that is too long (more than 16 KiB)"},
          Case{"null", "Bearer a, Bearer b", "", "two tokens joined by a comma"},
          Case{"a,b", "", "", "two tokens joined by a comma"},
          Case{"null", "undefined", "", "neither a token nor errors"}}) {
        http::ResponseHead head;
        head.status = 200;
        head.fields.list = {{http::FieldId::unknown, "X-Authorization", c.first},
                            {http::FieldId::authorization, "Authorization", c.second}};
        auto read = read_login_head(head, {"X-Authorization", "Authorization"});
        EXPECT_EQ(read.token.reveal(), c.token);
        const auto outcome = judged_login(std::move(read), R"({"data":{"loginUser":{"id":"7"}}})", Secret{});
        EXPECT_NE(outcome.reason.find(c.part), std::string::npos) << outcome.reason;
        EXPECT_EQ(outcome.kind, c.token.empty() ? Kind::unavailable : Kind::accepted);
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
    const auto outcome = judged_login(std::move(head), GetParam().body, Secret{});
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
        judged_login(std::move(head), "{\"errors\":[{\"message\":\"No\\n\\u001b[31m\xc3\xa4\"}]}", Secret{});
    EXPECT_EQ(outcome.reason, "the upstream says: No??[31m??");
}

constexpr std::string_view hidden =
    "the upstream's message is not shown: it may hold the password or a token";

std::string reason_for(std::string_view message, std::string_view password, std::string_view token = {}) {
    LoginHead head;
    head.status = 401;
    head.token = Secret{token};
    const auto body = nlohmann::json{{"errors", {{{"message", message}}}}}.dump();
    return judged_login(std::move(head), body, Secret{password}).reason;
}

TEST(JudgeLoginReason, HoldsNoPasswordInAnyEncoding) {
    const std::string_view password = "Tr\xc3\xbc"
                                      "b/s&l \"9";
    for (const std::string_view message : {"Tr&uuml;b/s&amp;l &quot;9",
                                           "Tr&#252;b",
                                           "Tr&#xFC;b",
                                           "Tr%C3%BCb%2Fs",
                                           "tr%c3%bcb%2fs%26l+%229",
                                           "Tr\\u00fcb\\/s",
                                           "Tr\\xc3\\xbc",
                                           "Tr\\303\\274",
                                           "Tr\\u{fc}b",
                                           "Tr=C3=BCb",
                                           "0x54 0x72",
                                           "U+0054 U+0072",
                                           "VHLDvGIvcyZsICI5",
                                           "no VHLDvGIvcyZsICI5==",
                                           "VHLDvGIv\ncyZsICI5",
                                           "VHLDvGIvcyZs",
                                           "OlRyw7xiL3MmbCAiOQ",
                                           "5472c3bc622f73266c202239",
                                           "54:72:C3:BC:62:2F",
                                           "84, 114, 195, 188, 98",
                                           "01010100 01110010 11000011",
                                           "T r \xc3\xbc b / s & l \" 9",
                                           "TR\xc3\x9c"
                                           "B/S&L \"9",
                                           "Tr\xc3\x83\xc2\xbc"
                                           "b/s&l \"9",
                                           "Tr?b/s&l \"9",
                                           "9\" l&s/b\xc3\xbcrT",
                                           "Ge\xc3\xbco/f&y \"9",
                                           "%u0054r"})
        EXPECT_EQ(reason_for(message, password), hidden) << message;
    for (const std::string_view message : {"aHVudGVyLTI0NzEx", "aAB1AG4AdABlAHIA", "NB2W45DFOIWTENBXGEYQ",
                                           "no hunter-2", "xn--hunter", "uhagre-24711"})
        EXPECT_EQ(reason_for(message, "hunter-24711"), hidden) << message;
}

TEST(JudgeLoginReason, HoldsNoPartOfAPasswordThatSymbolsBreakUp) {
    for (const std::string_view message :
         {"wrong password 'Ab!9$k...'", "wrong password '...Q#2z'; expected 'Ab!9$'", "no: B!9$K",
          "no 9 $ k Q #", "no z2#Qk", "no: !9$kQ"})
        EXPECT_EQ(reason_for(message, "Ab!9$kQ#2z"), hidden) << message;
    for (const std::string_view message : {"wrong password 'Ab!9...'", "locked until 2026-11-29 06:00"})
        EXPECT_NE(reason_for(message, "Ab!9$kQ#2z"), hidden) << message;
}

TEST(JudgeLoginReason, IsQuotedWhereItIsOnlyASentence) {
    for (const std::string_view message :
         {"Invalid credentials", "Variable \"$email\" is not defined by operation \"loginUser\".",
          "100% wrong", "A & B", "locked until 2026-11-29 06:00"})
        EXPECT_EQ(reason_for(message, "hunter-24711"), "the upstream says: " + std::string{message});
    for (const std::string_view password : {"e", "\xe2\x82\xac", "!", "pw"})
        EXPECT_FALSE(reason_for("Invalid credentials", password).empty());
    EXPECT_EQ(reason_for("Invalid credentials", std::string(100'000, 'x')), hidden);
}

TEST(JudgeLoginReason, HoldsNoToken) {
    EXPECT_EQ(reason_for("stale: eyJhbGciOiJI", "pw-9471", "eyJhbGciOiJIUzI1NiJ9.e30.c2ln"), hidden);
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
        const auto outcome = judged_login(std::move(head), body, Secret{c.password});
        EXPECT_EQ(outcome.kind, Kind::rejected);
        EXPECT_EQ(outcome.reason, hidden) << c.message;
    }
}

TEST(JudgeLogin, AnswerOverTheLimitIsBroken) {
    LoginHead head;
    head.status = 200;
    head.token = Secret{std::string_view{"t"}};
    const auto body = R"({"data":{"x":")" + std::string(max_login_answer, 'x') + "\"}}";
    EXPECT_EQ(judged_login(std::move(head), body, Secret{}).kind, Kind::unavailable);
}

TEST(RetryAfter, AsADateIsCountedFromTheAnswersOwn) {
    const std::string_view sent = "Wed, 21 Oct 2026 07:28:00 GMT";
    EXPECT_EQ(parse_retry_after("Wed, 21 Oct 2026 07:28:00 GMT", sent), Duration{0s});
    EXPECT_EQ(parse_retry_after("Wed, 21 Oct 2026 08:30:05 GMT", sent), Duration{1h + 2min + 5s});
    EXPECT_EQ(parse_retry_after("Thu, 01 Jan 2099 00:00:00 GMT", sent), Duration{24h});
    for (const std::string_view value :
         {"Wed, 21 Oct 2026 07:27:59 GMT", "Wed, 31 Feb 2027 07:28:00 GMT", "Wed, 21 anO 2026 08:28:00 GMT",
          "Wed, 21 Oct 2026 24:28:00 GMT", "Wed, 21 Oct 2026 08:28:00 CET", "Wed, 21 Oct 2026 08:28:00 GMT ",
          "Wednesday, 21-Oct-26 08:28:00 GMT", "Mi, 21 Okt 2026 08:28:00 GMT", "Wed, 21 Oct 2026 08:28:00"})
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
