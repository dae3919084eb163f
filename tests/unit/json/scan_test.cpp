#include <bearerd/json/scan.hpp>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <string>
#include <vector>

using namespace bearerd;
using namespace std::string_literals;

namespace {

bool accepts(std::string_view text) {
    json::Scan scan{text};
    return scan.skip() && scan.finish();
}

std::string text_of(std::string_view json) {
    json::Scan scan{json};
    json::String string;
    json::TextBuffer buffer;
    if (!scan.string(string) || !scan.finish())
        return "(refused)";
    return std::string{string.text(buffer)};
}

TEST(Scan, AgreesWithAnotherParser) {
    const std::vector<std::string> texts = {
        "",
        " ",
        "{}",
        "[]",
        "null",
        "true",
        "false",
        "0",
        "-0",
        "-",
        "1.5e+10",
        "1E-2",
        "01",
        "1.",
        ".1",
        "1e",
        "1e+",
        "--1",
        "nul",
        "nulll",
        "tru",
        "True",
        "[1,]",
        "[,]",
        "[1 2]",
        "[1,2]",
        "{\"a\":1}",
        "{\"a\"}",
        "{\"a\":}",
        "{a:1}",
        "{\"a\":1,}",
        "{,}",
        "[",
        "]",
        "{",
        "}",
        "[}",
        "{]",
        "[[]",
        "[]]",
        "\"",
        "\"\"",
        "\"\\\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\n\"",
        "\"\x7F\"",
        "\"\x80\"",
        "[] []",
        "[]\x0B",
        "\xEF\xBB[]",
        "'a'",
        "// x\n1",
        "NaN",
        "Infinity",
        "\"\xF5\x80\x80\x80\"",
        "\"\xC1\xBF\"",
        "\"\xE0\x9F\xBF\"",
        "\"\xED\x9F\xBF\"",
        "\"\xEE\x80\x80\"",
        "\"\xF0\x8F\xBF\xBF\"",
        "\"\xF4\x8F\xBF\xBF\"",
        "\"\xC3\"",
        "\"\xE2\x82\"",
        "\"\\ud83d\\ude00\"",
        "\"\\ud83d\"",
        "\"\\ude00\"",
        "\"\\ud83d\\n\"",
        "\"\\ud83dx\"",
        "\"\\uD83D\\uD83D\"",
        "\xEF\xBB\xBF{}",
        "{\"a\":[{\"b\":null}]}",
    };
    for (const std::string& text : texts)
        EXPECT_EQ(accepts(text), nlohmann::json::accept(text)) << text;
}

TEST(Scan, RefusesWhatOtherParsersMayReadDifferently) {
    EXPECT_FALSE(accepts("{}\0"s));
    EXPECT_FALSE(accepts("1e201"));
    EXPECT_FALSE(accepts(std::string(101, '9')));
    EXPECT_TRUE(accepts("1e-999"));
    EXPECT_TRUE(accepts(std::string(100, '9') + "e0200"));
    EXPECT_TRUE(accepts(std::string(512, '[') + std::string(512, ']')));
    EXPECT_FALSE(accepts(std::string(513, '[') + std::string(513, ']')));
}

// A special byte at each place of the eight that are looked at together, and across two such words.
TEST(Scan, SeesASpecialByteWhereverItStands) {
    for (std::size_t length = 0; length < 24; ++length) {
        for (std::size_t place = 0; place <= length; ++place) {
            const auto with = [&](std::string_view special) {
                return "\"" + std::string(place, 'x') + std::string{special} +
                       std::string(length - place, '~') + "\"";
            };
            EXPECT_TRUE(accepts(with("")));
            EXPECT_TRUE(accepts(with("\\n")));
            EXPECT_TRUE(accepts(with("\xC3\xA9")));
            EXPECT_TRUE(accepts(with(" ")));
            EXPECT_FALSE(accepts(with("\"")));
            EXPECT_FALSE(accepts(with("\x1F")));
            EXPECT_FALSE(accepts(with("\\")));
            EXPECT_FALSE(accepts(with("\x80")));
            EXPECT_FALSE(accepts(with("\xFF")));
            EXPECT_EQ(text_of(with("\\u00e9")),
                      std::string(place, 'x') + "\xC3\xA9" + std::string(length - place, '~'));
        }
    }
}

TEST(Scan, DecodesStrings) {
    EXPECT_EQ(text_of(R"("plain")"), "plain");
    EXPECT_EQ(text_of(R"("\"\\\/\b\f\n\r\t")"), "\"\\/\b\f\n\r\t");
    EXPECT_EQ(text_of(R"("\u0041\u00E9\u20ac\uD83D\ude00\u0000x")"),
              "A\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\0x"s);
    EXPECT_EQ(text_of("\"" + std::string(5000, 'a') + "\\n\""), std::string(5000, 'a') + "\n");
    EXPECT_EQ(text_of("1"), "(refused)");
}

TEST(Scan, ComparesStringsByWhatTheyMean) {
    const auto is = [](std::string_view json, std::string_view expected) {
        json::Scan scan{json};
        json::String string;
        return scan.string(string) && string.is(expected);
    };
    EXPECT_TRUE(is(R"("query")", "query"));
    EXPECT_TRUE(is(R"("\u0071u\u0065ry")", "query"));
    EXPECT_FALSE(is(R"("\u0051uery")", "query"));
    EXPECT_FALSE(is(R"("query\u0000")", "query"));
    EXPECT_FALSE(is(R"("quer")", "query"));
}

TEST(Scan, AFaultIsFinal) {
    json::Scan scan{"[1 2,3]"};
    ASSERT_TRUE(scan.enter_array());
    ASSERT_TRUE(scan.next_element());
    ASSERT_EQ(scan.number(), 1.0);
    EXPECT_FALSE(scan.next_element());
    EXPECT_FALSE(scan.ok());
    EXPECT_FALSE(scan.next_element());
    EXPECT_FALSE(scan.skip());
    EXPECT_FALSE(scan.enter_object());
    EXPECT_FALSE(scan.finish());
}

TEST(Scan, IsNotFinishedInsideAContainer) {
    json::Scan scan{"["};
    ASSERT_TRUE(scan.enter_array());
    EXPECT_FALSE(scan.finish());
}

} // namespace
