#include <bearerd/http/headers.hpp>

#include "text.hpp"

#include <gtest/gtest.h>

#include <cctype>

namespace bearerd::http::test {
namespace {

const UpstreamHeadPlan plan{
    "/graphql", "api.example.com", {"X-Authorization", "Authorization", "X-Own-Token"}, {}};

std::string upstream_head(const NamedFields& fields, std::size_t body_size = 2,
                          const UpstreamHeadPlan& of = plan, std::string_view query = {},
                          std::string_view accept_encoding = {}, std::string_view method = "POST") {
    RequestHead head;
    head.method = method;
    head.fields = fields_of(fields);
    std::string out;
    append_upstream_head(out, of, head, query, "token-1", accept_encoding, "id-1", body_size);
    return out;
}

TEST(UpstreamHead, IsExactlyThis) {
    EXPECT_EQ(upstream_head({{"Host", "localhost:8080"},
                             {"User-Agent", "till/1"},
                             {"content-type", "application/json"},
                             {"Content-Length", "2"},
                             {"Cookie", "a=b"},
                             {"X-Mine", "1"},
                             {"X-Mine", "2"}}),
              "POST /graphql HTTP/1.1\r\n"
              "Host: api.example.com\r\n"
              "User-Agent: till/1\r\n"
              "content-type: application/json\r\n"
              "Cookie: a=b\r\n"
              "X-Mine: 1\r\n"
              "X-Mine: 2\r\n"
              "X-Request-Id: id-1\r\n"
              "Authorization: Bearer token-1\r\n"
              "Content-Length: 2\r\n\r\n");
}

TEST(UpstreamHead, LeavesOutTheSameNamesSpelledWithUnderscores) {
    const std::string bare = upstream_head({});
    for (const std::string_view name :
         {"Transfer_Encoding", "transfer_encoding", "Content_Length", "CONTENT_LENGTH", "X_Authorization",
          "Proxy_Authorization", "Proxy-Authentication_Info", "Proxy_Authentication-Info", "Keep_Alive",
          "Proxy_Connection", "Accept_Encoding", "X-Own_Token", "x_own-token", "X_Request_Id"})
        EXPECT_EQ(upstream_head({{name, "planted"}}), bare) << name;
    UpstreamHeadPlan configured = plan;
    configured.extra = {{"X-Tenant", "7"}};
    EXPECT_EQ(upstream_head({{"X_Tenant", "8"}}, 2, configured), upstream_head({}, 2, configured));
    EXPECT_EQ(upstream_head({{"Connection", "X-Hop"}, {"X_Hop", "1"}}), bare);
    EXPECT_NE(upstream_head({{"X_Mine", "1"}}).find("X_Mine: 1\r\n"), std::string::npos);
}

/// All names in all the ways that apps write them: a name that the parser's enumeration lists must not slip
/// through.
TEST(UpstreamHead, LeavesOutWhatIsOfTheConnectionOrOurs) {
    const std::string bare = upstream_head({});
    for (const std::string_view name :
         {"Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authentication-Info",
          "TE", "Trailer", "Transfer-Encoding", "Upgrade", "Content-Length", "Host", "Origin",
          "Authorization", "X-Authorization", "Proxy-Authorization", "Expect", "Accept-Encoding",
          "X-Request-Id", "X-Own-Token"}) {
        std::string lower{name};
        std::string upper{name};
        for (char& c : lower)
            c = static_cast<char>(std::tolower(c));
        for (char& c : upper)
            c = static_cast<char>(std::toupper(c));
        for (const std::string& written : {std::string{name}, lower, upper})
            EXPECT_EQ(upstream_head({{written, "planted"}}), bare) << written;
    }
}

TEST(UpstreamHead, TheAppsTokenIsDroppedThoughTheSettingsNameOtherHeaders) {
    const UpstreamHeadPlan other{"/", "a", {"X-Other"}, {}};
    const std::string head =
        upstream_head({{"Authorization", "planted"}, {"x-authorization", "planted"}}, 2, other);
    EXPECT_EQ(head.find("planted"), std::string::npos);
}

TEST(UpstreamHead, LeavesOutWhateverConnectionNames) {
    const std::string head = upstream_head({{"Connection", "close, X-Hop"},
                                            {"x-hop", "1"},
                                            {"Connection", "X-Other"},
                                            {"X-Other", "2"},
                                            {"X-Kept", "3"}});
    EXPECT_EQ(head.find("hop"), std::string::npos);
    EXPECT_EQ(head.find("X-Other"), std::string::npos);
    EXPECT_NE(head.find("X-Kept: 3\r\n"), std::string::npos);
}

TEST(UpstreamHead, TheClientsQueryStringIsAppended) {
    UpstreamHeadPlan with_query = plan;
    with_query.target = "/graphql?tenant=7";
    EXPECT_TRUE(upstream_head({}, 2, plan, "a=b").starts_with("POST /graphql?a=b HTTP/1.1\r\n"));
    EXPECT_TRUE(
        upstream_head({}, 2, with_query, "a=b").starts_with("POST /graphql?tenant=7&a=b HTTP/1.1\r\n"));
    EXPECT_TRUE(upstream_head({}, 2, with_query, "").starts_with("POST /graphql?tenant=7 HTTP/1.1\r\n"));
}

TEST(UpstreamHead, TheSettingsFieldsReplaceTheApps) {
    UpstreamHeadPlan with_extra = plan;
    with_extra.extra = {{"X-Tenant", "ours"}, {"User-Agent", "bearerd"}};
    const std::string head = upstream_head({{"x-tenant", "theirs"}, {"user-agent", "theirs"}}, 2, with_extra);
    EXPECT_EQ(head.find("theirs"), std::string::npos);
    EXPECT_NE(head.find("X-Tenant: ours\r\nUser-Agent: bearerd\r\n"), std::string::npos);
}

TEST(UpstreamHead, AcceptEncodingIsTheNarrowedOne) {
    EXPECT_NE(upstream_head({{"Accept-Encoding", "br, gzip"}}, 2, plan, {}, "gzip")
                  .find("Accept-Encoding: gzip\r\n"),
              std::string::npos);
}

TEST(UpstreamHead, OnlyAGetWithoutABodyHasNoLength) {
    EXPECT_EQ(upstream_head({}, 0, plan, {}, {}, "GET").find("Content-Length"), std::string::npos);
    EXPECT_NE(upstream_head({}, 3, plan, {}, {}, "GET").find("Content-Length: 3\r\n"), std::string::npos);
    EXPECT_NE(upstream_head({}, 0).find("Content-Length: 0\r\n"), std::string::npos);
}

std::string app_head(const NamedFields& fields, const ReplyContext& context,
                     BodyFraming framing = BodyFraming::length, std::uint64_t length = 5) {
    ResponseHead head;
    head.status = 200;
    head.reason = "Fine";
    head.fields = fields_of(fields);
    std::string out;
    append_app_head(out, head, plan, context, framing, length);
    return out;
}

const ReplyContext plain{false, true, false, "id-1", {}};

TEST(AppHead, IsExactlyThis) {
    EXPECT_EQ(app_head({{"Content-Type", "application/json"},
                        {"Content-Length", "99"},
                        {"Set-Cookie", "a"},
                        {"Set-Cookie", "b"},
                        {"Content-Encoding", "gzip"}},
                       plain),
              "HTTP/1.1 200 Fine\r\nContent-Type: application/json\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n"
              "Content-Encoding: gzip\r\nContent-Length: 5\r\nX-Request-Id: id-1\r\n\r\n");
}

TEST(AppHead, TokensAndConnectionFieldsNeverReachTheApp) {
    const std::string bare = app_head({}, plain);
    for (const std::string_view name :
         {"Authorization", "X-Authorization", "x-authorization", "X-AUTHORIZATION", "authorization",
          "x-own-token", "Connection", "Keep-Alive", "Proxy-Authenticate", "Transfer-Encoding", "Trailer",
          "Upgrade", "X-Request-Id"})
        EXPECT_EQ(app_head({{name, "planted"}}, plain), bare) << name;
    EXPECT_EQ(app_head({{"Connection", "X-Hop"}, {"X-Hop", "1"}}, plain), bare);
    EXPECT_NE(app_head({{"WWW-Authenticate", "Bearer"}}, plain), bare);
}

TEST(AppHead, TellsHowTheBodyEnds) {
    EXPECT_NE(app_head({}, plain, BodyFraming::chunked).find("Transfer-Encoding: chunked\r\n"),
              std::string::npos);
    const std::string none = app_head({}, plain, BodyFraming::none);
    EXPECT_EQ(none, "HTTP/1.1 200 Fine\r\nX-Request-Id: id-1\r\n\r\n");
    EXPECT_EQ(app_head({}, plain, BodyFraming::until_close),
              "HTTP/1.1 200 Fine\r\nX-Request-Id: id-1\r\nConnection: close\r\n\r\n");
}

TEST(AppHead, TellsWhetherTheConnectionStaysOpen) {
    EXPECT_NE(app_head({}, {true, true, false, "i", {}}).find("Connection: keep-alive\r\n"),
              std::string::npos);
    EXPECT_NE(app_head({}, {true, false, false, "i", {}}).find("Connection: close\r\n"), std::string::npos);
    EXPECT_NE(app_head({}, {false, false, false, "i", {}}).find("Connection: close\r\n"), std::string::npos);
    EXPECT_EQ(app_head({}, plain).find("Connection"), std::string::npos);
}

TEST(AppHead, OurCorsFieldsReplaceTheUpstreams) {
    const ReplyContext cors{false, true, false, "i", "Access-Control-Allow-Origin: ours\r\n"};
    const std::string head = app_head({{"access-control-allow-origin", "theirs"}, {"X", "y"}}, cors);
    EXPECT_EQ(head.find("theirs"), std::string::npos);
    EXPECT_NE(head.find("Access-Control-Allow-Origin: ours\r\n"), std::string::npos);
    EXPECT_NE(app_head({{"Access-Control-Allow-Origin", "theirs"}}, plain).find("theirs"), std::string::npos);
}

TEST(FramingFor, FollowsStatusLengthAndVersion) {
    const ReplyContext old{true, true, false, {}, {}};
    EXPECT_EQ(framing_for(plain, 204, 5), BodyFraming::none);
    EXPECT_EQ(framing_for(plain, 304, std::nullopt), BodyFraming::none);
    EXPECT_EQ(framing_for(plain, 200, 0), BodyFraming::length);
    EXPECT_EQ(framing_for(old, 200, 5), BodyFraming::length);
    EXPECT_EQ(framing_for(plain, 200, std::nullopt), BodyFraming::chunked);
    EXPECT_EQ(framing_for(old, 200, std::nullopt), BodyFraming::until_close);
}

TEST(OwnHead, IsExactlyThis) {
    std::string out;
    append_own_head(out, plain, 503, "application/json", "Retry-After: 1\r\n", 2);
    EXPECT_EQ(out, "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: 1\r\n"
                   "Content-Length: 2\r\nX-Request-Id: id-1\r\n\r\n");
    out.clear();
    append_own_head(out, {false, false, true, {}, {}}, 204, {}, {}, 0);
    EXPECT_EQ(out, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
}

TEST(Accept, RanksGraphqlResponseJsonWhereItIsNamedNoLowerThanJson) {
    const std::pair<std::string_view, bool> cases[] = {
        {"", false},
        {"*/*", false},
        {"application/json", false},
        {"application/graphql-response+json", true},
        {"APPLICATION/GraphQL-Response+JSON; charset=utf-8", true},
        {"application/graphql-response+json, application/json;q=0.9", true},
        {"application/json, application/graphql-response+json", true},
        {"application/json, application/graphql-response+json;q=0.9", false},
        {"application/graphql-response+json;q=0", false},
        {"application/graphql-response+json;q=bad", false},
        {"text/html, , application/graphql-response+json ; q=0.5", true},
    };
    for (const auto& [accept, expected] : cases)
        EXPECT_EQ(prefers_graphql_response_json(accept), expected) << accept;
}

TEST(Types, ThatStream) {
    EXPECT_TRUE(is_streaming_type("text/event-stream"));
    EXPECT_TRUE(is_streaming_type("Multipart/Mixed; boundary=\"-\""));
    EXPECT_FALSE(is_streaming_type("multipart/form-data"));
    EXPECT_FALSE(is_streaming_type("application/json"));
    EXPECT_FALSE(is_streaming_type(""));
}

TEST(RequestIds, ThatCanBeKept) {
    EXPECT_TRUE(is_acceptable_request_id("till-7/42"));
    EXPECT_TRUE(is_acceptable_request_id(std::string(128, 'x')));
    EXPECT_FALSE(is_acceptable_request_id(std::string(129, 'x')));
    EXPECT_FALSE(is_acceptable_request_id(""));
    EXPECT_FALSE(is_acceptable_request_id("two words"));
    EXPECT_FALSE(is_acceptable_request_id("tab\there"));
    EXPECT_FALSE(is_acceptable_request_id("\xC3\xA4"));
}

TEST(Lists, AreSearchedForTokens) {
    EXPECT_TRUE(list_has_token("a, B ;q=1,c", "b"));
    EXPECT_FALSE(list_has_token("ab, bc", "b"));
    EXPECT_FALSE(list_has_token("", "b"));
    EXPECT_TRUE(list_has_token(",,b", "b"));
}

/// Names that the parser knows are compared by their number, others by their text: these two have none.
TEST(FieldIds, OurOwnNamesHaveNone) {
    using boost::beast::http::string_to_field;
    EXPECT_EQ(string_to_field("X-Request-Id"), FieldId::unknown);
    EXPECT_EQ(string_to_field("X-Authorization"), FieldId::unknown);
}

} // namespace
} // namespace bearerd::http::test
