#include <bearerd/base/ascii.hpp>

#include <gtest/gtest.h>

#include <cstdint>

#include <string_view>

namespace bearerd {
namespace {

TEST(Ascii, OnlyLettersHaveACase) {
    EXPECT_TRUE(equal_ignoring_case("X-Request-Id", "x-rEQUEST-iD"));
    EXPECT_FALSE(equal_ignoring_case("a@", "a`")); // 0x40 and 0x60: a bit apart, as letters are
    EXPECT_FALSE(equal_ignoring_case("\xC4", "\xE4"));
    EXPECT_FALSE(equal_ignoring_case("ab", "abc"));
    EXPECT_TRUE(equal_ignoring_case("", ""));
}

TEST(Ascii, TrimTakesSpacesAndTabsAtTheEndsOnly) {
    EXPECT_EQ(trim(" \ta b\t "), "a b");
    EXPECT_EQ(trim(" \t "), "");
    EXPECT_EQ(trim(""), "");
    EXPECT_EQ(trim("\r\na"), "\r\na");
}

TEST(Ascii, TakeUntilEndsWithNothingLeft) {
    std::string_view rest = "a,,b";
    EXPECT_EQ(take_until(rest, ','), "a");
    EXPECT_EQ(take_until(rest, ','), "");
    EXPECT_EQ(take_until(rest, ','), "b");
    EXPECT_TRUE(rest.empty());
}

TEST(ParseInteger, TakesTheWholeTextOrNothing) {
    EXPECT_EQ(parse_integer<std::uint16_t>("65535"), 65535);
    EXPECT_EQ(parse_integer<std::int64_t>("-5"), -5);
    EXPECT_EQ(parse_integer<std::uint32_t>("fF", 16), 255U);
    for (const std::string_view text : {"", "65536", "-1", "+1", "1 ", " 1", "1x", "0x1"})
        EXPECT_EQ(parse_integer<std::uint16_t>(text), std::nullopt) << text;
}

} // namespace
} // namespace bearerd
