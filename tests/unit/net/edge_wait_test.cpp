#include <bearerd/net/edge_wait.hpp>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/write.hpp>

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <optional>
#include <string_view>

namespace bearerd::net {
namespace {

using Socket = asio::basic_stream_socket<asio::local::stream_protocol, Executor>;

struct EdgeWaitTest : testing::Test {
    EdgeWaitTest() {
        asio::local::connect_pair(socket, peer);
        socket.non_blocking(true);
        wait(); // the first one is over at once
        EXPECT_EQ(over(), waits_by_edge);
        socket.cancel();
        look();
    }

    void wait() {
        ended.reset();
        async_edge_wait(socket, [this](error_code code) { ended = code; });
    }

    void look() {
        context.restart();
        context.poll();
    }

    /// Whether the wait is over now that the loop has looked at all there is.
    bool over() {
        look();
        return ended.has_value();
    }

    void say(std::string_view text) { asio::write(peer, asio::buffer(text.data(), text.size())); }

    std::size_t read(std::size_t most) {
        std::array<char, 64> bytes{};
        error_code code;
        return socket.read_some(asio::buffer(bytes.data(), most), code);
    }

    asio::io_context context{1};
    asio::executor_work_guard<Executor> work{context.get_executor()};
    Socket socket{context.get_executor()};
    Socket peer{context.get_executor()};
    std::optional<error_code> ended;
};

TEST_F(EdgeWaitTest, IsOverWhenSomethingComes) {
    wait();
    EXPECT_FALSE(over());
    say("a");
    ASSERT_TRUE(over());
    EXPECT_FALSE(*ended);
    EXPECT_EQ(read(64), 1U);
    wait();
    EXPECT_FALSE(over());
    peer.close();
    ASSERT_TRUE(over());
    EXPECT_FALSE(*ended);
}

TEST_F(EdgeWaitTest, TellsOnceOfWhatIsNotRead) {
    say("ab");
    wait();
    EXPECT_TRUE(over());
    EXPECT_EQ(read(1), 1U);
    wait();
    EXPECT_EQ(over(), !waits_by_edge) << "b is no news";
    say("c");
    EXPECT_TRUE(over());
}

/// Nothing is lost between two waits, even if the loop ran meanwhile.
TEST_F(EdgeWaitTest, TellsOfWhatCameWhileNobodyWaited) {
    say("a");
    look();
    wait();
    EXPECT_TRUE(over());
}

TEST_F(EdgeWaitTest, MayBeOverForNothingBehindAnotherWait) {
    socket.async_wait(Socket::wait_read, [](error_code) {});
    say("a");
    look();
    EXPECT_EQ(read(64), 1U);
    wait();
    ASSERT_EQ(over(), waits_by_edge);
    if (waits_by_edge) {
        wait();
        EXPECT_FALSE(over());
    }
}

TEST_F(EdgeWaitTest, EndsByCancelAndByClose) {
    wait();
    EXPECT_FALSE(over());
    socket.cancel();
    ASSERT_TRUE(over());
    EXPECT_EQ(*ended, asio::error::operation_aborted);
    wait();
    EXPECT_FALSE(over());
    socket.close();
    ASSERT_TRUE(over());
    EXPECT_EQ(*ended, asio::error::operation_aborted);
    wait();
    ASSERT_TRUE(over()) << "of a socket that is closed";
    EXPECT_TRUE(*ended);
}

/// A loop that is destroyed takes its handlers with it, uncalled.
TEST(EdgeWait, GoesWithTheLoop) {
    const auto held = std::make_shared<int>();
    {
        asio::io_context context{1};
        Socket socket{context.get_executor()};
        Socket peer{context.get_executor()};
        asio::local::connect_pair(socket, peer);
        async_edge_wait(socket, [held](error_code) {});
        context.poll(); // the first one is over at once
        socket.cancel();
        context.restart();
        context.poll();
        EXPECT_EQ(held.use_count(), 1);
        async_edge_wait(socket, [held](error_code) { ADD_FAILURE() << "called"; });
        EXPECT_EQ(held.use_count(), 2);
    }
    EXPECT_EQ(held.use_count(), 1);
}

} // namespace
} // namespace bearerd::net
