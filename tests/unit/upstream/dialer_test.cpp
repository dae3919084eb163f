#include "fixture.hpp"

#include "support/socket.hpp"

namespace bearerd::upstream::test {
namespace {

using bearerd::test::CertificateRequest;

Failure connecting(errc code) {
    return {make_error_code(code), Stage::connecting, false, {}};
}

void expect_same(const Failure& failure, const Failure& expected) {
    EXPECT_EQ(failure.code, expected.code) << failure.detail;
    EXPECT_EQ(failure.stage, expected.stage);
    EXPECT_EQ(failure.reused, expected.reused);
    EXPECT_FALSE(failure.detail.empty());
}

TEST_F(PoolTest, CertificateAndNameAreVerified) {
    CertificateRequest other_name;
    other_name.names = {"DNS:other.example", "IP:127.0.0.1"};
    CertificateRequest expired;
    expired.begins = std::chrono::hours{-48};
    expired.ends = std::chrono::hours{-24};
    const CertificateAuthority stranger{"stranger"};
    for (const auto& certificate :
         {authority.issue(other_name), authority.issue(expired), stranger.issue()}) {
        serve(certificate, echo);
        expect_same(failure_of(outgoing("secret")), connecting(errc::certificate_invalid));
        EXPECT_EQ(health.view().state, Health::View::State::down);
        EXPECT_TRUE(server->requests().empty());
        pool.reset();
    }
}

TEST_F(PoolTest, AnAddressIsVerifiedAsAnAddress) {
    CertificateRequest only_name;
    only_name.names = {"DNS:localhost", "DNS:127.0.0.1"};
    serve(authority.issue(only_name), echo);
    settings.url.host = "127.0.0.1";
    expect_same(failure_of(outgoing("a")), connecting(errc::certificate_invalid));
    pool.reset();
    serve_tls(echo);
    settings.url.host = "127.0.0.1";
    EXPECT_EQ(body_of(outgoing("a")), "a");
}

TEST_F(PoolTest, TheSettingsNameIsVerifiedInsteadOfTheUrls) {
    CertificateRequest other_name;
    other_name.names = {"DNS:other.example"};
    settings.tls.server_name = "other.example";
    serve(authority.issue(other_name), echo);
    EXPECT_EQ(body_of(outgoing("a")), "a");
}

TEST_F(PoolTest, WhatIsNotTlsFailsBeforeAnythingIsSent) {
    serve_plain([](Peer& peer) {
        peer.write("HTTP/1.1 400 Bad Request\r\n\r\n");
        peer.wait_for_end();
    });
    settings.url.tls = true;
    expect_same(failure_of(outgoing("secret")), connecting(errc::tls_failed));
    EXPECT_EQ(server->received().find("secret"), std::string::npos);
}

TEST_F(PoolTest, AHandshakeThatIsNeverAnsweredTimesOut) {
    settings.connect_timeout = 200ms;
    serve_plain([](Peer& peer) { peer.wait_for_end(); });
    settings.url.tls = true;
    expect_same(failure_of(outgoing("a")), connecting(errc::timed_out));
}

TEST_F(PoolTest, AnAddressThatAcceptsNothingIsUnreachable) {
    settings.url.host = "127.0.0.1";
    settings.url.port = bearerd::test::free_port();
    settings.url.tls = false;
    expect_same(failure_of(outgoing("a")), connecting(errc::connect_failed));
    EXPECT_EQ(health.view().last_code, errc::connect_failed);
}

class ProxyTest : public PoolTest {
protected:
    void use_proxy() {
        settings.proxy.emplace();
        settings.proxy->host = "127.0.0.1";
        settings.proxy->port = server->port();
        settings.proxy->user = "till";
        settings.proxy->password = Secret{std::string_view{"open sesame"}};
        settings.url.host = "api.example.com";
        settings.url.port = 8443;
        settings.url.tls = false;
    }
};

TEST_F(ProxyTest, TheUpstreamIsReachedByConnectWithCredentials) {
    serve_plain([](Peer& peer) {
        const auto connect = peer.read();
        EXPECT_EQ(connect.method, "CONNECT");
        EXPECT_EQ(connect.target, "api.example.com:8443");
        EXPECT_TRUE(connect.header("User-Agent").value_or("").starts_with("bearerd/"));
        EXPECT_EQ(connect.header("Proxy-Authorization"), "Basic dGlsbDpvcGVuIHNlc2FtZQ==");
        peer.write("HTTP/1.1 200 Connection established\r\n\r\n");
        echo(peer);
    });
    use_proxy();
    EXPECT_EQ(body_of(outgoing("one")), "one");
    EXPECT_EQ(body_of(outgoing("two")), "two");
    EXPECT_EQ(server->connections(), 1);
    EXPECT_FALSE(server->requests().at(1).header("Proxy-Authorization").has_value());
}

TEST_F(ProxyTest, AProxyThatRefusesSaysWhy) {
    serve_plain([](Peer& peer) {
        static_cast<void>(peer.read());
        peer.write("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n");
        peer.wait_for_end();
    });
    use_proxy();
    const Failure failure = failure_of(outgoing("a"));
    expect_same(failure, connecting(errc::proxy_refused));
    EXPECT_NE(failure.detail.find("407"), std::string::npos);
    EXPECT_EQ(failure.detail.find("sesame"), std::string::npos);
}

TEST_F(ProxyTest, AProxyThatClosesOrTalksNonsenseIsAFailureOfConnecting) {
    for (const std::string answer : {"", "nonsense\n", "nonsense\r\n\r\n"}) {
        serve_plain([answer](Peer& peer) {
            static_cast<void>(peer.read());
            if (!answer.empty())
                peer.write(answer);
        });
        use_proxy();
        const Failure failure = failure_of(outgoing("secret"));
        EXPECT_EQ(failure.stage, Stage::connecting);
        EXPECT_TRUE(failure.code == errc::closed || failure.code == errc::garbled) << failure.detail;
        EXPECT_EQ(server->received().find("secret"), std::string::npos);
        pool.reset();
    }
}

TEST_F(PoolTest, TlsSettingsThatCannotBeUsedAreTold) {
    config::UpstreamTls broken;
    broken.ca_file = folder.write("broken.pem", "no certificate");
    EXPECT_THROW((TlsContext{broken, "localhost"}), std::runtime_error);
    broken = {};
    broken.client_certificate_file = folder.path() / "missing.pem";
    EXPECT_THROW((TlsContext{broken, "localhost"}), std::runtime_error);
}

TEST(InterleaveFamilies, TakeTurnsTheResolversFirstOneFirst) {
    const auto endpoint = [](const char* address) {
        return TcpEndpoint{net::asio::ip::make_address(address), 443};
    };
    const TcpEndpoint a4 = endpoint("192.0.2.1");
    const TcpEndpoint b4 = endpoint("192.0.2.2");
    const TcpEndpoint a6 = endpoint("2001:db8::1");
    const TcpEndpoint b6 = endpoint("2001:db8::2");
    const TcpEndpoint c6 = endpoint("2001:db8::3");
    EXPECT_EQ(interleave_families({}), std::vector<TcpEndpoint>{});
    EXPECT_EQ(interleave_families({a4, b4}), (std::vector<TcpEndpoint>{a4, b4}));
    EXPECT_EQ(interleave_families({a6, b6, c6, a4, b4}), (std::vector<TcpEndpoint>{a6, a4, b6, b4, c6}));
    EXPECT_EQ(interleave_families({a4, a6, b6}), (std::vector<TcpEndpoint>{a4, a6, b6}));
    EXPECT_EQ(interleave_families(std::vector<TcpEndpoint>(40, a4)).size(), 16U);
}

} // namespace
} // namespace bearerd::upstream::test
