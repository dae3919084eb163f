#include "local_http.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <thread>

namespace bearerd::app {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using Local = asio::local::stream_protocol;

config::Address tcp_address(std::uint16_t port) {
    return {config::Address::Kind::tcp, "localhost", port, {}};
}

/// What `get_local` makes of one connection that is answered with `bytes` and closed; the failure's reason in
/// brackets.
template<typename Protocol>
std::string ask(asio::basic_socket_acceptor<Protocol>& acceptor, const config::Address& address,
                const std::string& bytes, std::string& request) {
    std::thread server{[&acceptor, &bytes, &request] {
        auto socket = acceptor.accept();
        asio::read_until(socket, asio::dynamic_buffer(request), "\r\n\r\n");
        boost::system::error_code ignored; // a client that has read enough closes first
        asio::write(socket, asio::buffer(bytes), ignored);
    }};
    const auto answer = get_local(address, "/status.json");
    server.join();
    const auto* failure = std::get_if<LocalFailure>(&answer);
    return failure != nullptr ? "[" + failure->reason + "]" : std::get<std::string>(answer);
}

TEST(LocalHttp, GivesTheBodyOrSaysWhyThereIsNone) {
    asio::io_context io;
    tcp::acceptor acceptor{io, {asio::ip::address_v4::loopback(), 0}};
    const std::string head = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
    const std::size_t limit = 1 << 20;
    const std::string longest(limit - head.size(), 'x');
    const std::pair<std::string, std::string> cases[] = {
        {head + "{}", "{}"},
        {head, ""},
        {head + longest, longest},
        {head + longest + "x", "[the answer is larger than 1 MiB]"},
        {"HTTP/1.0 403 Forbidden\r\n\r\n{}", "[the answer is 403 Forbidden]"},
        {"HTTP/1.1 200 OK\r\n", "[what listens there does not speak HTTP]"},
        {"SSH-2.0-OpenSSH\r\n\r\n", "[what listens there does not speak HTTP]"},
        {"", "[what listens there does not speak HTTP]"},
    };
    for (const auto& [bytes, expected] : cases) {
        std::string request;
        EXPECT_EQ(ask(acceptor, tcp_address(acceptor.local_endpoint().port()), bytes, request), expected);
        EXPECT_EQ(request, "GET /status.json HTTP/1.0\r\nHost: localhost\r\n\r\n");
    }
}

TEST(LocalHttp, AsksOverAUnixSocketToo) {
    std::string folder = (std::filesystem::temp_directory_path() / "bearerd-XXXXXX").string();
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    const std::string path = folder + "/admin.sock";
    {
        asio::io_context io;
        Local::acceptor acceptor{io, Local::endpoint{path}};
        std::string request;
        EXPECT_EQ(ask(acceptor, {config::Address::Kind::unix_socket, {}, 0, path},
                      "HTTP/1.1 200 OK\r\n\r\nbody", request),
                  "body");
    }
    std::filesystem::remove_all(folder);
}

TEST(LocalHttp, SaysWhyThereIsNoConnection) {
    asio::io_context io;
    tcp::acceptor bound{io}; // holds a port at which nobody listens
    bound.open(tcp::v4());
    bound.bind({asio::ip::address_v4::loopback(), 0});
    const std::pair<config::Address, std::string> cases[] = {
        {tcp_address(bound.local_endpoint().port()), "Connection refused"},
        {{config::Address::Kind::unix_socket, {}, 0, "/nonexistent/x"}, "No such file or directory"},
        {{config::Address::Kind::unix_socket, {}, 0, std::string(200, 'x')},
         "the address can't be used: File name too long"},
        {{config::Address::Kind::tcp, "not-a-literal", 1, {}}, "the address can't be used: Invalid argument"},
    };
    for (const auto& [address, expected] : cases) {
        const auto answer = get_local(address, "/");
        ASSERT_TRUE(std::holds_alternative<LocalFailure>(answer)) << expected;
        EXPECT_EQ(std::get<LocalFailure>(answer).reason, expected);
    }
}

} // namespace
} // namespace bearerd::app
