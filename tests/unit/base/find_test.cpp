#include <bearerd/base/find.hpp>

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

/// Texts of every length around one and two blocks, with 'x' at each place or nowhere (`at` is the length).
template<class Check>
void for_each_text(Check check) {
    for (std::size_t size = 0; size < 2 * Bytes16::size + 3; ++size) {
        for (std::size_t at = 0; at <= size; ++at) {
            std::string text(size, 'a');
            text.replace(at, at < size ? 1 : 0, at < size ? "x" : "");
            check(text + "x", size, at); // what is beyond the end is not looked at
        }
    }
}

TEST(FindFirst, FindsTheSameInBlocksAndInWhatIsLeft) {
    for_each_text([](const std::string& text, std::size_t size, std::size_t at) {
        const char* const begin = text.data();
        const auto found = find_first(begin, begin + size, [](auto c) { return (c == 'x') | (c < 0); });
        EXPECT_EQ(found - begin, static_cast<std::ptrdiff_t>(at)) << size;
    });
    for (const std::size_t size : {std::size_t{1}, Bytes16::size}) {
        const std::string text(size, '\x80');
        const char* const end = text.data() + size;
        EXPECT_EQ(find_first(text.data(), end, [](auto c) { return c < ' '; }), text.data()) << size;
        EXPECT_EQ(find_first(text.data(), end, [](auto c) { return c >= 0; }), end) << size;
    }
}

TEST(FindFirst, FindsAPairWhoseBytesAreInTwoBlocks) {
    for_each_text([](const std::string& text, std::size_t size, std::size_t at) {
        const char* const begin = text.data();
        const auto is_pair = [](auto here, auto next) { return (here == 'a') & (next == 'x'); };
        const std::size_t expected = at == 0 || at == size ? size : at - 1;
        EXPECT_EQ(find_first_pair(begin, begin + size, is_pair) - begin,
                  static_cast<std::ptrdiff_t>(expected))
            << size;
    });
}

} // namespace
} // namespace bearerd
