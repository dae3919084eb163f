#include "beast_head.hpp"

#include <bearerd/http/framing.hpp>

#include "plain_head.hpp"

#include <gtest/gtest.h>

#include <random>

namespace bearerd::http {
namespace {

template<class Head>
struct Plain {
    Head head;
    std::optional<std::uint64_t> length; ///< of the body
    std::size_t size = 0;

    explicit Plain(std::string_view bytes) {
        if (const auto plain = read_plain_head(bytes, head)) {
            length = plain->body_length;
            size = plain->size;
        }
    }

    [[nodiscard]] std::optional<BeastHead> as_beast() const {
        return length ? std::optional{as_beast_head(head, *length)} : std::nullopt;
    }
};

using PlainRequest = Plain<RequestHead>;
using PlainResponse = Plain<ResponseHead>;

/// Increments `read` if there was something to compare.
template<class Plain, bool is_request>
void expect_as_beast(const std::string& text, std::size_t& read) {
    const auto plain = Plain{text}.as_beast();
    if (!plain)
        return;
    ++read;
    const std::size_t size = Plain{text}.size;
    EXPECT_EQ(plain, read_by_beast<is_request>(std::string_view{text}.substr(0, size))) << text;
    std::size_t from = 0;
    const HeadScan scan = scan_head(text, from);
    EXPECT_EQ(scan.state, HeadEnd::complete) << text;
    EXPECT_EQ(scan.size, size) << text;
}

constexpr std::string_view good_request = "POST /graphql?a=b HTTP/1.1\r\nHost: localhost:8080\r\n"
                                          "Content-Type: application/json\r\nX-Till:  7 of 9 \r\n"
                                          "connection: Keep-Alive\r\nContent-Length: 42\r\nEmpty:\r\n\r\n";
constexpr std::string_view good_response = "HTTP/1.1 200 OK\r\nDate: Thu, 26 Nov 2026 08:00:00 GMT\r\n"
                                           "content-type: application/json; charset=utf-8\r\n"
                                           "X-Authorization: Bearer a.b.c\r\nContent-Length: 7\r\n\r\n";

TEST(PlainHead, OfARequestIsReadAsBeastReadsIt) {
    const PlainRequest plain{good_request};
    ASSERT_EQ(plain.length, 42U);
    EXPECT_EQ(plain.head.method, "POST");
    EXPECT_EQ(plain.head.target, "/graphql?a=b");
    EXPECT_EQ(plain.head.minor, 1);
    EXPECT_EQ(plain.head.fields.value("X-Till"), "7 of 9");
    EXPECT_EQ(plain.head.fields.value(FieldId::connection), "Keep-Alive");
    EXPECT_EQ(plain.as_beast(), read_by_beast<true>(good_request));
}

TEST(PlainHead, OfAResponseIsReadAsBeastReadsIt) {
    const PlainResponse plain{good_response};
    ASSERT_EQ(plain.length, 7U);
    EXPECT_EQ(plain.head.status, 200);
    EXPECT_EQ(plain.head.reason, "OK");
    EXPECT_EQ(plain.head.content_length, 7U);
    EXPECT_FALSE(plain.head.chunked);
    EXPECT_EQ(plain.as_beast(), read_by_beast<false>(good_response));
}

TEST(PlainHead, ComesWithTheNamesThatSitesAndBrowsersSendAsBeastNumbersThem) {
    constexpr std::string_view names =
        "Via Date ETag Host Vary Accept Server Set-Cookie User-Agent Content-Type "
        "X-Request-Id Authorization Cache-Control Accept-Encoding "
        "Accept-Language Referrer-Policy X-Authorization X-Frame-Options "
        "X-Content-Type-Options Content-Security-Policy "
        "Strict-Transport-Security Access-Control-Allow-Origin ";
    std::string text = "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n";
    for (std::string_view rest = names; !rest.empty();)
        text.append(take_until(rest, ' ')).append(": a\r\n");
    text += "\r\n";
    const PlainResponse plain{text};
    ASSERT_TRUE(plain.length);
    EXPECT_EQ(plain.as_beast(), read_by_beast<false>(text));
}

TEST(PlainHead, WithoutALengthIsARequestWithoutBodyAndNoPlainResponse) {
    EXPECT_EQ(PlainRequest{"GET / HTTP/1.0\r\n\r\n"}.length, 0U);
    EXPECT_EQ(PlainResponse{"HTTP/1.1 200 OK\r\n\r\n"}.length, std::nullopt) << "it ends with the stream";
}

TEST(PlainHead, IsNoneWhereFramingHasToBeInterpreted) {
    for (const std::string_view field :
         {"Transfer-Encoding: chunked", "transfer-encoding: xchunked", "Upgrade: h2c", "Content-Length: 5",
          "Content-Length: 6", "Connection: a, b", "Connection:", "Connection: close;q=1",
          "Proxy-Connection: close", "A: tab\there", "A: \x01", "A: \x7F", " A: folded", "A : b", ": b", "A",
          "A\xC3\xA4: b", "A: b\n", "A: b\r"}) {
        const std::string lines = "Content-Length: 5\r\n" + std::string{field} + "\r\n\r\n";
        EXPECT_FALSE(PlainRequest{"POST / HTTP/1.1\r\n" + lines}.length) << field;
        EXPECT_FALSE(PlainResponse{"HTTP/1.1 200 OK\r\n" + lines}.length) << field;
    }
    for (const std::string_view length : {"", "-1", "+1", "0x5", "5 5", "5,5", "1234567890123456789"}) {
        const std::string line = "Content-Length: " + std::string{length} + "\r\n\r\n";
        EXPECT_FALSE(PlainRequest{"POST / HTTP/1.1\r\n" + line}.length) << length;
        EXPECT_FALSE(PlainResponse{"HTTP/1.1 200 OK\r\n" + line}.length) << length;
    }
}

TEST(PlainHead, IsNoneWhereTheFirstLineIsOdd) {
    for (const std::string_view line :
         {"", "POST", "POST /", "POST / HTTP/1.1 ", "POST  HTTP/1.1", " / HTTP/1.1", "POST / HTTP/1.2",
          "POST / HTTP/2.0", "POST / http/1.1", "POST /a b HTTP/1.1", "PO(T / HTTP/1.1",
          "POST /\xC3 HTTP/1.1"})
        EXPECT_FALSE(PlainRequest{std::string{line} + "\r\n\r\n"}.length) << line;
    for (const std::string_view line :
         {"", "HTTP/1.1", "HTTP/1.1 200", "HTTP/1.1 20 OK", "HTTP/1.1 2000 OK", "HTTP/1.1 2x0 OK",
          "HTTP/1.2 200 OK", "HTTP/1.1  200 OK", "HTTP/1.1 199 ", "HTTP/1.1 100 Continue", "HTTP/1.1 204 ",
          "HTTP/1.1 304 Not Modified", "ICY 200 OK"})
        EXPECT_FALSE(PlainResponse{std::string{line} + "\r\nContent-Length: 5\r\n\r\n"}.length) << line;
}

TEST(PlainHead, IsNoneWhereItIsNotWhole) {
    for (std::size_t size = 0; size < good_request.size(); ++size)
        EXPECT_FALSE(PlainRequest{good_request.substr(0, size)}.length) << size;
    for (std::size_t size = 0; size < good_response.size(); ++size)
        EXPECT_FALSE(PlainResponse{good_response.substr(0, size)}.length) << size;
}

TEST(PlainHead, EndsWithItsEmptyLineWhateverFollows) {
    for (const std::string_view behind : {"", "x", "\r\n", "\0", "POST / HTTP/1.1\r\n\r\n", " \n"}) {
        EXPECT_EQ(PlainRequest{std::string{good_request}.append(behind)}.size, good_request.size());
        EXPECT_EQ(PlainResponse{std::string{good_response}.append(behind)}.size, good_response.size());
    }
}

/// Whatever byte stands wherever: what is read is what Beast reads.
TEST(PlainHead, IsReadAsBeastReadsItWithAnyByteAnywhere) {
    std::size_t read = 0;
    for (int byte = 0; byte < 256; ++byte) {
        for (std::size_t at = 0; at < good_request.size(); ++at) {
            std::string text{good_request};
            text[at] = static_cast<char>(byte);
            expect_as_beast<PlainRequest, true>(text, read);
        }
        for (std::size_t at = 0; at < good_response.size(); ++at) {
            std::string text{good_response};
            text[at] = static_cast<char>(byte);
            expect_as_beast<PlainResponse, false>(text, read);
        }
    }
    EXPECT_GT(read, 10'000U);
}

TEST(PlainHead, IsReadAsBeastReadsItMadeOfAnyPieces) {
    constexpr std::array<std::string_view, 24> pieces{"POST / HTTP/1.1",
                                                      "HTTP/1.1 200 OK",
                                                      "\r\n",
                                                      "\r\n",
                                                      "\r\n",
                                                      "Content-Length: ",
                                                      "Host: a",
                                                      "1",
                                                      "0",
                                                      ":",
                                                      " ",
                                                      "Connection: close",
                                                      "X-Authorization",
                                                      "Content-Type: b",
                                                      "\t",
                                                      "Server",
                                                      "GET /",
                                                      " HTTP/1.0",
                                                      "Date:",
                                                      ",",
                                                      "\xE4\xBF",
                                                      "Upgrade",
                                                      "HTTP/1.0 500 ",
                                                      "chunked"};
    std::minstd_rand dice{7}; // NOLINT(cert-msc51-cpp): the same each time
    std::size_t read = 0;
    for (int round = 0; round < 200'000; ++round) {
        std::string text{pieces[dice() % 2]};
        for (auto count = dice() % 12; count > 0; --count)
            text += pieces[dice() % pieces.size()];
        text += "\r\n\r\n"; // the head may have ended before
        expect_as_beast<PlainRequest, true>(text, read);
        expect_as_beast<PlainResponse, false>(text, read);
    }
    EXPECT_GT(read, 500U);
}

} // namespace
} // namespace bearerd::http
