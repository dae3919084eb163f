#include <bearerd/http/access.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bearerd::http {
namespace {

const AccessRules rules{{"till.example", "10.0.0.7", "fe80::1"},
                        {"https://shop.example", "http://localhost:3000"}};
const ListenerIdentity loopback{false, "127.0.0.1"};

bool host(std::string_view value, const ListenerIdentity& listener = loopback) {
    return host_allowed(value, false, rules, listener);
}

TEST(HostAllowed, ThoseThatNameUs) {
    for (const std::string_view value :
         {"localhost", "LocalHost", "localhost:8080", "localhost:", "localhost:0", "localhost:65535",
          "127.0.0.1", "127.0.0.1:1", "127.255.255.254:99", "[::1]", "[::1]:8080",
          "[::1]:", "[0:0:0:0:0:0:0:1]:8080", "till.example", "TILL.Example:443", "10.0.0.7:8080",
          "[fe80::1]", "[FE80:0::1]:80"})
        EXPECT_TRUE(host(value)) << value;
}

TEST(HostAllowed, OthersAreRefused) {
    for (const std::string_view value : {"",
                                         ":8080",
                                         "evil.example",
                                         "localhost.evil.example",
                                         "evil-localhost",
                                         "127.0.0.1.evil.example",
                                         "x.till.example",
                                         "till.example.",
                                         "localhost.",
                                         "192.168.0.1",
                                         "0.0.0.0",
                                         "127.1",
                                         "127.0.0.01",
                                         "0177.0.0.1",
                                         "2130706433",
                                         "0x7f.0.0.1",
                                         "[::]",
                                         "[::2]",
                                         "::1",
                                         "[::ffff:127.0.0.1]",
                                         "[127.0.0.1]",
                                         "[localhost]",
                                         "[]",
                                         "[::1",
                                         "[::1%lo]",
                                         "[::1]8080",
                                         "fe80::1"})
        EXPECT_FALSE(host(value)) << value;
}

TEST(HostAllowed, MalformedOnesAreRefused) {
    for (const std::string_view value :
         {":", "[::1]x", "localhost:x", "localhost:-1", "localhost:+1", "localhost: 1", "localhost:65536",
          "localhost:000080", "localhost:80:80", "localhost/", "user@localhost", "localhost,localhost",
          " localhost", "localhost ", "localhost#", "http://localhost"})
        EXPECT_FALSE(host(value)) << value;
    EXPECT_FALSE(host(std::string_view{"localhost\0", 10}));
    EXPECT_FALSE(host(std::string_view{"127.0.0.1\0x", 11}));
    EXPECT_FALSE(host(std::string(100'000, '[')));
}

TEST(HostAllowed, TheListenersOwnAddressIsOne) {
    EXPECT_TRUE(host("192.168.0.5:8080", {false, "192.168.0.5"}));
    EXPECT_FALSE(host("192.168.0.6:8080", {false, "192.168.0.5"}));
    EXPECT_TRUE(host("[2001:DB8::0:1]:8080", {false, "2001:db8::1"}));
    EXPECT_FALSE(host("2001:db8::1", {false, "2001:db8::1"}));
    EXPECT_FALSE(host("", {false, ""}));
    EXPECT_FALSE(host("[]", {false, ""}));
}

TEST(HostAllowed, OnlyHttp10MayLackIt) {
    EXPECT_TRUE(host_allowed(std::nullopt, true, rules, loopback));
    EXPECT_FALSE(host_allowed(std::nullopt, false, rules, loopback));
    EXPECT_FALSE(host_allowed("evil.example", true, rules, loopback));
}

TEST(HostAllowed, AUnixSocketTakesAny) {
    for (const std::string_view value : {"", "evil.example", "localhost:x"})
        EXPECT_TRUE(host(value, {true, ""})) << value;
}

TEST(OriginAllowed, OnlyThoseListedAndNeverNull) {
    EXPECT_TRUE(origin_allowed("https://shop.example", rules));
    EXPECT_TRUE(origin_allowed("HTTPS://Shop.Example", rules));
    EXPECT_TRUE(origin_allowed("http://localhost:3000", rules));
    for (const std::string_view origin :
         {"", "null", "http://shop.example", "https://shop.example:8443", "https://shop.example/",
          "https://shop.example.evil", "https://evil.shop.example", "http://localhost",
          "http://127.0.0.1:8080", "https://shop.example, https://shop.example"})
        EXPECT_FALSE(origin_allowed(origin, rules)) << origin;
    EXPECT_FALSE(origin_allowed("null", {{}, {"null"}}));
    EXPECT_FALSE(origin_allowed("", {}));
}

TEST(JudgeOrigin, ByOriginAndFetchSite) {
    struct Case {
        std::optional<std::string_view> origin;
        std::optional<std::string_view> site;
        OriginVerdict verdict;
    };

    constexpr auto no_origin = OriginVerdict::no_origin;
    constexpr auto allowed = OriginVerdict::allowed;
    constexpr auto forbidden = OriginVerdict::forbidden;
    const Case cases[] = {
        {std::nullopt, std::nullopt, no_origin},  // an app; node's fetch sends Sec-Fetch-Mode alone
        {std::nullopt, "same-origin", no_origin}, // the status page's own fetch
        {std::nullopt, "none", no_origin},        // typed into the address bar
        {std::nullopt, "None", no_origin},
        {std::nullopt, "cross-site", forbidden},
        {std::nullopt, "Cross-Site", forbidden},
        {std::nullopt, "same-site", forbidden}, // a page on another port of localhost
        {std::nullopt, "", forbidden},
        {std::nullopt, "none, same-origin", forbidden},
        {"https://shop.example", std::nullopt, allowed},
        {"https://shop.example", "cross-site", allowed},
        {"http://localhost:3000", "same-site", allowed},
        {"http://127.0.0.1:9180", "same-origin", forbidden}, // our own, but not listed
        {"https://evil.example", "none", forbidden},
        {"null", std::nullopt, forbidden},
        {"null", "same-origin", forbidden},
        {"", std::nullopt, forbidden},
    };
    for (const Case& each : cases)
        EXPECT_EQ(judge_origin(each.origin, each.site, rules), each.verdict)
            << each.origin.value_or("(none)") << " " << each.site.value_or("(none)");
}

TEST(JudgeOrigin, ByFields) {
    const Field origin{FieldId::origin, "origin", "https://shop.example"};
    const Field site{FieldId::unknown, "SEC-FETCH-SITE", "cross-site"};
    const Field same{FieldId::unknown, "Sec-Fetch-Site", "same-origin"};
    const Field other{FieldId::unknown, "Sec-Fetch-Mode", "cors"};
    EXPECT_EQ(judge_origin(Fields{{other}}, rules), OriginVerdict::no_origin);
    EXPECT_EQ(judge_origin(Fields{{other, site}}, rules), OriginVerdict::forbidden);
    EXPECT_EQ(judge_origin(Fields{{site, origin}}, rules), OriginVerdict::allowed);
    EXPECT_EQ(judge_origin(Fields{{origin, origin}}, rules), OriginVerdict::forbidden);
    EXPECT_EQ(judge_origin(Fields{{site, same}}, rules), OriginVerdict::forbidden);
    EXPECT_EQ(judge_origin(Fields{{same, same, origin}}, rules), OriginVerdict::forbidden);
}

TEST(JudgeOrigin, ByTheRefererWhereNothingElseTells) {
    struct Case {
        std::string_view referer;
        bool comes_in;
    };

    const Field host{FieldId::host, "Host", "127.0.0.1:8080"};
    for (const Case& each : {Case{"http://127.0.0.1:8080/", true},
                             Case{"http://127.0.0.1:8080", true},
                             Case{"HTTP://127.0.0.1:8080/status?a=http://evil.example", true},
                             Case{"https://shop.example/till", true},
                             Case{"http://localhost:3000/", true},
                             Case{"https://127.0.0.1:8080/", false},
                             Case{"http://127.0.0.1/", false},
                             Case{"http://127.0.0.1:9180/", false},
                             Case{"http://127.0.0.1:8080.evil.example/", false},
                             Case{"https://evil.example/", false},
                             Case{"http://evil.example/127.0.0.1:8080", false},
                             Case{"http://user@127.0.0.1:8080/", false},
                             Case{"http://127.0.0.1:8080\\@evil.example/", false},
                             Case{"https://shop.example@evil.example/", false},
                             Case{"", false},
                             Case{"null", false},
                             Case{"about:blank", false},
                             Case{"http://", false},
                             Case{"/status", false},
                             Case{"127.0.0.1:8080/", false},
                             Case{"://127.0.0.1:8080/", false}}) {
        const Field referer{FieldId::referer, "referer", each.referer};
        EXPECT_EQ(judge_origin(Fields{{host, referer}}, rules),
                  each.comes_in ? OriginVerdict::no_origin : OriginVerdict::forbidden)
            << each.referer;
    }
    const Field ours{FieldId::referer, "Referer", "http://127.0.0.1:8080/"};
    const Field evil{FieldId::referer, "Referer", "https://evil.example/"};
    const Field same{FieldId::unknown, "Sec-Fetch-Site", "same-origin"};
    EXPECT_EQ(judge_origin(Fields{{host, ours, ours}}, rules), OriginVerdict::forbidden);
    EXPECT_EQ(judge_origin(Fields{{ours}}, rules), OriginVerdict::forbidden) << "HTTP/1.0 without Host";
    EXPECT_EQ(judge_origin(Fields{{host, evil, same}}, rules), OriginVerdict::no_origin);
}

RequestHead preflight(std::vector<Field> more) {
    RequestHead head;
    head.method = "OPTIONS";
    head.target = "/graphql";
    head.fields.list = std::move(more);
    return head;
}

const Field shop{FieldId::origin, "Origin", "https://shop.example"};
const Field post_method{FieldId::access_control_request_method, "Access-Control-Request-Method", "POST"};

TEST(Preflight, TakesOptionsOriginAndMethod) {
    EXPECT_TRUE(is_preflight(preflight({shop, post_method})));
    EXPECT_FALSE(is_preflight(preflight({shop})));
    EXPECT_FALSE(is_preflight(preflight({post_method})));
    RequestHead head = preflight({shop, post_method});
    head.method = "POST";
    EXPECT_FALSE(is_preflight(head));
    head = preflight({shop, post_method});
    head.target = "*";
    EXPECT_FALSE(is_preflight(head));
}

TEST(Preflight, GrantsWhatIsAskedFor) {
    std::string out = "X: y\r\n";
    append_preflight_headers(
        out,
        preflight({shop,
                   post_method,
                   {FieldId::access_control_request_headers, "Access-Control-Request-Headers",
                    "content-type,x-request-id , ,bad name,\"x\",x:y"},
                   {FieldId::unknown, "Access-Control-Request-Private-Network", "true"}})
            .fields,
        {"POST", "GET"});
    EXPECT_EQ(out, "X: y\r\n"
                   "Access-Control-Allow-Origin: https://shop.example\r\n"
                   "Access-Control-Expose-Headers: X-Request-Id, Retry-After\r\n"
                   "Vary: Origin\r\n"
                   "Access-Control-Allow-Methods: POST, GET\r\n"
                   "Access-Control-Allow-Headers: content-type, x-request-id\r\n"
                   "Access-Control-Allow-Private-Network: true\r\n"
                   "Access-Control-Max-Age: 600\r\n");
}

TEST(Preflight, GrantsNoMoreThanIsAskedFor) {
    std::string out;
    append_preflight_headers(out, preflight({shop, post_method}).fields, {"GET"});
    EXPECT_EQ(out, "Access-Control-Allow-Origin: https://shop.example\r\n"
                   "Access-Control-Expose-Headers: X-Request-Id, Retry-After\r\n"
                   "Vary: Origin\r\n"
                   "Access-Control-Allow-Methods: GET\r\n"
                   "Access-Control-Max-Age: 600\r\n");
}

TEST(PeerAllowed, ByUidWhereAListIsSet) {
    EXPECT_TRUE(peer_allowed(std::nullopt, {}));
    EXPECT_TRUE(peer_allowed(1000, {}));
    EXPECT_TRUE(peer_allowed(0, {33, 0}));
    EXPECT_FALSE(peer_allowed(1000, {33, 0}));
    EXPECT_FALSE(peer_allowed(std::nullopt, {0}));
}

} // namespace
} // namespace bearerd::http
