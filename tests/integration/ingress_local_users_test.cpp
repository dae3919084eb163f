#include "ingress.hpp"

#include <arpa/inet.h>
#include <filesystem>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

namespace bearerd::test {
namespace {

constexpr uid_t nobody = 65534;

/// A folder that other users may read, for sockets.
class OpenDirectory {
public:
    OpenDirectory() { std::filesystem::permissions(directory_.path(), std::filesystem::perms{0755}); }

    [[nodiscard]] std::string socket() const { return (directory_.path() / "bearerd.sock").string(); }

    [[nodiscard]] const TemporaryDirectory& directory() const { return directory_; }

private:
    TemporaryDirectory directory_;
};

std::string listen_on(const std::vector<std::string>& addresses, const std::string& more = "") {
    return "{listen: {addresses: " + nlohmann::json(addresses).dump() + more + "}}";
}

/// Calls on a thread that is another user: the kernel keeps credentials per thread, only libc hides that.
template<class Call>
auto as_user(uid_t user, Call call) {
    decltype(call()) result{};
    std::thread{[&] {
        if (user != ::getuid() && ::syscall(SYS_setresuid, user, user, user) != 0)
            throw std::system_error{errno, std::generic_category(), "setresuid"};
        result = call();
    }}.join();
    return result;
}

HttpResponse post_over(const std::string& path, const Headers& headers = {}) {
    return HttpClient{Socket::connect_unix(path)}.post(balance_query(), headers);
}

/// Leaves a socket file without a listener, as a killed process does.
void leave_stale_socket(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    const Socket left{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const void* raw = &address;
    ASSERT_EQ(::bind(left.descriptor(), static_cast<const sockaddr*>(raw), sizeof address), 0);
}

bool has_ipv6() {
    const Socket socket{::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_addr = in6addr_loopback;
    const void* raw = &address;
    return ::bind(socket.descriptor(), static_cast<const sockaddr*>(raw), sizeof address) == 0;
}

Socket connect_ipv6(std::uint16_t port) {
    Socket socket{::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_addr = in6addr_loopback;
    address.sin6_port = htons(port);
    const void* raw = &address;
    if (::connect(socket.descriptor(), static_cast<const sockaddr*>(raw), sizeof address) != 0)
        throw std::system_error{errno, std::generic_category(), "connect to ::1"};
    return socket;
}

TEST(LocalUsers, ReachAUnixSocketByItsMode) {
    const OpenDirectory place;
    const std::string path = place.socket();
    {
        Shop shop{listen_on({"unix:" + path}, ", unix_mode: \"0666\"")};

        struct stat status{};

        ASSERT_EQ(::stat(path.c_str(), &status), 0);
        EXPECT_TRUE(S_ISSOCK(status.st_mode));
        EXPECT_EQ(status.st_mode & 07777U, 0666U);
        shop.daemon.write_config(listen_on({"unix:" + path}, ", unix_mode: \"0600\""));
        shop.daemon.process().signal(SIGHUP);
        ASSERT_TRUE(shop.daemon.process().wait_for_line("configuration reloaded"));
        ASSERT_EQ(::stat(path.c_str(), &status), 0);
        EXPECT_EQ(status.st_mode & 07777U, 0600U) << "and the same socket still";
        EXPECT_EQ(post_over(path).status, 200);
        for (const std::string host : {"anything.example", "", "bearerd"}) // no browser speaks to it
            EXPECT_EQ(post_over(path, {{"Host", host}}).status, 200) << host;
        expect_own_error(post_over(path, {{"Origin", "http://evil.example"}}), 403, "FORBIDDEN_ORIGIN", "no");
        const auto connect_failure = [&] {
            try {
                (void)Socket::connect_unix(path);
                return 0;
            } catch (const std::system_error& failure) {
                return failure.code().value();
            }
        };
        if (::getuid() == 0) {
            EXPECT_EQ(as_user(nobody, connect_failure), EACCES);
        }
    }
    EXPECT_FALSE(std::filesystem::exists(path)) << "it is to go with the daemon";
    const Shop shop{listen_on({"unix:" + path})};

    struct stat status{};

    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777U, 0660U);
}

TEST(LocalUsers, AreJudgedByWhoTheyAreWhereThatIsAsked) {
    const OpenDirectory place;
    const std::string path = place.socket();
    const auto config = [&](const std::string& users) {
        return "{listen: {addresses: [\"unix:" + path +
               "\"], unix_mode: \"0666\"}, threads: 2, access: {allowed_users: " + users + "}}";
    };
    const uid_t self = ::getuid();
    {
        const Shop shop{config("[" + std::to_string(self) + "]")};
        EXPECT_EQ(post_over(path).status, 200);
        if (self == 0) {
            for (int i = 0; i < 4; ++i)
                expect_own_error(as_user(nobody, [&] { return post_over(path); }), 403, "FORBIDDEN_PEER",
                                 "no");
            EXPECT_EQ(shop.requests(), 1);
            EXPECT_TRUE(shop.daemon.wait_for_metric(refused_metric("forbidden_peer"), 4));
        }
    }
    {
        const Shop shop{config("[" + std::to_string(self + 1) + "]")};
        HttpClient client{Socket::connect_unix(path)};
        expect_own_error(client.post(redemption("x")), 403, "FORBIDDEN_PEER", "no");
        EXPECT_TRUE(client.ended());
        EXPECT_EQ(shop.requests(), 0);
    }
    if (self != 0)
        return;
    const Shop shop{config("[root, nobody]")};
    EXPECT_EQ(post_over(path).status, 200);
    EXPECT_EQ(as_user(nobody, [&] { return post_over(path); }).status, 200);
    expect_own_error(as_user(1, [&] { return post_over(path); }), 403, "FORBIDDEN_PEER", "no");
}

TEST(LocalUsers, FindASocketWhereAKilledDaemonLeftOne) {
    const OpenDirectory place;
    const std::string path = place.socket();
    ASSERT_NO_FATAL_FAILURE(leave_stale_socket(path));
    ASSERT_TRUE(std::filesystem::exists(path));
    const Shop shop{listen_on({"unix:" + path})};
    EXPECT_EQ(post_over(path).status, 200);
}

TEST(LocalUsers, KeepTheDaemonThatIsThere) {
    const OpenDirectory place;
    const std::string path = place.socket();
    const std::uint16_t port = free_port();
    const Shop shop{listen_on({"unix:" + path, "127.0.0.1:" + std::to_string(port)})};
    for (const std::string& address : {"unix:" + path, "127.0.0.1:" + std::to_string(port)}) {
        const std::string config = place.directory().write(
            "second.yaml", "{listen: {addresses: [\"" + address +
                               "\"]}, admin: {address: \"off\"}, upstream: {url: " +
                               "\"http://127.0.0.1:1/\"}, credentials: {username: a, password: b}}");
        const Finished second = run_bearerd({"run", "--config", config});
        EXPECT_EQ(second.exit.code, 1) << second.output;
        EXPECT_NE(second.output.find(address), std::string::npos) << second.output;
    }
    EXPECT_EQ(post_over(path).status, 200);
    EXPECT_EQ(HttpClient{port}.post(balance_query()).status, 200);
}

TEST(LocalUsers, LoseNoFileThatIsNoSocket) {
    const OpenDirectory place;
    const std::string path = place.directory().write("bearerd.sock", "somebody's");
    const std::string config = place.directory().write(
        "config.yaml", "{listen: {addresses: [\"unix:" + path +
                           "\"]}, admin: {address: \"off\"}, upstream: {url: " +
                           "\"http://127.0.0.1:1/\"}, credentials: {username: a, password: b}}");
    const Finished finished = run_bearerd({"run", "--config", config});
    EXPECT_EQ(finished.exit.code, 1) << finished.output;
    EXPECT_EQ(read_file(path), "somebody's");
}

TEST(LocalUsers, MayUseSeveralAddressesAtOnce) {
    const OpenDirectory place;
    std::vector<std::uint16_t> ports{free_port(), free_port(), free_port()};
    const auto tcp = [&](std::size_t i, const std::string& host) {
        return host + ":" + std::to_string(ports[i]);
    };
    std::vector<std::string> addresses{tcp(0, "127.0.0.1"), tcp(1, "127.0.0.1"), "unix:" + place.socket()};
    const bool ipv6 = has_ipv6();
    if (ipv6)
        addresses.push_back(tcp(2, "[::1]"));
    const Shop shop{listen_on(addresses)};
    for (int round = 0; round < 3; ++round) {
        EXPECT_EQ(HttpClient{ports[0]}.post(balance_query()).status, 200);
        EXPECT_EQ(HttpClient{ports[1]}.post(balance_query()).status, 200);
        EXPECT_EQ(post_over(place.socket()).status, 200);
        if (!ipv6)
            continue;
        HttpClient six{connect_ipv6(ports[2]), tcp(2, "[::1]")};
        EXPECT_EQ(six.post(balance_query()).status, 200);
        expect_own_error(six.post(balance_query(), {{"Host", "[2001:db8::1]"}}), 403, "FORBIDDEN_HOST", "no");
    }
    EXPECT_EQ(shop.requests(), ipv6 ? 12 : 9);
    if (!ipv6)
        GTEST_SKIP() << "this machine has no ::1; the rest holds";
}

TEST(LocalUsers, AreTheOnlyOnesUnlessItIsSaidOtherwise) {
    const TemporaryDirectory place;
    const auto config = [&](const std::string& address, const std::string& access) {
        return place.write("config.yaml",
                           "{listen: {addresses: [\"" + address + "\"]}, access: {" + access +
                               "}, admin: {address: \"off\"}, upstream: {url: " +
                               "\"http://127.0.0.1:1/\"}, credentials: {username: a, password: b}}");
    };
    for (const std::string address :
         {"0.0.0.0:8080", "[::]:8080", "192.0.2.1:8080", "[2001:db8::1]:8080", "[::ffff:192.0.2.1]:8080"}) {
        SCOPED_TRACE(address);
        for (const std::string command : {"run", "check"}) {
            const Finished refused = run_bearerd({command, "--config", config(address, "")});
            EXPECT_EQ(refused.exit.code, 78) << refused.output;
            EXPECT_NE(refused.output.find("access.allow_remote"), std::string::npos) << refused.output;
        }
        EXPECT_EQ(run_bearerd({"check", "--config", config(address, "allow_remote: true")}).exit.code, 0);
    }
}

TEST(LocalUsers, AndOthersNameTheAddressTheyReached) {
    const std::uint16_t port = free_port();
    const Shop shop{"{listen: {addresses: [\"0.0.0.0:" + std::to_string(port) +
                    "\"]}, access: {allow_remote: true, allowed_hosts: [pos.lan]}}"};
    for (const std::string host : {"127.0.0.1", "localhost", "pos.lan:1"})
        EXPECT_EQ(HttpClient{port}.post(balance_query(), {{"Host", host}}).status, 200) << host;
    for (const std::string host : {"0.0.0.0", "192.0.2.1", "evil.example"})
        expect_own_error(HttpClient{port}.post(balance_query(), {{"Host", host}}), 403, "FORBIDDEN_HOST",
                         "no");
}

} // namespace
} // namespace bearerd::test
