#include "reply_reader.hpp"

#include <gtest/gtest.h>

namespace bearerd::fleet {
namespace {

using Kind = Value::Kind;

/// Feeds the bytes in pieces of this size.
std::optional<Value> first_of(ReplyReader& reader, std::string_view bytes, std::size_t piece) {
    while (!bytes.empty()) {
        reader.feed(bytes.substr(0, piece));
        bytes.remove_prefix(std::min(piece, bytes.size()));
        if (auto value = reader.next())
            return value;
    }
    return std::nullopt;
}

std::string in_words(const Value& value) {
    switch (value.kind) {
    case Kind::nil:
        return "nil";
    case Kind::text:
        return "\"" + value.text + "\"";
    case Kind::integer:
        return std::to_string(value.integer);
    case Kind::error:
        return "!" + value.text;
    case Kind::list:
        break;
    }
    std::string words = "[";
    for (const Value& each : value.list)
        words += in_words(each) + ",";
    return words + "]";
}

TEST(ReplyReader, ReadsEachKindInPiecesOfAnySize) {
    const std::pair<std::string_view, const char*> table[]{
        {"+OK\r\n", "\"OK\""},
        {"$0\r\n\r\n", "\"\""},
        {"$5\r\na\r\nb\n\r\n", "\"a\r\nb\n\""},
        {"$-1\r\n", "nil"},
        {"*-1\r\n", "nil"},
        {":-42\r\n", "-42"},
        {"-ERR no such thing\r\n", "!ERR no such thing"},
        {"*0\r\n", "[]"},
        {"*3\r\n$1\r\na\r\n*2\r\n:1\r\n$-1\r\n+b\r\n", "[\"a\",[1,nil,],\"b\",]"},
    };
    for (const auto& [bytes, words] : table)
        for (const std::size_t piece : {1UL, 3UL, 1000UL}) {
            ReplyReader reader;
            const auto value = first_of(reader, bytes, piece);
            ASSERT_TRUE(value) << words;
            EXPECT_EQ(in_words(*value), words);
            EXPECT_FALSE(reader.next());
            EXPECT_FALSE(reader.broken());
        }
}

TEST(ReplyReader, ReadsOneAnswerAfterTheOther) {
    ReplyReader reader;
    reader.feed("+a\r\n:1\r\n$1\r\nb\r\n+c");
    std::string words;
    while (const auto value = reader.next())
        words += in_words(*value);
    EXPECT_EQ(words, "\"a\"1\"b\"");
    reader.feed("d\r\n");
    EXPECT_EQ(in_words(reader.next().value()), "\"cd\"");
}

TEST(ReplyReader, BreaksAtWhatIsNotInTheProtocolOrBeyondItsBounds) {
    std::string deep;
    for (int i = 0; i < 100; ++i)
        deep += "*1\r\n";
    std::string wide = "*1000\r\n"; // each of the lists is within the bound, all together are not
    for (int i = 0; i < 1000; ++i)
        wide += "*1000\r\n";
    const std::string long_text = "$1000000\r\n" + std::string(max_reply_size, 'x');
    const std::string endless_line = "+" + std::string(max_reply_size + 1, 'x');
    const std::string_view table[]{"HTTP/1.1 400 Bad Request\r\n\r\n",
                                   "$x\r\n",
                                   "*1025\r\n",
                                   "*2147483647\r\n",
                                   "*99999999999999999999\r\n",
                                   deep,
                                   wide,
                                   long_text,
                                   endless_line,
                                   ",1.5\r\n",
                                   "#t\r\n"};
    for (const std::string_view bytes : table) {
        ReplyReader reader;
        EXPECT_FALSE(first_of(reader, bytes, 16384)) << bytes.substr(0, 20);
        EXPECT_TRUE(reader.broken()) << bytes.substr(0, 20);
        reader.feed("+OK\r\n");
        EXPECT_FALSE(reader.next()) << "nothing comes after that";
    }
}

TEST(ReplyReader, TakesAnAnswerOfTheLargestSize) {
    const std::string text(max_reply_size - 32, 'x');
    ReplyReader reader;
    const auto value = first_of(reader, "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n", 16384);
    ASSERT_TRUE(value);
    EXPECT_EQ(value->text, text);
}

TEST(WireText, HoldsAnyBytes) {
    EXPECT_EQ(wire_text({"SET", "a b", std::string{"\r\n\0", 3}}),
              (std::string{"*3\r\n$3\r\nSET\r\n$3\r\na b\r\n$3\r\n\r\n\0\r\n", 31}));
}

} // namespace
} // namespace bearerd::fleet
