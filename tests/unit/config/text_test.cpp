#include "text.hpp"

#include <gtest/gtest.h>

namespace bearerd::config {
namespace {

TEST(FindInvalidUtf8, AcceptsWellFormedText) {
    for (const std::string_view text :
         {"", "a", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80", "\xEF\xBF\xBF",
          "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"})
        EXPECT_EQ(find_invalid_utf8(text), std::nullopt) << text;
}

TEST(FindInvalidUtf8, FindsTheFirstByteThatIsNot) {
    for (const std::string_view bad :
         {"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xC2", "\xC2\x41", "\xE0\x9F\xBF", "\xE1\x80",
          "\xE1\x80\x41", "\xED\xA0\x80", "\xF0\x8F\xBF\xBF", "\xF1\x80\x80", "\xF4\x90\x80\x80",
          "\xF5\x80\x80\x80", "\xFF"})
        EXPECT_EQ(find_invalid_utf8("ab\xC3\xA9" + std::string{bad}), 4U);
}

TEST(IsName, TakesLettersDigitsAndUnderscoresWithoutADigitInFront) {
    for (const std::string_view name : {"a", "Z", "_", "_0", "aB9_"})
        EXPECT_TRUE(is_name(name)) << name;
    for (const std::string_view other : {"", "0a", "a-b", "a b", "a\n", "\xC3\xA9", "a@", "[", "`", "{"})
        EXPECT_FALSE(is_name(other)) << other;
}

TEST(EditDistance, CountsSingleCharacters) {
    EXPECT_EQ(edit_distance("", ""), 0U);
    EXPECT_EQ(edit_distance("abc", ""), 3U);
    EXPECT_EQ(edit_distance("", "abc"), 3U);
    EXPECT_EQ(edit_distance("paths", "path"), 1U);
    EXPECT_EQ(edit_distance("threads", "thredas"), 2U);
    EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
    EXPECT_EQ(edit_distance(std::string(1'000, 'a'), std::string(1'000, 'b')), 64U);
}

TEST(Printable, IsShortAndHasNoControls) {
    EXPECT_EQ(printable("a\r\nb\x7F"), "a??b?");
    EXPECT_EQ(printable(std::string(100, 'a')), std::string(64, 'a'));
    EXPECT_EQ(printable(std::string(63, 'a') + "\xC3\xA9"), std::string(63, 'a'));
}

} // namespace
} // namespace bearerd::config
