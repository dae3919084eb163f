#include <bearerd/outcome/error_reply.hpp>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <string>

using namespace bearerd::outcome;
using namespace std::string_literals;

namespace {

struct Row {
    ErrorCode code;
    std::string_view name;
    std::uint16_t status;
    std::string_view executed;
};

// contract 4's table, once more.
constexpr Row table[] = {
    {ErrorCode::bad_request, "BAD_REQUEST", 400, "no"},
    {ErrorCode::forbidden_host, "FORBIDDEN_HOST", 403, "no"},
    {ErrorCode::forbidden_origin, "FORBIDDEN_ORIGIN", 403, "no"},
    {ErrorCode::forbidden_peer, "FORBIDDEN_PEER", 403, "no"},
    {ErrorCode::not_found, "NOT_FOUND", 404, "no"},
    {ErrorCode::method_not_allowed, "METHOD_NOT_ALLOWED", 405, "no"},
    {ErrorCode::request_timeout, "REQUEST_TIMEOUT", 408, "no"},
    {ErrorCode::payload_too_large, "PAYLOAD_TOO_LARGE", 413, "no"},
    {ErrorCode::headers_too_large, "HEADERS_TOO_LARGE", 431, "no"},
    {ErrorCode::login_rejected, "LOGIN_REJECTED", 502, "no"},
    {ErrorCode::login_unavailable, "LOGIN_UNAVAILABLE", 503, "no"},
    {ErrorCode::upstream_unreachable, "UPSTREAM_UNREACHABLE", 502, "no"},
    {ErrorCode::upstream_broken, "UPSTREAM_BROKEN", 502, "no"},
    {ErrorCode::upstream_timeout, "UPSTREAM_TIMEOUT", 504, "no"},
    {ErrorCode::outcome_unknown, "OUTCOME_UNKNOWN", 504, "unknown"},
    {ErrorCode::overloaded, "OVERLOADED", 503, "no"},
    {ErrorCode::shutting_down, "SHUTTING_DOWN", 503, "no"},
    {ErrorCode::already_executed, "ALREADY_EXECUTED", 409, "yes"},
    {ErrorCode::key_reused, "KEY_REUSED", 422, "no"},
};
static_assert(std::size(table) == error_code_count);

TEST(Reply, FollowsTheTable) {
    for (const auto& [code, name, status, executed] : table) {
        EXPECT_EQ(code_name(code), name);
        EXPECT_EQ(natural_status(code), status) << name;
        EXPECT_EQ(to_string(table_executed(code)), executed) << name;
        std::string lower{name};
        std::transform(lower.begin(), lower.end(), lower.begin(),
                       [](char c) { return c == '_' ? c : static_cast<char>(c + ('a' - 'A')); });
        EXPECT_EQ(code_label(code), lower);
    }
}

TEST(Reply, SentencesAreOneSentenceEachAndSayWhatBecameOfTheRequest) {
    for (const auto& [code, name, status, executed] : table) {
        const std::string sentence{support_sentence(code)};
        EXPECT_THAT(sentence, testing::MatchesRegex("[A-Z].*[A-Za-z_]\\.")) << name;
        EXPECT_EQ(sentence.find(". "), std::string::npos) << name;
        if (executed == "no") {
            EXPECT_THAT(sentence, testing::ContainsRegex("nothing was executed|was not executed")) << name;
        }
    }
    EXPECT_THAT(std::string{support_sentence(ErrorCode::outcome_unknown)},
                testing::AllOf(testing::HasSubstr("balance"), testing::HasSubstr("transaction reference"),
                               testing::HasSubstr("before trying again")));
}

TEST(Reply, BodyIsTheContractsToTheByte) {
    EXPECT_EQ(error_body(ErrorCode::outcome_unknown, Executed::unknown, "One sentence.", "r-1"),
              R"({"errors":[{"message":"One sentence.","customer_facing":false,"extensions":)"
              R"({"code":"OUTCOME_UNKNOWN","executed":"unknown","request_id":"r-1","source":"bearerd"}}]})");
    EXPECT_EQ(error_body(ErrorCode::overloaded, Executed::no, "", ""),
              R"({"errors":[{"message":"","customer_facing":false,"extensions":)"
              R"({"code":"OVERLOADED","executed":"no","request_id":"","source":"bearerd"}}]})");
}

TEST(Reply, BodyIsJsonWhateverTheRequestId) {
    struct Case {
        std::string id;
        std::string read_back;
    };

    const Case cases[] = {
        {R"(a"b\c/)", R"(a"b\c/)"},
        {"\"}]},\"data\":{\"x\":1", "\"}]},\"data\":{\"x\":1"},
        {"\0\x01\x1F\x7F\r\n\t"s, "\0\x01\x1F\x7F\r\n\t"s},
        {"\xC3\xA9\xF0\x9F\x92\xB3", "\xC3\xA9\xF0\x9F\x92\xB3"},
        {"a\x80\xFFz", "a\uFFFD\uFFFDz"},
        {"\xC0\xA2", "\uFFFD\uFFFD"},
        {"\xED\xA0\x80", "\uFFFD\uFFFD\uFFFD"},
        {"\xF4\x90\x80\x80", "\uFFFD\uFFFD\uFFFD\uFFFD"},
        {"\xE2\x82", "\uFFFD\uFFFD"},
    };
    for (const auto& [id, read_back] : cases) {
        const auto body =
            nlohmann::json::parse(error_body(ErrorCode::bad_request, Executed::no, id, id), nullptr, false);
        ASSERT_FALSE(body.is_discarded()) << id;
        EXPECT_EQ(body["errors"][0]["extensions"]["request_id"], read_back);
        EXPECT_EQ(body["errors"][0]["message"], read_back);
        EXPECT_FALSE(body.contains("data"));
    }
}

TEST(Reply, ExecutedHasTheNamesOfTheContract) {
    EXPECT_EQ(to_string(Executed::no), "no");
    EXPECT_EQ(to_string(Executed::yes), "yes");
    EXPECT_EQ(to_string(Executed::unknown), "unknown");
    EXPECT_EQ(to_string(Executed::answered), "answered");
}

} // namespace
