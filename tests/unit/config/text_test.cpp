#include "text.hpp"

#include <gtest/gtest.h>

namespace bearerd::config {
namespace {

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
