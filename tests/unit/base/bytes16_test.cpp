#include <bearerd/base/bytes16.hpp>

#include <gtest/gtest.h>

#include <string>

namespace bearerd {
namespace {

TEST(Bytes16, FindsTheFirstByteThatSomethingHoldsFor) {
    for (std::size_t at = 0; at < Bytes16::size; ++at) {
        std::string text(Bytes16::size, 'a');
        text[at] = 'x';
        text.back() = 'x';
        const auto bytes = Bytes16::load(text.data());
        EXPECT_EQ(Bytes16::mask(bytes == 'x').first(), at);
        EXPECT_TRUE(Bytes16::mask(bytes == 'y').none());
        EXPECT_FALSE(Bytes16::mask(bytes == 'x').none());
    }
}

TEST(Bytes16, TakesWhatIsBeyondAsciiForNegative) {
    for (int value = 0; value < 256; ++value) {
        const std::string text(Bytes16::size, static_cast<char>(value));
        const auto bytes = Bytes16::load(text.data());
        EXPECT_EQ(Bytes16::mask(bytes < 0).none(), value < 0x80) << value;
        EXPECT_EQ(Bytes16::mask(bytes < ' ').none(), value >= 0x20 && value < 0x80) << value;
        EXPECT_EQ(Bytes16::mask((bytes == '\x7f') | (bytes == 0)).none(), value != 0x7f && value != 0)
            << value;
    }
}

} // namespace
} // namespace bearerd
