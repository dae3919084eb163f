#include <bearerd/http/byte_buffer.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace bearerd::http {
namespace {

/// Fills in as much as there is room for at once; how much that was.
std::size_t put(ByteBuffer& buffer, std::string_view text) {
    const auto room = buffer.prepare();
    const std::size_t size = std::min(room.size(), text.size());
    std::copy_n(text.data(), size, room.data());
    buffer.commit(size);
    return size;
}

/// As often as it takes something.
std::size_t put_all(ByteBuffer& buffer, std::string_view text) {
    std::size_t all = 0;
    while (const std::size_t size = put(buffer, text.substr(all)))
        all += size;
    return all;
}

TEST(ByteBuffer, HoldsNothingUntilRoomIsAskedFor) {
    const ByteBuffer buffer{1024};
    EXPECT_TRUE(buffer.empty());
    EXPECT_EQ(buffer.data().data(), nullptr);
}

TEST(ByteBuffer, GivesBackWhatWasPutInAndConsumesFromTheFront) {
    ByteBuffer buffer{10'000};
    EXPECT_EQ(put(buffer, "hello "), 6U);
    EXPECT_EQ(put(buffer, "world"), 5U);
    EXPECT_EQ(buffer.data(), "hello world");
    buffer.consume(6);
    EXPECT_EQ(buffer.data(), "world");
}

TEST(ByteBuffer, TakesExactlyItsLimitAndNoMore) {
    for (const std::size_t limit : {1'000U, 4'096U, 5'000U, 16'384U, 100'000U}) {
        ByteBuffer buffer{limit};
        const std::string text(limit + 10'000, 'x');
        const std::size_t taken = put_all(buffer, text);
        EXPECT_GE(taken, limit) << limit;
        EXPECT_LE(taken, std::max<std::size_t>(limit, 4'096)) << limit;
        EXPECT_TRUE(buffer.prepare().empty());
    }
}

TEST(ByteBuffer, PinnedBytesStayWhereTheyAreAndThereIsRoomBehindThem) {
    ByteBuffer buffer{4'000};
    const std::size_t size = put_all(buffer, std::string(4'000, 'h'));
    const std::string_view head = buffer.data();
    buffer.consume(size);
    buffer.pin();
    std::string body;
    for (int i = 0; i < 100; ++i) {
        const std::string piece(100, static_cast<char>('a' + i % 26));
        ASSERT_NE(put(buffer, piece), 0U);
        body.assign(buffer.data());
        buffer.consume(body.size());
        ASSERT_EQ(body, piece.substr(0, body.size()));
    }
    EXPECT_EQ(head, std::string(size, 'h'));
}

TEST(ByteBuffer, UnconsumedBytesBehindAPinMoveUpToIt) {
    ByteBuffer buffer{4'000};
    put(buffer, "head|");
    buffer.consume(5);
    buffer.pin();
    std::string expected;
    for (int i = 0; i < 1'000; ++i) {
        const std::string piece = std::to_string(i) + std::string(40, '.');
        ASSERT_EQ(put(buffer, piece), piece.size());
        expected += piece;
        const std::size_t drop = expected.size() > 20 ? expected.size() - 20 : 0;
        buffer.consume(drop);
        expected.erase(0, drop);
        ASSERT_EQ(buffer.data(), expected);
    }
}

TEST(ByteBuffer, AfterUnpinTheNextMessageMayUseAllOfIt) {
    ByteBuffer buffer{4'000};
    put_all(buffer, std::string(3'000, 'h'));
    buffer.consume(3'000);
    buffer.pin();
    put(buffer, "next");
    buffer.unpin();
    EXPECT_EQ(put_all(buffer, std::string(3'996, 'n')), 3'996U);
    EXPECT_EQ(buffer.data(), "next" + std::string(3'996, 'n'));
}

TEST(ByteBuffer, GivesItsMemoryBackOnlyWhereNothingIsLeft) {
    ByteBuffer buffer{4'000};
    put(buffer, "ab");
    buffer.release_if_empty();
    EXPECT_EQ(buffer.data(), "ab");
    buffer.consume(2);
    buffer.release_if_empty();
    EXPECT_EQ(buffer.data().data(), nullptr);
    put(buffer, "cd");
    EXPECT_EQ(buffer.data(), "cd");
}

TEST(ByteBuffer, WipeOverwritesWhatWasReceivedAndEmptiesIt) {
    ByteBuffer buffer{4'000};
    put(buffer, "secret");
    const char* memory = buffer.data().data();
    buffer.consume(3);
    buffer.wipe();
    EXPECT_TRUE(buffer.empty());
    EXPECT_EQ((std::string_view{memory, 6}), (std::string_view{"\0\0\0\0\0\0", 6}));
}

} // namespace
} // namespace bearerd::http
