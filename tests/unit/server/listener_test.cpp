#include "fixture.hpp"

#include <bearerd/server/listener.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <filesystem>

namespace bearerd::server::test {
namespace {

config::Address tcp(const std::string& host, std::uint16_t port = 0) {
    return {config::Address::Kind::tcp, host, port, {}};
}

config::Address unix_socket(const std::string& path) {
    return {config::Address::Kind::unix_socket, {}, 0, path};
}

std::vector<ListeningSocket> opened(OpenResult result) {
    if (auto* why = std::get_if<std::string>(&result))
        throw std::runtime_error{*why};
    return std::move(std::get<std::vector<ListeningSocket>>(result));
}

int connect_tcp(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    return descriptor;
}

int connect_unix(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    return descriptor;
}

/// A folder for socket files: their paths are short.
struct Folder {
    Folder() { path = ::mkdtemp(name); }

    ~Folder() { std::filesystem::remove_all(path); }

    [[nodiscard]] std::string file(const char* of) const { return path + "/" + of; }

    char name[32] = "/tmp/bearerd-XXXXXX";
    std::string path;
};

class ListenerTest : public SessionTest {
protected:
    ListenerTest() { limit.most = 8; }

    std::unique_ptr<Listener> listen(ListeningSocket socket) {
        auto listener = std::make_unique<Listener>(context, clock_, group, std::move(socket), header_limit,
                                                   session_context, limit);
        listener->start();
        return listener;
    }

