#include <bearerd/http/clean_head.hpp>
#include <bearerd/http/framing.hpp>
#include <bearerd/http/parser.hpp>

#include <gtest/gtest.h>

#include <string>

namespace bearerd::http {
namespace {

/// The result for a message whose body is passed in pieces of `piece` bytes after its head, as the session
/// does.
struct Outcome {
    ParseState state = ParseState::need_more;
    std::string body;
    std::string leftover;
    std::string fields; ///< names and values
    bool sound = false;

    bool operator==(const Outcome&) const = default;
};

std::string text_of(const Fields& fields) {
    std::string text;
    for (const Field& field : fields.list)
        text.append(field.name).append("=").append(field.value).append(";");
    return text;
}

template<class Feed>
void feed_in_pieces(Outcome& outcome, std::string_view rest, std::size_t piece, Feed feed) {
    std::string window;
    while (outcome.state == ParseState::need_more && !rest.empty()) {
        window.append(rest.substr(0, piece));
        rest.remove_prefix(std::min(piece, rest.size()));
        while (outcome.state == ParseState::need_more && !window.empty()) {
            std::size_t consumed = 0;
            outcome.state = feed(window, consumed);
            window.erase(0, consumed);
            if (consumed == 0)
                break;
        }
    }
    outcome.leftover = window.append(rest);
}

Outcome parse_request(std::string_view text, std::size_t piece = SIZE_MAX, std::uint64_t limit = 1024) {
    RequestParser parser;
    parser.reset(limit);
    const auto parsed = parser.parse_head(text);
    Outcome outcome;
    if (!parsed || parsed->size == 0)
        return {parsed ? parsed->state : ParseState::need_more, {}, {}, {}, false};
    outcome.state = parsed->state;
    outcome.sound = outcome.state != ParseState::malformed && request_framing_is_sound(parser.head());
    feed_in_pieces(
        outcome, text.substr(parsed->size), piece,
        [&](std::string_view bytes, std::size_t& consumed) { return parser.feed_body(bytes, consumed); });
    outcome.body = parser.body();
    outcome.fields = text_of(parser.head().fields);
    return outcome;
}

Outcome parse_response(std::string_view text, bool ends = false, std::size_t piece = SIZE_MAX) {
    ResponseParser parser;
    parser.reset();
    const auto parsed = parser.parse_head(text);
    Outcome outcome;
    if (!parsed)
        return {ParseState::need_more, {}, {}, {}, false};
    outcome.state = parsed->state;
    outcome.sound = outcome.state != ParseState::malformed;
    BodyBuffer body;
    feed_in_pieces(outcome, text.substr(parsed->size), piece,
                   [&](std::string_view bytes, std::size_t& consumed) {
                       return parser.feed_body(bytes, consumed, body);
                   });
    if (ends && outcome.state == ParseState::need_more)
        outcome.state = parser.feed_end();
    outcome.sound = outcome.sound && !parser.odd();
    outcome.body = body.view();
    outcome.fields = text_of(parser.head().fields);
    return outcome;
}

template<class Parser>
std::optional<ParseState> state_after_head(Parser& parser, std::string_view head) {
    const auto parsed = parser.parse_head(head);
    return parsed ? std::optional{parsed->state} : std::nullopt;
}

constexpr std::string_view post = "POST / HTTP/1.1\r\nHost: a\r\n";

TEST(RequestParser, FillsTheHeadAsReceived) {
    RequestParser parser;
    parser.reset(10);
    EXPECT_EQ(
        state_after_head(parser, "post /a?b HTTP/1.0\r\nhoST:  x y \r\nX-Mine:\r\nContent-Length: 3\r\n\r\n"),
        ParseState::need_more);
    EXPECT_EQ(parser.head().method, "post");
    EXPECT_EQ(parser.head().target, "/a?b");
    EXPECT_EQ(parser.head().minor, 0);
    EXPECT_EQ(text_of(parser.head().fields), "hoST=x y;X-Mine=;Content-Length=3;");
    EXPECT_EQ(parser.head().fields.list[0].id, FieldId::host);
    EXPECT_EQ(parser.head().fields.list[1].id, FieldId::unknown);
}

TEST(RequestParser, BodiesAreTheSameHoweverTheyCome) {
    const std::string texts[] = {
        std::string{post} + "Content-Length: 10\r\n\r\n0123456789GET",
        std::string{post} + "Content-Length: 0\r\n\r\nGET",
        std::string{post} + "\r\nGET",
        std::string{post} +
            "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;ext=1;e2=\"q\"\r\n0123456789\r\n0\r\n\r\nGET",
        std::string{post} +
            "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nAuthorization: evil\r\nX: y\r\n\r\nGET",
        std::string{post} + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET",
        std::string{post} + "Transfer-Encoding: chunked\r\n\r\n000;x\r\nX: y\r\n\r\nGET",
    };
    for (const std::string& text : texts) {
        const Outcome whole = parse_request(text);
        EXPECT_EQ(whole.state, ParseState::complete) << text;
        EXPECT_TRUE(whole.sound);
        for (const std::size_t piece : {1U, 2U, 3U, 7U}) {
            Outcome pieces = parse_request(text, piece);
            EXPECT_EQ(pieces.state, whole.state) << text << " by " << piece;
            EXPECT_EQ(pieces.body, whole.body);
            EXPECT_EQ(pieces.fields, whole.fields);
            EXPECT_EQ(pieces.leftover, "GET");
        }
    }
}

TEST(RequestParser, TrailersNeverGetIntoTheHead) {
    const Outcome outcome =
        parse_request(std::string{post} + "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n"
                                          "Authorization: evil\r\nHost: b\r\n\r\n");
    EXPECT_EQ(outcome.state, ParseState::complete);
    EXPECT_EQ(outcome.fields, "Host=a;Transfer-Encoding=chunked;");
    EXPECT_EQ(outcome.body, "x");
}

/// The table of what Beast lets through: each row is refused by the guard or the parser.
TEST(RequestParser, WhatBeastLetsThroughTheGuardRefuses) {
    const std::string rows[] = {
        std::string{post} + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        std::string{post} + "Transfer-Encoding: gzip\r\n\r\n0\r\n\r\n",
        std::string{post} + "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
        std::string{post} + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        std::string{post} + "Host: b\r\n\r\n",
        "POST / HTTP/1.1\r\n\r\n",
        std::string{post} + "X: a\r\n b\r\n\r\n",
        std::string{post} + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        std::string{post} + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        std::string{post} + "Content-Length: 1\r\nContent-Length: 1\r\n\r\na",
        std::string{post} + "Content-Length: 18446744073709551616\r\n\r\n",
        std::string{post} + "X : a\r\n\r\n",
        std::string{post} + std::string("X: a\0b\r\n\r\n", 10),
        std::string{post} + "X: a\rb\r\n\r\n",
        std::string{post} + "X\r\n\r\n",
        std::string{post} + ": x\r\n\r\n",
        "POST / HTTP/1.1\nHost: a\n\n",
        "POST  / HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /\r\nHost: a\r\n\r\n",
        "POST / HTTP/1.2\r\nHost: a\r\n\r\n",
        "POST / http/1.1\r\nHost: a\r\n\r\n",
        "PO ST / HTTP/1.1\r\nHost: a\r\n\r\n",
    };
    for (const std::string& text : rows) {
        const Outcome outcome = parse_request(text);
        EXPECT_TRUE(outcome.state == ParseState::malformed || !outcome.sound) << text;
    }
}

TEST(RequestParser, BadChunksAreMalformed) {
    for (const std::string_view body :
         {"zz\r\n", "-1\r\na\r\n", "\r\n", "1\r\nab\r\n0\r\n\r\n", "1\na\r\n", "fffffffffffffffff\r\n",
          "0x1\r\na\r\n0\r\n\r\n", "0\r\nbad trailer\r\n\r\n", "0\r\nX: a\r\n b\r\n\r\n",
          "1\r\na\r\n0\r\nX: a\r\n\tb\r\nY: c\r\n\r\n"}) {
        const std::string text = std::string{post} + "Transfer-Encoding: chunked\r\n\r\n" + std::string{body};
        for (const std::size_t piece : {SIZE_MAX, std::size_t{1}})
            EXPECT_EQ(parse_request(text, piece).state, ParseState::malformed) << body;
    }
}

TEST(RequestParser, TheBodyLimitHoldsForBothFramings) {
    const auto length = [](std::size_t size) {
        return std::string{post} + "Content-Length: " + std::to_string(size) + "\r\n\r\n" +
               std::string(size, 'x');
    };
    EXPECT_EQ(parse_request(length(10), 1, 10).state, ParseState::complete);
    EXPECT_EQ(parse_request(length(11), 1, 10).state, ParseState::body_too_large);
    const std::string chunks =
        std::string{post} + "Transfer-Encoding: chunked\r\n\r\n6\r\n012345\r\n4\r\n6789\r\n";
    EXPECT_EQ(parse_request(chunks + "0\r\n\r\n", 1, 10).state, ParseState::complete);
    const Outcome over = parse_request(chunks + "1\r\nx\r\n0\r\n\r\n", SIZE_MAX, 10);
    EXPECT_TRUE(over.state == ParseState::body_too_large || over.body.size() > 10);
}

/// A head without trickery, and one that is left to Beast, arriving whole, byte by byte and with more.
TEST(RequestParser, ParsesAHeadTheSameHoweverItArrives) {
    const std::string plain = std::string{post} + "Content-Length: 2\r\n\r\n";
    const std::string tabbed = std::string{post} + "X-Mine: a\tb\r\nContent-Length: 2\r\n\r\n";
    for (const std::string& head : {plain, tabbed}) {
        const std::string text = head + "ab";
        RequestParser parser;
        parser.reset(100);
        for (std::size_t size = 1; size < head.size(); ++size)
            ASSERT_FALSE(parser.parse_head(std::string_view{text}.substr(0, size))) << size;
        const auto late = parser.parse_head(text);
        ASSERT_TRUE(late);
        EXPECT_EQ(late->size, head.size());
        EXPECT_EQ(late->state, ParseState::need_more);
        const std::string fields = text_of(parser.head().fields);
        parser.reset(100);
        const auto whole = parser.parse_head(text);
        ASSERT_TRUE(whole);
        EXPECT_EQ(whole->size, head.size());
        EXPECT_EQ(text_of(parser.head().fields), fields);
        parser.reset(1);
        EXPECT_EQ(state_after_head(parser, text), ParseState::body_too_large);
    }
}

TEST(RequestParser, IsReadyForTheNextMessageAfterAReset) {
    RequestParser parser;
    parser.reset(100);
    EXPECT_EQ(state_after_head(parser, "POST /one HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n"),
              ParseState::need_more);
    std::size_t consumed = 0;
    EXPECT_EQ(parser.feed_body("ab", consumed), ParseState::complete);
    parser.reset(100);
    EXPECT_TRUE(parser.body().empty());
    EXPECT_EQ(state_after_head(parser, "GET /two HTTP/1.1\r\nHost: b\r\n\r\n"), ParseState::complete);
    EXPECT_EQ(parser.head().target, "/two");
    EXPECT_EQ(text_of(parser.head().fields), "Host=b;");
}

TEST(RequestParser, TheMemoryOfALargeBodyIsNotKeptForTheNextMessage) {
    const std::string large(1U << 20U, 'x');
    RequestParser parser;
    parser.reset(large.size());
    ASSERT_EQ(state_after_head(parser, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1048576\r\n\r\n"),
              ParseState::need_more);
    std::size_t consumed = 0;
    ASSERT_EQ(parser.feed_body(large, consumed), ParseState::complete);
    EXPECT_GE(parser.body().capacity(), large.size());
    parser.release();
    parser.reset(large.size());
    EXPECT_LT(parser.body().capacity(), 64U * 1024);
}

TEST(ResponseParser, BodiesAreDelimitedByLengthChunksOrTheEnd) {
    struct Case {
        std::string_view text;
        ParseState open, ended;
        std::string_view body, leftover;
    };
    using enum ParseState;
    const Case cases[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcX", complete, complete, "abc", "X"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", need_more, malformed, "ab", ""},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nX", complete, complete,
         "abc", "X"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", need_more, malformed, "abc",
         ""},
        {"HTTP/1.1 200 OK\r\n\r\nabc", need_more, complete, "abc", ""},
        {"HTTP/1.0 200 OK\r\n\r\n", need_more, complete, "", ""},
        {"HTTP/1.1 204 No Content\r\n\r\nX", complete, complete, "", "X"},
        {"HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\nX", complete, complete, "", "X"},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP", complete, complete, "", "HTTP"},
        {"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP", complete, complete, "", "HTTP"},
        {"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", complete, complete, "", ""},
        {"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", complete, complete, "", ""},
        {"HTTP/1.1 20 OK\r\n\r\n", malformed, malformed, "", ""},
        {"ICY 200 OK\r\n\r\n", malformed, malformed, "", ""},
    };
    for (const Case& expected : cases) {
        for (const std::size_t piece : {SIZE_MAX, std::size_t{1}}) {
            const Outcome open = parse_response(expected.text, false, piece);
            EXPECT_EQ(open.state, expected.open) << expected.text;
            EXPECT_EQ(open.body, expected.body) << expected.text;
            EXPECT_EQ(open.leftover, expected.leftover) << expected.text;
            EXPECT_EQ(parse_response(expected.text, true, piece).state, expected.ended) << expected.text;
        }
    }
}

TEST(ResponseParser, TellsHowTheBodyIsDelimited) {
    ResponseParser parser;
    parser.reset();
    static_cast<void>(state_after_head(parser, "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n"));
    EXPECT_EQ(parser.head().content_length, 7U);
    EXPECT_FALSE(parser.head().chunked);
    parser.reset();
    static_cast<void>(state_after_head(parser, "HTTP/1.0 503 Too bad\r\n\r\n"));
    EXPECT_FALSE(parser.head().content_length.has_value());
    EXPECT_EQ(parser.head().status, 503);
    EXPECT_EQ(parser.head().reason, "Too bad");
    EXPECT_EQ(parser.head().minor, 0);
}

TEST(ResponseParser, TellsWhatIsMissingOfABodyThatOnlyItsLengthDelimits) {
    ResponseParser parser;
    parser.reset();
    EXPECT_EQ(parser.plain_body_left(), 0U);
    const auto taken = parser.parse_head("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nab");
    ASSERT_TRUE(taken);
    EXPECT_EQ(parser.plain_body_left(), 7U);
    std::size_t consumed = 0;
    BodyBuffer body;
    EXPECT_EQ(parser.feed_body("ab", consumed, body), ParseState::need_more);
    EXPECT_EQ(parser.plain_body_left(), 5U);
    EXPECT_EQ(parser.took_plain_body(4), ParseState::need_more);
    EXPECT_EQ(parser.feed_end(), ParseState::malformed);
    EXPECT_EQ(parser.took_plain_body(1), ParseState::complete);
    EXPECT_EQ(parser.plain_body_left(), 0U);
    parser.reset();
    EXPECT_EQ(state_after_head(parser, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
              ParseState::need_more);
    EXPECT_EQ(parser.plain_body_left(), 0U);
    parser.reset(); // in the middle of a body: the next message has nothing of it
    static_cast<void>(parser.parse_head("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n"));
    parser.reset();
    EXPECT_EQ(parser.plain_body_left(), 0U);
}

TEST(ResponseParser, WhatCanBeFramedWithoutDoubtIsTakenInCleanForm) {
    const std::string ok = "HTTP/1.1 200 OK\r\n";
    const std::string chunked = ok + "Transfer-Encoding: chunked\r\n\r\n";

    struct Case {
        std::string text;
        std::string_view body, fields;
    };

    const Case cases[] = {
        {"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nab", "ab", "Content-Length=2;"},
        {"HTTP/1.1 403.14 Forbidden\r\nContent-Length: 2\r\n\r\nab", "ab", "Content-Length=2;"},
        {"HTTP/1.1 204 No Content\r\nContent-Length:\r\nA: b\r\n\r\n", "", "A=b;"},
        {"HTTP/1.1 304 Not Modified\r\nContent-Length: 1, 2\r\n\r\n", "", ""},
        {"HTTP/1.1 204 No Content\r\nTransfer-Encoding: gzip\r\n\r\n", "", ""},
        {"HTTP/1.1  200 \t OK\r\nContent-Length: 2\r\n\r\nab", "ab", "Content-Length=2;"},
        {"HTTP/1.2 200 OK\r\nContent-Length: 2\r\n\r\nab", "ab", "Content-Length=2;"},
        {"HTTP/1.1 200 O\x01K\r\nContent-Length: 2\r\n\r\nab", "ab", "Content-Length=2;"},
        {"HTTP/1.1 200 OK\nA: b\nContent-Length: 2\n\nab", "ab", "A=b;Content-Length=2;"},
        {ok + "A: b\n\r\n" + "", "", "A=b;"},
        {ok + "A: b\r\n c\r\n\td\r\nContent-Length:\r\n 2\r\n\r\nab", "ab", "A=b   c  \td;Content-Length=2;"},
        {ok + "A : b\r\nContent-Length\t: 2\r\n\r\nab", "ab", "A=b;Content-Length=2;"},
        {ok + "A b: c\r\nnothing\r\n: d\r\nContent-Length: 2\r\n\r\nab", "ab", "Content-Length=2;"},
        {ok + "A: b\x01\r\nB: c\rd\r\nContent-Length: 2\r\n\r\nab", "ab", "Content-Length=2;"},
        {ok + "Connection: a b, c\r\nContent-Length: 02\r\nA : b\r\n\r\nab", "ab",
         "Connection=c;A=b;Content-Length=2;"},
        {ok + "Content-Length: 2\r\nContent-Length: 02\r\n\r\nab", "ab", "Content-Length=2;"},
        {ok + "Content-Length: 2, 2\r\n\r\nab", "ab", "Content-Length=2;"},
        {ok + "Content-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", "ab",
         "Transfer-Encoding=chunked;"},
        {ok + "Transfer-Encoding: identity, Chunked ,\r\n\r\n2\r\nab\r\n0\r\n\r\n", "ab",
         "Transfer-Encoding=chunked;"},
        {ok + "Transfer-Encoding: identity\r\nContent-Length: 2\r\n\r\nab", "ab", "Content-Length=2;"},
        {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", "ab",
         "Transfer-Encoding=chunked;"},
        {chunked + "2 \t\r\nab\r\n0\r\n\r\n", "ab", "Transfer-Encoding=chunked;"},
        {chunked + "2\nab\n0\n\n", "ab", "Transfer-Encoding=chunked;"},
        {chunked + "2 ; a=b\r\nab\r\n0 \r\nA b\r\n\r\n", "ab", "Transfer-Encoding=chunked;"},
    };
    for (const Case& expected : cases) {
        for (const std::size_t piece : {SIZE_MAX, std::size_t{1}}) {
            const Outcome outcome = parse_response(expected.text, true, piece);
            EXPECT_EQ(outcome.state, ParseState::complete) << expected.text;
            EXPECT_FALSE(outcome.sound) << "its connection must not be used again: " << expected.text;
            EXPECT_EQ(outcome.body, expected.body) << expected.text;
            EXPECT_EQ(outcome.fields, expected.fields) << expected.text;
        }
    }
    const Outcome usual = parse_response(chunked + "0A;x=y\r\n0123456789\r\n0\r\nA: b\r\n\r\n");
    EXPECT_EQ(usual.body, "0123456789");
    EXPECT_TRUE(usual.sound);
}

TEST(ResponseParser, WhatIsInDoubtStaysRefused) {
    const std::string ok = "HTTP/1.1 200 OK\r\n";
    const std::string chunked = ok + "Transfer-Encoding: chunked\r\n\r\n";
    const std::string cases[] = {
        "HTTP/2.0 200 OK\r\n\r\n",
        "HTTP/1.1200 OK\r\n\r\n",
        "HTTP/1.1 200OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 403.x Forbidden\r\n\r\n",
        "HTTP/1.1 403,1 Forbidden\r\n\r\n",
        ok + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        ok + "Content-Length: 1, 2\r\n\r\nab",
        ok + "Content-Length: 99999999999999999999\r\n\r\nab",
        ok + "Content-Length: 0x2\r\n\r\nab",
        ok + "Content-Length:\r\n\r\nab",
        ok + "Content-Length: 1\r\n 0\r\n\r\nab",
        ok + "Content-\x01Length: 2\r\n\r\nab",
        ok + "Content-Length 2\r\n\r\nab",
        ok + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        ok + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        chunked + "zz\r\n",
        chunked + "\r\n",
        chunked + "2 2\r\n",
        chunked + "2\rab",
        chunked + "2\r\nabc",
        chunked + "-2\r\nab",
        chunked + "10000000000000002\r\nab",
    };
    for (const std::string& text : cases)
        EXPECT_EQ(parse_response(text, true).state, ParseState::malformed) << text;
}

TEST(ResponseParser, TrailersNeverGetIntoTheHead) {
    const Outcome outcome =
        parse_response("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n"
                       "X-Authorization: planted\r\n\r\n");
    EXPECT_EQ(outcome.state, ParseState::complete);
    EXPECT_EQ(outcome.fields, "Transfer-Encoding=chunked;");
}

} // namespace
} // namespace bearerd::http
