#include "proof_of_life.hpp"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <chrono>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <optional>
#include <sys/socket.h>
#include <unistd.h>

namespace bearerd::upstream {
namespace {

using namespace std::chrono_literals;

TEST(HeardAgo, IsWhatTheKernelSaysUnlessTheClocksDisagree) {
    struct Row {
        const char* what;
        LineState line;
        Duration idle;
        std::optional<Duration> heard;
    };

    const Row rows[] = {
        {"acknowledged", {true, false, 500ms, 20s}, 20s, 500ms},
        {"the kernel counts more", {true, false, 500ms, 20010ms}, 20s, 500ms},
        {"the machine slept for an hour", {true, false, 500ms, 20s}, 1h + 20s, 1h + 500ms},
        {"the kernel fills in nothing", {true, false, 0ms, 0ms}, 20s, 20s},
        {"the peer has closed", {false, false, 500ms, 20s}, 20s, std::nullopt},
        {"bytes are on their way", {true, true, 500ms, 20s}, 20s, std::nullopt},
    };
    for (const Row& row : rows)
        EXPECT_EQ(heard_ago(row.line, row.idle), row.heard) << row.what;
}

class Pair {
public:
    Pair() {
        const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* any = reinterpret_cast<sockaddr*>(&address);
        EXPECT_EQ(::bind(listener, any, size), 0);
        EXPECT_EQ(::listen(listener, 1), 0);
        EXPECT_EQ(::getsockname(listener, any, &size), 0);
        EXPECT_EQ(::connect(near, any, size), 0);
        far = ::accept(listener, nullptr, nullptr);
        ::close(listener);
    }

    Pair(const Pair&) = delete;
    Pair& operator=(const Pair&) = delete;

    ~Pair() {
        ::close(near);
        if (far >= 0)
            ::close(far);
    }

    [[nodiscard]] int option(int level, int name) const {
        int value = -1;
        socklen_t size = sizeof value;
        EXPECT_EQ(::getsockopt(near, level, name, &value, &size), 0);
        return value;
    }

    int near = ::socket(AF_INET, SOCK_STREAM, 0);
    int far = -1;
};

TEST(Probes, AreSwitchedOnAndOff) {
    const Pair pair;
    start_probes(pair.near, true);
    EXPECT_EQ(pair.option(SOL_SOCKET, SO_KEEPALIVE), 1);
    EXPECT_EQ(pair.option(IPPROTO_TCP, TCP_KEEPIDLE), 1);
    EXPECT_EQ(pair.option(IPPROTO_TCP, TCP_KEEPINTVL), 1);
    stop_probes(pair.near);
    EXPECT_EQ(pair.option(SOL_SOCKET, SO_KEEPALIVE), 0);
    start_probes(pair.near, false);
    EXPECT_EQ(pair.option(SOL_SOCKET, SO_KEEPALIVE), 1);
}

TEST(LineState, SaysWhetherTheConnectionStands) {
    Pair pair;
    const auto line = line_state(pair.near);
    ASSERT_TRUE(line);
    EXPECT_TRUE(line->established);
    EXPECT_FALSE(line->waiting);
    ::close(pair.far);
    pair.far = -1;
    char byte = 0;
    EXPECT_EQ(::recv(pair.near, &byte, 1, 0), 0); // its end has arrived
    const auto ended = line_state(pair.near);
    ASSERT_TRUE(ended);
    EXPECT_FALSE(ended->established);
    EXPECT_FALSE(line_state(-1));
}

} // namespace
} // namespace bearerd::upstream
