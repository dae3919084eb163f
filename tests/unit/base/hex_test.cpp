#include <bearerd/base/hex.hpp>

#include <gtest/gtest.h>

#include <array>

namespace bearerd {
namespace {

TEST(Hex, WritesTwoLowerCaseDigitsForEachByte) {
    EXPECT_EQ(hex(std::array<unsigned char, 4>{0x00, 0x0A, 0xF0, 0xFF}), "000af0ff");
    EXPECT_EQ(hex({}), "");
    for (unsigned byte = 0; byte < 256; ++byte)
        EXPECT_EQ(hex_byte(hex(std::array{static_cast<unsigned char>(byte)})), static_cast<int>(byte));
}

TEST(Hex, ReadsTheFirstTwoDigitsOfEitherCase) {
    struct Case {
        const char* text;
        int value;
    };

    for (const auto& [text, value] : {Case{"7fZ", 0x7F}, Case{"aB", 0xAB}, Case{"00", 0}, Case{"7", -1},
                                      Case{"", -1}, Case{"g0", -1}, Case{"0g", -1}, Case{"-1", -1}})
        EXPECT_EQ(hex_byte(text), value) << text;
}

} // namespace
} // namespace bearerd
