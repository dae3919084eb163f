#include <bearerd/http/framing.hpp>

#include "text.hpp"

#include <gtest/gtest.h>

namespace bearerd::http::test {
namespace {

HeadScan scan(std::string_view text) {
    std::size_t from = 0;
    return scan_head(text, from);
}

TEST(ScanHead, FindsTheEndOfAHeadWhateverFollows) {
    EXPECT_EQ(scan("GET / HTTP/1.1\r\nA: b\r\n\r\nbody\n\n").size, 24U);
    EXPECT_EQ(scan("GET / HTTP/1.1\r\nA: b\r\n\r\n").state, HeadEnd::complete);
    for (const std::string_view text : {"", "G", "GET / HTTP/1.1\r", "GET / HTTP/1.1\r\n", "A\r\nB: c\r\n\r"})
        EXPECT_EQ(scan(text).state, HeadEnd::incomplete) << text;
}

TEST(ScanHead, RefusesBareLineFeedsAndFolding) {
    for (const std::string_view text :
         {"GET / HTTP/1.1\nA: b\r\n\r\n", "A\r\nB: c\n\r\n", "A\r\nB: c\r\n\n", "\n",
          "A\r\nB: c\r\n d\r\n\r\n", "A\r\nB: c\r\n\td\r\n\r\n", "A\r\n B: c\r\n\r\n"})
        EXPECT_EQ(scan(text).state, HeadEnd::malformed) << text;
}

TEST(ScanHead, ByteByByteGivesTheSameAsWhole) {
    for (const std::string text :
         {"GET / HTTP/1.1\r\nA: b\r\n\r\n", "A\r\nB: c\r\n d\r\n\r\n", "A\r\nB: c\n\r\n"}) {
        const HeadScan whole = scan(text);
        std::size_t from = 0;
        HeadScan piecewise;
        for (std::size_t size = 1; size <= text.size() && piecewise.state == HeadEnd::incomplete; ++size)
            piecewise = scan_head(std::string_view{text}.substr(0, size), from);
        EXPECT_EQ(piecewise.state, whole.state);
        EXPECT_EQ(piecewise.size, whole.size);
    }
}

TEST(LeadingEmptyLines, AreDroppedWhateverEndsThem) {
    EXPECT_EQ(leading_empty_lines(""), 0U);
    EXPECT_EQ(leading_empty_lines("GET"), 0U);
    EXPECT_EQ(leading_empty_lines("\r\nGET"), 2U);
    EXPECT_EQ(leading_empty_lines("\nGET"), 1U);
    EXPECT_EQ(leading_empty_lines("\n\r\n\nGET\n"), 4U);
    EXPECT_EQ(leading_empty_lines("\r\n\r\n\r\n"), 6U);
    EXPECT_EQ(leading_empty_lines("\r"), 0U);
    EXPECT_EQ(leading_empty_lines("\r\r\n"), 0U);
    EXPECT_EQ(leading_empty_lines(" \n"), 0U);
}

TEST(LeadingEmptyLines, AreBounded) {
    EXPECT_EQ(leading_empty_lines(std::string(100, '\n')), 8U);
}

bool sound(const NamedFields& fields, std::uint8_t minor = 1) {
    RequestHead head;
    head.method = "POST";
    head.target = "/";
    head.minor = minor;
    head.fields = fields_of(fields);
    return request_framing_is_sound(head);
}

TEST(RequestFraming, IsSoundWhereItCanBeUnderstoodInOneWayOnly) {
    EXPECT_TRUE(sound({{"Host", "a"}}));
    EXPECT_TRUE(sound({{"Host", "a"}, {"Content-Length", "0"}}));
    EXPECT_TRUE(sound({{"Host", "a"}, {"Transfer-Encoding", "chunked"}}));
    EXPECT_TRUE(sound({{"Host", "a"}, {"transfer-encoding", "Chunked"}}));
    EXPECT_TRUE(sound({}, 0));
    EXPECT_TRUE(sound({{"Host", "a"}}, 0));
}

TEST(RequestFraming, TakesAnAsteriskForATargetOfOptionsOnly) {
    RequestHead head;
    head.target = "*";
    head.fields = fields_of({{"Host", "a"}});
    for (const std::string_view method : {"OPTIONS", "POST", "GET"}) {
        head.method = method;
        EXPECT_EQ(request_framing_is_sound(head), method == "OPTIONS") << method;
    }
}

TEST(RequestFraming, IsNotSoundOtherwise) {
    const NamedFields cases[] = {
        {},
        {{"Host", "a"}, {"Host", "a"}},
        {{"Host", "a"}, {"host", "b"}},
        {{"Host", "a"}, {"Transfer-Encoding", "xchunked"}},
        {{"Host", "a"}, {"Transfer-Encoding", "gzip"}},
        {{"Host", "a"}, {"Transfer-Encoding", "chunked, gzip"}},
        {{"Host", "a"}, {"Transfer-Encoding", "gzip, chunked"}},
        {{"Host", "a"}, {"Transfer-Encoding", "chunked, chunked"}},
        {{"Host", "a"}, {"Transfer-Encoding", "\"chunked\""}},
        {{"Host", "a"}, {"Transfer-Encoding", ""}},
        {{"Host", "a"}, {"Transfer-Encoding", "identity"}},
        {{"Host", "a"}, {"Transfer-Encoding", "chunked"}, {"Transfer-Encoding", "chunked"}},
        {{"Host", "a"}, {"Transfer-Encoding", "chunked"}, {"Content-Length", "1"}},
        {{"Host", "a"}, {"Content-Length", "1"}, {"Content-Length", "1"}},
        {{"Host", "a"}, {"Content-Length", "1, 1"}},
        {{"Host", "a"}, {"Content-Length", "+1"}},
        {{"Host", "a"}, {"Content-Length", "-1"}},
        {{"Host", "a"}, {"Content-Length", "0x1"}},
        {{"Host", "a"}, {"Content-Length", ""}},
    };
    for (const NamedFields& fields : cases)
        EXPECT_FALSE(sound(fields)) << testing::PrintToString(fields);
    EXPECT_FALSE(sound({{"Transfer-Encoding", "chunked"}}, 0));
}

TEST(RequestFraming, TakesNoMoreConnectionOptionsThanAnybodyNeeds) {
    const auto options = [](std::size_t count) {
        std::string text = "b";
        while (--count != 0)
            text += ", b";
        return text;
    };
    const std::string most = options(most_connection_options);
    EXPECT_TRUE(sound({{"Host", "a"}, {"Connection", most}}));
    EXPECT_FALSE(sound({{"Host", "a"}, {"Connection", options(most_connection_options + 1)}}));
    EXPECT_FALSE(sound({{"Host", "a"}, {"Connection", most}, {"connection", "close"}}));
    NamedFields many{{"Host", "a"}};
    many.insert(many.end(), most_connection_options + 1, {"Connection", ""});
    EXPECT_FALSE(sound(many));
    EXPECT_TRUE(sound({{"Host", "a"}, {"X-Connection", options(1'000)}}));
}

TEST(ResponseFraming, IsHeldToTheSameRules) {
    const auto check = [](const NamedFields& fields, std::uint8_t minor = 1) {
        ResponseHead head;
        head.minor = minor;
        head.fields = fields_of(fields);
        return response_framing_is_sound(head);
    };
    EXPECT_TRUE(check({}));
    EXPECT_TRUE(check({{"Content-Length", "5"}}));
    EXPECT_TRUE(check({{"Transfer-Encoding", "chunked"}}));
    EXPECT_FALSE(check({{"Transfer-Encoding", "chunked"}, {"Content-Length", "5"}}));
    EXPECT_FALSE(check({{"Transfer-Encoding", "gzip, chunked"}}));
    EXPECT_FALSE(check({{"Transfer-Encoding", "chunked"}}, 0));
    EXPECT_FALSE(check({{"Content-Length", "5, 5"}}));
    EXPECT_TRUE(check({{"Connection", std::string(most_connection_options - 1, ',')}}));
    EXPECT_FALSE(check({{"Connection", std::string(most_connection_options, ',')}}));
}

TEST(SplitTarget, TakesOriginAndAbsoluteForm) {
    struct Case {
        std::string_view target, authority, path, query;
    };

    const Case cases[] = {
        {"/", "", "/", ""},
        {"/graphql?a=b?c", "", "/graphql", "a=b?c"},
        {"/?", "", "/", ""},
        {"//x", "", "//x", ""},
        {"http://localhost:80/graphql?a", "localhost:80", "/graphql", "a"},
        {"HTTP://localhost", "localhost", "/", ""},
        {"http://localhost?a", "localhost", "/", "a"},
        {"http://[::1]:8080/", "[::1]:8080", "/", ""},
    };
    for (const Case& expected : cases) {
        const Target target = split_target(expected.target);
        EXPECT_TRUE(target.valid) << expected.target;
        EXPECT_EQ(target.authority, expected.authority) << expected.target;
        EXPECT_EQ(target.path, expected.path) << expected.target;
        EXPECT_EQ(target.query, expected.query) << expected.target;
    }
}

TEST(SplitTarget, RefusesEverythingElse) {
    for (const std::string_view target : {"", "*", "graphql", "localhost:80", "http://", "http:///",
                                          "http://user@localhost/", "https://localhost/", "ftp://localhost/",
                                          "/a b", "/a\tb", "/#fragment", "/\x7f", "/\x80", "/\xff", "?query"})
        EXPECT_FALSE(split_target(target).valid) << target;
}

ResponseHead response(std::uint16_t status, std::uint8_t minor, const NamedFields& fields) {
    ResponseHead head;
    head.status = status;
    head.minor = minor;
    head.fields = fields_of(fields);
    return head;
}

TEST(MayReuse, OnlyADelimitedResponseThatNobodyWantsToBeTheLast) {
    ResponseHead head = response(200, 1, {});
    EXPECT_FALSE(may_reuse(head, false)); // delimited by the stream's end
    head.content_length = 5;
    EXPECT_TRUE(may_reuse(head, false));
    EXPECT_FALSE(may_reuse(head, true));
    head.content_length.reset();
    head.chunked = true;
    EXPECT_TRUE(may_reuse(head, false));
    EXPECT_TRUE(may_reuse(response(204, 1, {}), false));
    EXPECT_TRUE(may_reuse(response(304, 1, {}), false));
    EXPECT_FALSE(may_reuse(response(204, 1, {{"Connection", "foo, Close"}}), false));
    EXPECT_FALSE(may_reuse(response(204, 0, {}), false));
    EXPECT_TRUE(may_reuse(response(204, 0, {{"Connection", "Keep-Alive"}}), false));
}

TEST(MayReuse, NotAfterARequestTimeout) {
    ResponseHead head = response(408, 1, {});
    head.content_length = 0;
    EXPECT_FALSE(may_reuse(head, false));
    head.status = 409;
    EXPECT_TRUE(may_reuse(head, false));
}

TEST(MayReuse, NotWhereABodyIsPromisedThatCannotCome) {
    ResponseHead head = response(204, 1, {});
    head.content_length = 0;
    EXPECT_TRUE(may_reuse(head, false));
    head.content_length = 5;
    EXPECT_FALSE(may_reuse(head, false));
    head.status = 304; // tells the length that a 200 would have
    EXPECT_TRUE(may_reuse(head, false));
    head = response(204, 1, {});
    head.chunked = true;
    EXPECT_FALSE(may_reuse(head, false));
}

TEST(WantsKeepAlive, ByVersionAndConnection) {
    const auto wants = [](std::uint8_t minor, const NamedFields& fields) {
        RequestHead head;
        head.minor = minor;
        head.fields = fields_of(fields);
        return wants_keep_alive(head);
    };
    EXPECT_TRUE(wants(1, {}));
    EXPECT_FALSE(wants(1, {{"Connection", "close"}}));
    EXPECT_FALSE(wants(1, {{"Connection", "x"}, {"connection", "TE, CLOSE"}}));
    EXPECT_FALSE(wants(0, {}));
    EXPECT_TRUE(wants(0, {{"Connection", "keep-alive"}}));
    EXPECT_FALSE(wants(0, {{"Connection", "keep-alive, close"}}));
}

} // namespace
} // namespace bearerd::http::test