    ClientLimit limit;
};

TEST(ListeningSocket, EachThreadGetsADescriptorOnTheSamePort) {
    const auto sockets = opened(open_listening(tcp("127.0.0.1"), 0, 3));
    ASSERT_EQ(sockets.size(), 3U);
    for (const ListeningSocket& socket : sockets) {
        EXPECT_EQ(socket.port, sockets[0].port);
        EXPECT_EQ(socket.text, "127.0.0.1:" + std::to_string(socket.port));
        EXPECT_EQ(socket.identity.address, "127.0.0.1");
        EXPECT_FALSE(socket.identity.unix_socket);
    }
}

TEST(ListeningSocket, AnAddressInUseIsAnErrorEvenWhereItCouldBeShared) {
    const auto sockets = opened(open_listening(tcp("127.0.0.1"), 0, 2));
    for (const std::size_t threads : {1U, 2U}) {
        const OpenResult again = open_listening(tcp("127.0.0.1", sockets[0].port), 0, threads);
        ASSERT_TRUE(std::holds_alternative<std::string>(again));
        EXPECT_TRUE(holds(std::get<std::string>(again), "127.0.0.1:" + std::to_string(sockets[0].port)));
    }
}

TEST(ListeningSocket, OnAllAddressesItHasNoneOfItsOwn) {
    EXPECT_EQ(opened(open_listening(tcp("0.0.0.0"), 0, 1))[0].identity.address, "");
}

TEST(ListeningSocket, AUnixSocketHasItsModeAndReplacesAStaleFile) {
    const Folder folder;
    const std::string path = folder.file("s");
    static_cast<void>(opened(open_listening(unix_socket(path), 0600, 1)));
    ASSERT_TRUE(std::filesystem::exists(path)); // as after a crash: nobody listens on it
    const auto sockets = opened(open_listening(unix_socket(path), 0660, 2));
    ASSERT_EQ(sockets.size(), 2U);

    struct stat status{};

    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0660U);
    EXPECT_TRUE(sockets[1].identity.unix_socket);
    EXPECT_EQ(sockets[0].file.path, path);
    EXPECT_EQ(sockets[1].file.path, "");
}

TEST(ListeningSocket, ALiveUnixSocketOrAFileOfAnotherKindStays) {
    const Folder folder;
    const auto alive = opened(open_listening(unix_socket(folder.file("s")), 0600, 1));
    EXPECT_TRUE(std::holds_alternative<std::string>(open_listening(unix_socket(folder.file("s")), 0600, 1)));
    std::filesystem::create_directory(folder.file("d"));
    EXPECT_TRUE(std::holds_alternative<std::string>(open_listening(unix_socket(folder.file("d")), 0600, 1)));
    EXPECT_TRUE(std::filesystem::is_directory(folder.file("d")));
    EXPECT_TRUE(std::holds_alternative<std::string>(
        open_listening(unix_socket(folder.file("s") + std::string(120, 'x')), 0600, 1)));
}

TEST_F(ListenerTest, ClientsOverTcpAreServed) {
    auto sockets = opened(open_listening(tcp("127.0.0.1"), 0, 1));
    const std::uint16_t port = sockets[0].port;
    const auto listener = listen(std::move(sockets[0]));
    Client client{connect_tcp(port)};
    EXPECT_EQ(body_of(exchange(client, post("a"))), "POST / a");
    EXPECT_EQ(limit.connected.load(), 1U);
    client.close();
    EXPECT_TRUE(turn_until([&] { return limit.connected == 0; }));
}

TEST_F(ListenerTest, OnAllAddressesTheOneThatTheClientReachedIsAHost) {
    auto sockets = opened(open_listening(tcp("0.0.0.0"), 0, 1));
    const std::uint16_t port = sockets[0].port;
    const auto listener = listen(std::move(sockets[0]));
    Client client{connect_tcp(port)};
    EXPECT_EQ(status_of(exchange(client, "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n")),
              "200");
}

TEST_F(ListenerTest, AUnixClientIsKnownByItsUid) {
    const Folder folder;
    auto sockets = opened(open_listening(unix_socket(folder.file("s")), 0600, 1));
    service->allowed_users = {::getuid()};
    const auto listener = listen(std::move(sockets[0]));
    Client client{connect_unix(folder.file("s"))};
    EXPECT_EQ(status_of(exchange(client, post("a"))), "200");
    service->allowed_users = {::getuid() + 1};
    EXPECT_TRUE(holds(exchange(client, post("a")), "FORBIDDEN_PEER"));
}

TEST_F(ListenerTest, AboveTheLimitAClientIsAnsweredOverloadedAndClosed) {
    limit.most = 1;
    auto sockets = opened(open_listening(tcp("127.0.0.1"), 0, 1));
    const std::uint16_t port = sockets[0].port;
    const auto listener = listen(std::move(sockets[0]));
    Client first{connect_tcp(port)};
    EXPECT_EQ(status_of(exchange(first, post("a"))), "200");
    Client second{connect_tcp(port)};
    EXPECT_TRUE(holds(exchange(second, post("a")), "OVERLOADED"));
    second.shutdown_send();
    EXPECT_TRUE(ends(second));
    first.close();
    EXPECT_TRUE(turn_until([&] { return limit.connected == 0; }));
    Client third{connect_tcp(port)};
    EXPECT_EQ(status_of(exchange(third, post("a"))), "200");
}

TEST_F(ListenerTest, ClientsThatWereInTheQueueWhenItStoppedAreServed) {
    auto sockets = opened(open_listening(tcp("127.0.0.1"), 0, 1));
    const std::uint16_t port = sockets[0].port;
    const auto listener = listen(std::move(sockets[0]));
    Client client{connect_tcp(port)};
    client.send(post("queued"));
    listener->stop();
    group.finish_soon();
    EXPECT_EQ(body_of(answer(client)), "POST / queued");
}

TEST_F(ListenerTest, TheSocketFileGoesWithTheListener) {
    const Folder folder;
    auto sockets = opened(open_listening(unix_socket(folder.file("s")), 0600, 1));
    auto listener = listen(std::move(sockets[0]));
    listener.reset();
    EXPECT_FALSE(std::filesystem::exists(folder.file("s")));
    settle();
}

TEST_F(ListenerTest, ASocketFileThatIsAnotherOnesByNowStays) {
    const Folder folder;
    auto sockets = opened(open_listening(unix_socket(folder.file("s")), 0600, 1));
    auto listener = listen(std::move(sockets[0]));
    std::filesystem::remove(folder.file("s"));
    const auto others = opened(open_listening(unix_socket(folder.file("s")), 0600, 1));
    listener.reset();
    EXPECT_TRUE(std::filesystem::exists(folder.file("s")));
    settle();
}

TEST_F(ListenerTest, AHandedOverSocketIsUsedAsItIs) {
    auto sockets = opened(open_listening(tcp("127.0.0.1"), 0, 1));
    auto adopted = opened(adopt_listening(sockets[0].descriptor.release(), 1));
    EXPECT_EQ(adopted[0].port, sockets[0].port);
    const auto listener = listen(std::move(adopted[0]));
    Client client{connect_tcp(sockets[0].port)};
    EXPECT_EQ(status_of(exchange(client, post("a"))), "200");
}

/// A listening socket as systemd makes them; for IPv6, one for both families.
Descriptor systemd_socket(const char* address, int family) {
    Descriptor descriptor{::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_storage storage{};
    storage.ss_family = static_cast<sa_family_t>(family);
    auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
    const bool is_v4 = family == AF_INET;
    EXPECT_EQ(::inet_pton(family, address, is_v4 ? static_cast<void*>(&v4->sin_addr) : &v6->sin6_addr), 1);
    const int both = 0;
    if (!is_v4)
        ::setsockopt(descriptor.get(), IPPROTO_IPV6, IPV6_V6ONLY, &both, sizeof both);
    const socklen_t size = is_v4 ? sizeof *v4 : sizeof *v6;
    EXPECT_EQ(::bind(descriptor.get(), reinterpret_cast<const sockaddr*>(&storage), size), 0) << address;
    EXPECT_EQ(::listen(descriptor.get(), 16), 0);
    return descriptor;
}

TEST(ListeningSocket, OfAHandedOverOneIsKnownWhoCanReachIt) {
    struct Case {
        const char* bound;
        int family;
        std::string_view identity, place;
        bool remote;
    };

    const Case cases[] = {
        {"127.0.0.1", AF_INET, "127.0.0.1", "127.0.0.1:", false},
        {"127.8.8.8", AF_INET, "127.8.8.8", "127.8.8.8:", false},
        {"0.0.0.0", AF_INET, "", "0.0.0.0:", true},
        {"::1", AF_INET6, "::1", "[::1]:", false},
        {"::", AF_INET6, "", "[::]:", true},
        {"::ffff:127.0.0.1", AF_INET6, "127.0.0.1", "127.0.0.1:", false},
        {"::ffff:0.0.0.0", AF_INET6, "", "0.0.0.0:", true},
    };
    for (const Case& each : cases) {
        SCOPED_TRACE(each.bound);
        const auto sockets = opened(adopt_listening(systemd_socket(each.bound, each.family).release(), 2));
        for (const ListeningSocket& socket : sockets) {
            EXPECT_EQ(socket.identity.address, each.identity);
            EXPECT_EQ(socket.remote, each.remote);
            EXPECT_EQ(socket.text, std::string{each.place} + std::to_string(socket.port));
        }
    }
}

TEST(ListeningSocket, WritesAnIpv4AddressThatIsMappedIntoIpv6AsIpv4) {
    sockaddr_storage storage{};
    storage.ss_family = AF_INET6;
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
    ASSERT_EQ(::inet_pton(AF_INET6, "::ffff:192.0.2.2", &v6->sin6_addr), 1);
    EXPECT_EQ(ip_text(storage), "192.0.2.2");
    ASSERT_EQ(::inet_pton(AF_INET6, "2001:db8::1", &v6->sin6_addr), 1);
    EXPECT_EQ(ip_text(storage), "2001:db8::1");
    storage.ss_family = AF_UNIX;
    EXPECT_EQ(ip_text(storage), "");
}

TEST(ListeningSocket, AHandedOverOneOfAnotherFamilyIsRefused) {
    const int other = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0);
    ASSERT_GE(other, 0);
    EXPECT_TRUE(holds(std::get<std::string>(adopt_listening(other, 1)), "neither TCP nor unix"));
}

TEST(ListeningSocket, AHandedOverDescriptorThatIsNoneIsAnError) {
    EXPECT_TRUE(std::holds_alternative<std::string>(adopt_listening(-1, 1)));
}

} // namespace
} // namespace bearerd::server::test
