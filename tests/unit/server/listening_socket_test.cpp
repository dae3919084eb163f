#include <bearerd/server/listening_socket.hpp>

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

namespace bearerd::server {
namespace {

config::Address loopback(std::uint16_t port) {
    config::Address address;
    address.kind = config::Address::Kind::tcp;
    address.host = "127.0.0.1";
    address.port = port;
    return address;
}

std::vector<ListeningSocket> open(std::uint16_t port, std::size_t threads) {
    auto result = open_listening(loopback(port), 0600, threads);
    if (const auto* why = std::get_if<std::string>(&result)) {
        ADD_FAILURE() << *why;
        return {};
    }
    return std::move(std::get<std::vector<ListeningSocket>>(result));
}

/// A port that nobody listens on, outside of the range for outgoing connections: a client that tries one of
/// those again and again ends up connected to itself.
std::uint16_t free_port() {
    constexpr std::uint16_t first = 16'000;
    constexpr std::uint16_t count = 4'000;
    static auto next = static_cast<std::uint16_t>(::getpid() % count);
    for (;;) {
        const auto port = static_cast<std::uint16_t>(first + next++ % count);
        if (std::holds_alternative<std::vector<ListeningSocket>>(open_listening(loopback(port), 0600, 1)))
            return port;
    }
}

Descriptor connected_to(std::uint16_t port) {
    Descriptor descriptor{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(descriptor.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        descriptor.reset();
    return descriptor;
}

TEST(ListeningSocket, AnAddressThatIsTakenIsRefusedWhateverTheThreads) {
    for (const std::size_t first : {1U, 2U}) {
        const auto taken = open(0, first);
        ASSERT_EQ(taken.size(), first);
        for (const std::size_t second : {1U, 2U})
            EXPECT_TRUE(
                std::holds_alternative<std::string>(open_listening(loopback(taken[0].port), 0600, second)))
                << first << " thread(s), then " << second;
    }
}

TEST(ListeningSocket, WhoConnectsAsSoonAsThatIsPossibleIsNotResetByTheStart) {
    for (int round = 0; round < 400; ++round) {
        const std::uint16_t port = free_port();
        std::atomic<bool> waiting = false;
        Descriptor client;
        std::thread early{[&client, &waiting, port] {
            while (!client.is_open()) {
                client = connected_to(port);
                waiting = true;
            }
        }};
        while (!waiting)
            std::this_thread::yield();
        const auto sockets = open(port, 2);
        early.join();
        char byte = 0;
        const auto got = ::recv(client.get(), &byte, 1, MSG_DONTWAIT);
        EXPECT_TRUE(got < 0 && errno == EAGAIN) << "round " << round << ": " << got;
    }
}

class SocketModeTest : public testing::Test {
protected:
    SocketModeTest() {
        std::string name = testing::TempDir() + "bearerd-mode-XXXXXX";
        folder = ::mkdtemp(name.data());
    }

    ~SocketModeTest() override { std::filesystem::remove_all(folder); }

    [[nodiscard]] std::string path(const std::string& name) const { return folder + "/" + name; }

    static unsigned mode_of(const std::string& file) {
        struct stat status{};

        EXPECT_EQ(::lstat(file.c_str(), &status), 0);
        return status.st_mode & 07777U;
    }

    std::string folder;
};

TEST_F(SocketModeTest, OfOurSocketIsChanged) {
    config::Address address;
    address.kind = config::Address::Kind::unix_socket;
    address.path = path("socket");
    const auto opened = open_listening(address, 0640, 1);
    ASSERT_TRUE(std::holds_alternative<std::vector<ListeningSocket>>(opened));
    EXPECT_EQ(mode_of(address.path), 0640U);
    EXPECT_FALSE(change_socket_mode(address.path, 0666));
    EXPECT_EQ(mode_of(address.path), 0666U);

    std::filesystem::create_symlink(address.path, path("link"));
    EXPECT_TRUE(change_socket_mode(path("link"), 0600));
    EXPECT_EQ(mode_of(address.path), 0666U) << "a link is not followed, to a socket either";
}

TEST_F(SocketModeTest, IsSetWithoutProcAndWhateverTheUmask) {
    const pid_t child = ::fork();
    if (child == 0) { // the only thread; /proc is not to be seen
        if (::chroot(folder.c_str()) != 0 || ::chdir("/") != 0)
            ::_exit(2);
        ::umask(0077);
        config::Address address;
        address.kind = config::Address::Kind::unix_socket;
        address.path = "/socket";
        const auto opened = open_listening(address, 0666, 1);
        if (std::holds_alternative<std::string>(opened))
            ::_exit(1);
        ::_exit(mode_of("/socket") == 0666U && ::umask(0) == 0077 ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status));
    if (WEXITSTATUS(status) == 2)
        GTEST_SKIP() << "only root may change its root";
    EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(SocketModeTest, OfAnythingElseStays) {
    std::ofstream{path("file")} << "a";
    ::chmod(path("file").c_str(), 0600);
    std::filesystem::create_directory(path("directory"));
    ::chmod(path("directory").c_str(), 0700);
    std::filesystem::create_symlink(path("file"), path("link"));
    for (const char* name : {"file", "directory", "link", "missing"})
        EXPECT_TRUE(change_socket_mode(path(name), 0666)) << name;
    EXPECT_EQ(mode_of(path("file")), 0600U);
    EXPECT_EQ(mode_of(path("directory")), 0700U);
}

} // namespace
} // namespace bearerd::server
