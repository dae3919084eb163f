#include <bearerd/http/body_buffer.hpp>

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <string>

namespace {

/// The memory whose end is awaited, and what it held then.
const void* watched = nullptr;
char last_words[64];

void release(void* memory) noexcept {
    if (memory != nullptr && memory == watched)
        std::memcpy(last_words, memory, sizeof last_words);
    std::free(memory);
}

} // namespace

void* operator new[](std::size_t size) {
    if (void* memory = std::malloc(size))
        return memory;
    throw std::bad_alloc{};
}

void operator delete[](void* memory) noexcept {
    release(memory);
}

void operator delete[](void* memory, std::size_t) noexcept {
    release(memory);
}

namespace bearerd::http {
namespace {

TEST(BodyBuffer, HoldsWhatWasAppendedAndWhatWasReceivedInPlace) {
    BodyBuffer body;
    EXPECT_TRUE(body.empty());
    EXPECT_EQ(body.view(), "");
    body.append("");
    EXPECT_EQ(body.capacity(), 0U);
    body.append("ab");
    std::memcpy(body.prepare(10), "cdX", 3);
    body.commit(2);
    body.append("ef");
    EXPECT_EQ(body.view(), "abcdef");
    EXPECT_EQ(body.size(), 6U);
    static_cast<void>(body.prepare(100)); // and nothing came
    EXPECT_EQ(body.view(), "abcdef");
}

TEST(BodyBuffer, GrowsWithItsBytesAndNotByOneEachTime) {
    BodyBuffer body;
    std::string all;
    std::size_t moved = 0;
    const char* at = nullptr;
    for (int i = 0; i < 5000; ++i) {
        const std::string piece(static_cast<std::size_t>(i % 7), static_cast<char>('a' + i % 26));
        body.append(piece);
        all += piece;
        moved += body.view().data() != at ? 1 : 0;
        at = body.view().data();
    }
    EXPECT_EQ(body.view(), all);
    EXPECT_LT(moved, 20U);
    EXPECT_LT(body.capacity(), 2 * all.size() + 10);
}

TEST(BodyBuffer, KeepsItsMemoryWhenClearedAndGivesItBackWhenWiped) {
    BodyBuffer body;
    body.reserve(1000);
    body.reserve(10);
    EXPECT_EQ(body.capacity(), 1000U);
    body.append("card 6006");
    const char* const memory = body.view().data();
    body.clear();
    EXPECT_TRUE(body.empty());
    EXPECT_EQ(body.capacity(), 1000U);
    EXPECT_EQ(body.prepare(1000), memory);
    body.append("b");
    EXPECT_EQ(body.view(), "b");
    body.wipe();
    EXPECT_EQ(body.capacity(), 0U);
    EXPECT_EQ(body.view(), "");
}

/// The first bytes of the block of memory that ends in `act`, at its end.
template<class Act>
std::string left_behind(const BodyBuffer& body, Act act) {
    watched = body.view().data();
    std::memset(last_words, '?', sizeof last_words);
    act();
    watched = nullptr;
    return {last_words, sizeof last_words};
}

TEST(BodyBuffer, LeavesNothingBehind) {
    const std::string card = "6006491234567890";
    {
        BodyBuffer body;
        body.append(std::string(64, 'x'));
        EXPECT_EQ(left_behind(body, [&] { body.clear(); }), std::string(64, '?')) << "the memory stays";
        body.append(card);
        EXPECT_EQ(left_behind(body, [&] { body.reserve(1000); }), std::string(64, '\0'))
            << "grown: with what it had held before it was cleared";
        EXPECT_EQ(body.view(), card);
        body.append(std::string(64 - card.size(), 'x'));
        EXPECT_EQ(left_behind(body, [&] { body.wipe(); }), std::string(64, '\0'));
    }
    auto body = std::make_unique<BodyBuffer>();
    body->append(card + std::string(64 - card.size(), 'x'));
    body->clear();
    body->append("b");
    EXPECT_EQ(left_behind(*body, [&] { body.reset(); }), std::string(64, '\0')) << "destroyed";
}

} // namespace
} // namespace bearerd::http
