#include <bearerd/http/spare_heads.hpp>

#include <gtest/gtest.h>

#include <utility>

namespace bearerd::http {
namespace {

std::string head_of(std::size_t capacity) {
    std::string head;
    head.reserve(capacity);
    head = "HTTP/1.1 200 OK\r\n\r\n";
    return head;
}

TEST(SpareHeads, AHeadThatIsTakenIsEmptyAndHasTheMemoryOfOneThatWasKept) {
    release_spare_heads();
    std::string head = head_of(1000);
    const void* const memory = head.data();
    keep_spare_head(std::move(head));
    const std::string next = take_spare_head();
    EXPECT_EQ(next, "");
    EXPECT_EQ(static_cast<const void*>(next.data()), memory);
    EXPECT_LT(take_spare_head().capacity(), 1000U) << "there was only one";
}

TEST(SpareHeads, ALargeHeadIsFreed) {
    release_spare_heads();
    std::string head = head_of(100'000);
    keep_spare_head(std::move(head));
    EXPECT_LT(take_spare_head().capacity(), 100'000U);
}

TEST(SpareHeads, NothingIsLeftAfterTheRelease) {
    std::string head = head_of(1000);
    keep_spare_head(std::move(head));
    release_spare_heads();
    EXPECT_LT(take_spare_head().capacity(), 1000U);
}

} // namespace
} // namespace bearerd::http
