#include <bearerd/base/utf8.hpp>

#include <gtest/gtest.h>

#include <string>

namespace bearerd {
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

TEST(WithoutBom, TakesOffOneMarkAtTheStart) {
    EXPECT_EQ(without_bom("\xEF\xBB\xBF{}"), "{}");
    EXPECT_EQ(without_bom("\xEF\xBB\xBF\xEF\xBB\xBF"), "\xEF\xBB\xBF");
    for (const std::string_view text : {"", "\xEF\xBB", " \xEF\xBB\xBF"})
        EXPECT_EQ(without_bom(text), text);
}

} // namespace
} // namespace bearerd
