#include "ingress.hpp"

#include "support/secrets.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace bearerd::test {
namespace {

const std::string proxy_password = "proxy-secret-7d1f";
const std::string proxy_credentials = "Basic dGlsbDpwcm94eS1zZWNyZXQtN2QxZg=="; // till and the password

/// An HTTP proxy that supports only CONNECT: it answers as configured; after a 200 it is a pair of pipes.
class ConnectProxy {
public:
    explicit ConnectProxy(std::string answer = "HTTP/1.1 200 Connection established\r\nX-Proxy: yes\r\n\r\n")
        : answer_{std::move(answer)}, listener_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        void* raw = &address;
        if (::bind(listener_.descriptor(), static_cast<sockaddr*>(raw), size) != 0 ||
            ::listen(listener_.descriptor(), 64) != 0 ||
            ::getsockname(listener_.descriptor(), static_cast<sockaddr*>(raw), &size) != 0)
            throw std::system_error{errno, std::generic_category(), "the proxy's socket"};
        port_ = ntohs(address.sin_port);
        acceptor_ = std::thread{[this] { accept_loop(); }};
    }

    ConnectProxy(const ConnectProxy&) = delete;
    ConnectProxy& operator=(const ConnectProxy&) = delete;

    ~ConnectProxy() {
        stopping_ = true;
        ::shutdown(listener_.descriptor(), SHUT_RDWR);
        acceptor_.join();
        for (std::thread& worker : workers_)
            worker.join();
    }

    [[nodiscard]] std::uint16_t port() const { return port_; }

    [[nodiscard]] std::vector<std::string> heads() const {
        const std::lock_guard lock{mutex_};
        return heads_;
    }

private:
    void accept_loop() {
        while (!stopping_) {
            const int descriptor = ::accept4(listener_.descriptor(), nullptr, nullptr, SOCK_CLOEXEC);
            if (descriptor < 0)
                continue;
            workers_.emplace_back([this, descriptor] {
                try {
                    serve(Socket{descriptor});
                } catch (const std::exception&) { // either side has closed
                }
            });
        }
    }

    void serve(Socket client) {
        std::string head;
        while (!head.ends_with("\r\n\r\n")) {
            const std::string byte = client.receive_some(1);
            if (byte.empty())
                return;
            head += byte;
        }
        {
            const std::lock_guard lock{mutex_};
            heads_.push_back(head);
        }
        client.send(answer_);
        if (answer_.find(" 200 ") == std::string::npos)
            return;
        const auto end = head.find(' ', 8);
        const auto colon = head.rfind(':', end);
        Socket server = Socket::connect(static_cast<std::uint16_t>(std::stoul(head.substr(colon + 1))));
        std::array<pollfd, 2> ends{pollfd{client.descriptor(), POLLIN, 0},
                                   pollfd{server.descriptor(), POLLIN, 0}};
        while (!stopping_) {
            if (::poll(ends.data(), ends.size(), 50) <= 0)
                continue;
            for (std::size_t i = 0; i < 2; ++i) {
                if (ends[i].revents == 0)
                    continue;
                const std::string piece = (i == 0 ? client : server).receive_some();
                if (piece.empty())
                    return;
                (i == 0 ? server : client).send(piece);
            }
        }
    }

    std::string answer_;
    Socket listener_;
    std::uint16_t port_ = 0;
    std::atomic<bool> stopping_{false};
    mutable std::mutex mutex_;
    std::vector<std::string> heads_;
    std::vector<std::thread> workers_;
    std::thread acceptor_;
};

std::string through(const ConnectProxy& proxy, const std::string& credentials = "") {
    return "{upstream: {proxy: \"http://" + credentials + "127.0.0.1:" + std::to_string(proxy.port()) +
           "\"}}";
}

std::string authority_of(const Simulator& simulator) {
    return simulator.url().substr(8, simulator.url().find("/graphql") - 8);
}

TEST(Outbound, GoesThroughAProxyByConnect) {
    const ConnectProxy proxy;
    const Shop shop{through(proxy, "till:" + proxy_password + "@")};
    EXPECT_EQ(shop.daemon.post(balance_query()).status, 200);
    EXPECT_EQ(shop.daemon.post(redemption("through")).status, 200);
    EXPECT_EQ(shop.simulator.executions("through"), 1U);
    const std::string authority = authority_of(shop.simulator);
    ASSERT_FALSE(proxy.heads().empty());
    for (const std::string& head : proxy.heads()) {
        EXPECT_TRUE(head.starts_with("CONNECT " + authority + " HTTP/1.1\r\nHost: " + authority +
                                     "\r\nUser-Agent: bearerd/"))
            << head;
        EXPECT_TRUE(head.ends_with("\r\nProxy-Authorization: " + proxy_credentials + "\r\n\r\n")) << head;
    }
    for (const auto& request : shop.simulator.requests())
        for (const auto& field : request.at("headers"))
            EXPECT_NE(field.at(0), "Proxy-Authorization");
    expect_no_secrets(shop.daemon.output(), {proxy_password}, "bearerd's output");
}

