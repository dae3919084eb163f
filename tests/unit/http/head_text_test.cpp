#include <bearerd/http/head_text.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <utility>

namespace bearerd::http {
namespace {

/// Makes a head with this much memory, and destroys it. Returns where the memory was.
std::uintptr_t use_head(std::size_t capacity) {
    HeadText head;
    head.reserve(capacity);
    head += "HTTP/1.1 200 OK\r\n\r\n";
    return reinterpret_cast<std::uintptr_t>(head.data());
}

TEST(HeadText, BeginsEmptyInTheMemoryOfAFormerOne) {
    release_spare_heads();
    const std::uintptr_t memory = use_head(1000);
    const HeadText head;
    EXPECT_TRUE(head.empty());
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(head.data()), memory);
    EXPECT_LT(HeadText{}.capacity(), 1000U) << "there was only one";
}

TEST(HeadText, OneThatWasMovedFromGivesNothingBack) {
    release_spare_heads();
    use_head(1000);
    {
        HeadText first;
        HeadText second = std::move(first);
        EXPECT_GE(second.capacity(), 1000U);
    }
    const HeadText again;
    EXPECT_GE(again.capacity(), 1000U) << "no empty one was kept on top of it";
    EXPECT_LT(HeadText{}.capacity(), 1000U);
}

TEST(HeadText, ALargeOneIsFreed) {
    release_spare_heads();
    use_head(100'000);
    EXPECT_LT(HeadText{}.capacity(), 100'000U);
}

TEST(HeadText, NothingIsLeftAfterTheRelease) {
    use_head(1000);
    release_spare_heads();
    EXPECT_LT(HeadText{}.capacity(), 1000U);
}

} // namespace
} // namespace bearerd::http
