#include <bearerd/base/block.hpp>

#include <gtest/gtest.h>

#include <string>

namespace bearerd {
namespace {

TEST(Block, FindsTheFirstByteThatSomethingHoldsFor) {
    for (std::size_t at = 0; at < Block::size; ++at) {
        std::string text(Block::size, 'a');
        text[at] = 'x';
        text.back() = 'x';
        const auto bytes = Block::load(text.data());
        EXPECT_EQ(Block::mask(bytes == 'x').first(), at);
        EXPECT_TRUE(Block::mask(bytes == 'y').none());
        EXPECT_FALSE(Block::mask(bytes == 'x').none());
    }
}

TEST(Block, TakesWhatIsBeyondAsciiForNegative) {
    for (int value = 0; value < 256; ++value) {
        const std::string text(Block::size, static_cast<char>(value));
        const auto bytes = Block::load(text.data());
        EXPECT_EQ(Block::mask(bytes < 0).none(), value < 0x80) << value;
        EXPECT_EQ(Block::mask(bytes < ' ').none(), value >= 0x20 && value < 0x80) << value;
        EXPECT_EQ(Block::mask((bytes == '\x7f') | (bytes == 0)).none(), value != 0x7f && value != 0) << value;
    }
}

} // namespace
} // namespace bearerd