TEST(Outbound, GoesThroughAProxyWithoutCredentialsToo) {
    const ConnectProxy proxy{"HTTP/1.1 103 Hints\r\n\r\nHTTP/1.0 200 OK\r\n\r\n"};
    const Shop shop{through(proxy)};
    EXPECT_EQ(shop.daemon.post(balance_query()).status, 200);
    ASSERT_FALSE(proxy.heads().empty());
    EXPECT_EQ(proxy.heads().front().find("Proxy-Authorization"), std::string::npos);
}

TEST(Outbound, TellsWhatAProxySays) {
    for (const std::string answer :
         {"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
          "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 2\r\n\r\nno", "HTTP/1.1 403 No\r\n\r\n",
          "garbage\r\n\r\n", "", "HTTP/1.1"}) {
        SCOPED_TRACE(answer);
        const ConnectProxy proxy{answer};
        Shop shop{"{upstream: {proxy: \"http://till:" + proxy_password +
                  "@127.0.0.1:" + std::to_string(proxy.port()) + "\"}}"};
        expect_own_error(shop.daemon.post(redemption("x")), 503, "LOGIN_UNAVAILABLE", "no");
        EXPECT_TRUE(shop.daemon.process().wait_for_line("proxy"));
        EXPECT_EQ(shop.simulator.stat("connections"), 0);
        expect_no_secrets(shop.daemon.output(), {proxy_password}, "bearerd's output");
    }
}

TEST(Outbound, ShowsItsCertificateWhereThatIsConfigured) {
    const CertificateAuthority clients{"clients of the test"};
    const TemporaryDirectory place;
    const Certificate certificate = clients.issue({.names = {"DNS:till-042.example"}});
    const std::string config = "{upstream: {tls: {client_certificate_file: \"" +
                               place.write("client.pem", certificate.pem) + "\", client_key_file: \"" +
                               place.write("client.key", certificate.key_pem) + "\"}}}";
    const std::string ca_file = place.write("clients.pem", clients.pem());
    for (const std::string version : {"1.2", "1.3"}) {
        SCOPED_TRACE(version);
        const Shop shop{config, {"--request-client-certificate", ca_file, "--tls-version", version}};
        EXPECT_EQ(shop.daemon.post(redemption("known")).status, 200);
        EXPECT_GE(shop.simulator.stat("client_certificates"), 1);
        EXPECT_NE(shop.simulator.requests().back().at("client_certificate"), "");
        const Shop without{"", {"--request-client-certificate", ca_file, "--tls-version", version}};
        EXPECT_EQ(without.daemon.post(redemption("unknown")).status, 200);
        EXPECT_EQ(without.simulator.stat("client_certificates"), 0);
    }
}

TEST(Outbound, ExpectsTheNameThatIsConfigured) {
    const CertificateAuthority authority;
    const auto upstream = [&](const std::string& name) {
        return std::make_unique<ScriptedUpstream>(
            authority.issue({.names = {"DNS:" + name}}),
            serve_with(std::string{first_token}, [](const auto&) { return http_answer(some_data); }));
    };
    const auto answer = [&](const std::string& name, const std::string& host) {
        const auto server = upstream(name);
        const Daemon daemon{{.upstream_url = server->url(host),
                             .ca_pem = authority.pem(),
                             .config = "upstream: {tls: {server_name: api.example}}"}};
        return daemon.post(some_query).status;
    };
    EXPECT_EQ(answer("api.example", "127.0.0.1"), 200);
    EXPECT_EQ(answer("api.example", "localhost"), 200);
    EXPECT_EQ(answer("localhost", "localhost"), 503) << "the URL's own name is then not enough";
    EXPECT_EQ(answer("api.example.evil", "localhost"), 503);
}

TEST(Outbound, TrustsOnlyTheCaThatIsConfigured) {
    const Simulator simulator;
    const CertificateAuthority another;
    for (const auto& [ca, status] :
         std::vector<std::pair<std::string, int>>{{simulator.ca_pem(), 200},
                                                  {another.pem(), 503},
                                                  {another.pem() + simulator.ca_pem(), 200},
                                                  {"", 503}}) {
        const Daemon daemon{{.upstream_url = simulator.url(), .ca_pem = ca}};
        EXPECT_EQ(daemon.post(balance_query()).status, status);
    }
}

TEST(Outbound, CarriesTheFieldsThatAreConfigured) {
    Scene scene{[](const UpstreamRequest&) { return http_answer(some_data); },
                "upstream: {headers: {X-Shop: \"42\", User-Agent: till}}"};
    EXPECT_EQ(
        scene.daemon.post(some_mutation, {{"x-shop", "43"}, {"User-Agent", "old"}, {"X-Kept", "yes"}}).body,
        some_data);
    const auto requests = scene.upstream.requests(); // including the login's
    ASSERT_EQ(requests.size(), 2U);
    for (const auto& request : requests) {
        EXPECT_EQ(request.header("X-Shop"), "42");
        EXPECT_EQ(request.header("User-Agent"), "till");
        EXPECT_EQ(std::count_if(
                      request.headers.begin(), request.headers.end(),
                      [](const auto& field) { return field.first == "X-Shop" || field.first == "x-shop"; }),
                  1);
    }
    EXPECT_EQ(requests.back().header("X-Kept"), "yes");
}

} // namespace
} // namespace bearerd::test
