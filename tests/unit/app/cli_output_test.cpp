#include "cli_output.hpp"

#include <gtest/gtest.h>

namespace bearerd::app {
namespace {

TEST(Printable, LeavesNothingThatATerminalObeys) {
    struct Case {
        std::string_view text;
        std::string_view shown;
    };

    for (const Case& each : {
             Case{"", ""}, Case{"till-042", "till-042"},
             Case{"Café \xE2\x82\xAC \xF0\x9F\x8E\x81", "Café \xE2\x82\xAC \xF0\x9F\x8E\x81"},
             Case{"a\x1B[31mb", "a [31mb"}, Case{"a\r\n\tb\x7F", "a   b "},
             Case{"a\xC2\x9B"
                  "31mb",
                  "a 31mb"}, // CSI of C1
             Case{"a\x9B"
                  "31mb",
                  "a?31mb"}, // the same in Latin-1
             Case{"a\xC2\x80\xC2\x9Fz\xC2\xA0", "a  z\xC2\xA0"},
             Case{"\xE2\x80\xAEtxt.exe\xE2\x80\xAC", "?txt.exe?"}, // U+202E, U+202C
             Case{"\xE2\x81\xA6\xE2\x81\xA9\xE2\x80\x8E\xE2\x80\x8F\xD8\x9C", "?????"},
             Case{"\xE2\x80\xAA\xE2\x81\xA5\xE2\x81\xAA", "?\xE2\x81\xA5\xE2\x81\xAA"},
             Case{"\xC0\xAF\xE2\x82", "????"},      // overlong; cut off
             Case{"\xED\xA0\x80", "???"},           // half a surrogate pair
             Case{"\xF4\x90\x80\x80\xFF", "?????"}, // beyond Unicode
         })
        EXPECT_EQ(printable(each.text), each.shown) << each.shown;
}

TEST(Printable, IsCutBetweenCharacters) {
    EXPECT_EQ(printable("abcdef", 3), "abc...");
    EXPECT_EQ(printable("abc", 3), "abc");
    EXPECT_EQ(printable("ab\xE2\x82\xAC"
                        "cd",
                        3),
              "ab...");
    EXPECT_EQ(printable("ab\xE2\x82\xAC"
                        "cd",
                        4),
              "ab...");
    EXPECT_EQ(printable("ab\xE2\x82\xAC"
                        "cd",
                        5),
              "ab\xE2\x82\xAC...");
}

TEST(Print, KeepsLinesAndNothingElseThatMovesTheCursor) {
    testing::internal::CaptureStdout();
    print(stdout, "TIME\n\x1B[2Jone\xC2\x9B"
                  "2J\xE2\x80\xAEtwo\n");
    EXPECT_EQ(testing::internal::GetCapturedStdout(), "TIME\n [2Jone 2J?two\n");
}

} // namespace
} // namespace bearerd::app
