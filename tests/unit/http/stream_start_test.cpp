#include <bearerd/http/stream_start.hpp>

#include "unit/gzip.hpp"

#include <bearerd/http/headers.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace bearerd::http {
namespace {

struct Stream {
    std::string_view type;
    std::string_view body;
    std::string_view first;
};

constexpr std::string_view refusal = R"({"errors":[{"message":"Unauthorized"}]})";

TEST(StreamStart, IsTheFirstEventPartOrLine) {
    const Stream streams[] = {
        {"text/event-stream", "data: one\n\ndata: two\n\n", "one"},
        {"text/event-stream; charset=utf-8",
         "\xef\xbb\xbf"
         "data:one\r\n\r\n",
         "one"},
        {"Text/Event-Stream", ": heartbeat\n\nevent: next\nid: 7\ndata: {\ndata: }\n\n", "{\n}"},
        {"text/event-stream", "event: ping\n\ndata: after\r\rdata: x", "after"},
        {"text/event-stream", "database: no\ndata\ndata: yes\n\n", "yes"},
        {"multipart/mixed; boundary=\"-\"; deferSpec=20220824",
         "---\r\nContent-Type: application/json\r\n\r\n{\"data\":1}\r\n---\r\nContent-Type: x\r\n\r\n2",
         "{\"data\":1}"},
        {"multipart/mixed", "\r\n---\r\n\r\none\r\n-----\r\n", "one"},
        {"multipart/mixed; x=y; Boundary = abc ", "preamble\n--abc\nA: b\n\none\n--abc--\n", "one"},
        {"multipart/x-mixed-replace; boundary=abc", "--abc\r\nA: b\r\n\r\none\r\n--abc\r\n", "one"},
        {"application/x-ndjson", "one\ntwo\n", "one"},
        {"application/ndjson; charset=utf-8", "one\ntwo\n", "one"},
        {"application/stream+json", "one\ntwo\n", "one"},
        {"application/x-jsonlines", "one\ntwo\n", "one"},
        {"application/x-jsonl", "one\ntwo\n", "one"},
        {"application/jsonl", "\n \r\none\r\ntwo", "one"},
        {"application/json-seq",
         "\x1e"
         "one\n\x1etwo\n",
         "one"},
    };
    for (const Stream& stream : streams) {
        EXPECT_TRUE(is_streaming_type(stream.type)) << stream.type;
        const StreamStart start = stream_start(stream.type, stream.body);
        EXPECT_EQ(start.text, stream.first) << stream.type << '\n' << stream.body;
        EXPECT_TRUE(start.whole) << stream.body;
    }
}

TEST(StreamStart, IsNotWholeBeforeItsEndHasCome) {
    const std::string json{refusal};
    const Stream streams[] = {
        {"text/event-stream", "", ""},
        {"text/event-stream", "data: one", "one"},
        {"text/event-stream", "data: one\n", "one"},
        {"text/event-stream", ": nothing\n\n", ""},
        {"multipart/mixed", "---", ""},
        {"multipart/mixed", "---\r\nContent-Type: application/json\r\n", ""},
        {"multipart/mixed", "---\r\nContent-Type: application/json\r\n\r\none", "one"},
        {"application/jsonl", "\n\n", ""},
        {"application/jsonl", "one", "one"},
    };
    for (const Stream& stream : streams) {
        const StreamStart start = stream_start(stream.type, stream.body);
        EXPECT_EQ(start.text, stream.first) << stream.type << '\n' << stream.body;
        EXPECT_FALSE(start.whole) << stream.body;
    }
}

TEST(StreamStart, LeavesTheRest) {
    EXPECT_EQ(stream_start("text/event-stream", "data: 1\n\ndata: {}\n\n").rest, "data: {}\n\n");
    EXPECT_EQ(stream_start("multipart/mixed", "---\n\n1\n-----").rest, "\n-----");
    EXPECT_EQ(stream_start("application/jsonl", "1\n{}").rest, "\n{}");
    EXPECT_EQ(stream_start("application/jsonl", "{}").rest, "");
}

TEST(StreamStart, OfAnAnswerIsWhatItsFirstBytesUnpackTo) {
    const std::string line = std::string{refusal} + "\n";
    const std::string long_line(2 * most_of_stream_start, 'x');

    const struct {
        std::string_view coding;
        std::string body;
        std::string_view text;
        bool whole;
    } cases[] = {
        {"", line, refusal, true},
        {"gzip", bearerd::test::gzip(line), refusal, true},
        {"gzip", bearerd::test::gzip_beginning(line), refusal, true},
        {"gzip", bearerd::test::gzip_beginning(line.substr(0, 9)), refusal.substr(0, 9), false},
        {"", long_line, std::string_view{long_line}.substr(0, most_of_stream_start), false},
    };

    for (const auto& each : cases) {
        Fields fields;
        fields.list.push_back({FieldId::content_type, "Content-Type", "application/jsonl"});
        fields.list.push_back({FieldId::content_encoding, "Content-Encoding", each.coding});
        std::string scratch;
        const auto start = stream_start(fields, each.body, scratch);
        ASSERT_TRUE(start) << each.coding;
        EXPECT_EQ(start->text, each.text);
        EXPECT_EQ(start->whole, each.whole) << each.coding << each.text;
    }
}

TEST(StreamStart, OfAnAnswerThatCannotBeDecodedIsNotKnown) {
    Fields fields;
    fields.list.push_back({FieldId::content_type, "Content-Type", "application/jsonl"});
    fields.list.push_back({FieldId::content_encoding, "Content-Encoding", "gzip"});
    fields.list.push_back({FieldId::content_encoding, "Content-Encoding", "br"});
    std::string scratch;
    EXPECT_FALSE(stream_start(fields, bearerd::test::gzip("{}\n"), scratch));
    EXPECT_EQ(fields.combined(FieldId::content_encoding), "gzip,br");
    EXPECT_EQ(fields.combined(FieldId::accept), "");
}

TEST(StreamStart, ShowsARefusalInEachForm) {
    const std::string json{refusal};
    EXPECT_EQ(stream_start("text/event-stream", "event: next\ndata: " + json + "\n\n").text, refusal);
    EXPECT_EQ(stream_start("multipart/mixed; boundary=-", "---\r\n\r\n" + json + "\r\n---").text, refusal);
    EXPECT_EQ(stream_start("application/jsonl", json + "\n").text, refusal);
}

} // namespace
} // namespace bearerd::http
