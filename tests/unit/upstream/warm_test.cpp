#include "fixture.hpp"

#include <bearerd/upstream/idle_limit.hpp>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>

namespace bearerd::upstream::test {
namespace {

/// A pool that may make connections ahead, as a worker's does.
class WarmTest : public PoolTest {
protected:
    WarmTest() {
        settings.reuse_for_mutations = 2s;
        settings.idle_timeout = 30s;
    }

    ~WarmTest() override {
        if (warm) {
            warm->stop();
            EXPECT_TRUE(turn_until([this] { return warm->quiet(); }));
            warm.reset();
        }
    }

    void make_pool(bool at_once) {
        tls = settings.url.tls ? std::make_unique<TlsContext>(settings.tls, settings.url.host) : nullptr;
        warm =
            std::make_shared<Pool>(context, clock, settings, tls.get(), share, most_waiting, stats, health);
        warm->keep_warm(warm, at_once);
    }

    std::string body_of_warm(const OutgoingRequest& request) {
        auto result = std::move(*bearerd::test::run_task(context, boxed(*warm, request)));
        auto* exchange = std::get_if<ExchangePtr>(&result);
        return exchange == nullptr ? "failed: " + std::get<Failure>(result).detail
                                   : std::string{(*exchange)->body()};
    }

    [[nodiscard]] IdleLimits::Address address() const {
        return {net::asio::ip::make_address("127.0.0.1"), server->port()};
    }

    [[nodiscard]] KnownLimit known(IdleKind kind) const {
        return health.idle_limits().known(address(), kind, BootClock::now());
    }

    std::shared_ptr<Pool> warm;
};

TEST_F(WarmTest, AConnectionIsReadyAfterTheStart) {
    serve_tls(echo);
    make_pool(true);
    ASSERT_TRUE(turn_until([this] { return stats.upstream_warm.get() == 1; }));
    EXPECT_EQ(stats.upstream_idle.get(), 1);
    EXPECT_EQ(stats.warm_dials[WarmDial::ok].get(), 1U);
    EXPECT_EQ(body_of_warm(outgoing("one")), "one");
    EXPECT_EQ(server->connections(), 1) << "the request used it";
}

TEST_F(WarmTest, NothingIsMadeAheadBeforeTheFirstRequestUnlessAtOnce) {
    serve_plain(echo);
    make_pool(false);
    bearerd::test::settle(context);
    EXPECT_EQ(body_of_warm(outgoing("one")), "one");
    EXPECT_TRUE(turn_until([this] { return stats.upstream_warm.get() == 1; }));
    EXPECT_GE(server->connections(), 1);
}

TEST_F(WarmTest, WhenTheUpstreamEndsItIsLearned) {
    serve_plain([](Peer& peer) {
        if (peer.number() == 1)
            return; // closes
        echo(peer);
    });
    make_pool(true);
    ASSERT_TRUE(turn_until([this] { return stats.warm_dials[WarmDial::ok].get() == 1; }));
    ASSERT_TRUE(turn_until([this] { return known(IdleKind::unused).closes_at.has_value(); }));
    EXPECT_FALSE(known(IdleKind::used).closes_at) << "that one had carried no request";
}

/// A port to which nothing listens, while this lives.
class ClosedPort {
public:
    ClosedPort() {
        acceptor_.open(net::asio::ip::tcp::v4());
        acceptor_.bind({net::asio::ip::make_address("127.0.0.1"), 0});
    }

    [[nodiscard]] std::uint16_t number() const { return acceptor_.local_endpoint().port(); }

private:
    net::asio::io_context context_;
    net::asio::ip::tcp::acceptor acceptor_{context_};
};

/// It is replaced at 0.75 to 0.9 of `reuse_for_mutations`, so this takes its time.
TEST_F(WarmTest, TheOnlyPlaceKeepsItsConnectionUntilTheNextOneIsThere) {
    const ClosedPort closed;
    settings.reuse_for_mutations = 1200ms;
    share = 1;
    serve_plain(echo);
    make_pool(true);
    ASSERT_TRUE(turn_until([this] { return stats.upstream_warm.get() == 1; }));
    settings.url.port = closed.number();
    ASSERT_TRUE(turn_until([this] { return stats.warm_dials[WarmDial::failed].get() == 1; }));
    EXPECT_EQ(stats.upstream_idle.get(), 1) << "its successor could not be made";
    EXPECT_EQ(body_of_warm(outgoing("query", false)), "query");
    EXPECT_EQ(server->connections(), 1);
    settings.url.port = server->port();
    ASSERT_TRUE(turn_until([this] { return stats.warm_dials[WarmDial::ok].get() == 2; }));
    EXPECT_EQ(stats.upstream_idle.get(), 1) << "the former one has left its place";
    EXPECT_TRUE(server->wait_for_connections(2));
}

TEST_F(WarmTest, NothingIsMadeAheadIfThatIsTurnedOffOrOfNoUse) {
    serve_plain(echo);
    for (const int row : {0, 1, 2}) {
        settings.keep_warm.connections = row == 0 ? 0 : 1;
        settings.reuse_for_mutations = row == 1 ? Duration{0} : Duration{2s};
        settings.proxy.reset();
        if (row == 2)
            settings.proxy.emplace();
        make_pool(true);
        EXPECT_TRUE(warm->quiet());
        EXPECT_FALSE(health.keeps_warm(warm.get())) << row;
        warm->stop();
    }
}

TEST_F(WarmTest, AfterAStopOrForALoginAloneNothingIsMadeAhead) {
    serve_plain(echo);
    make_pool(false);
    OutgoingRequest login = outgoing("login");
    login.beyond_limit = true;
    EXPECT_EQ(body_of_warm(login), "login");
    EXPECT_FALSE(health.keeps_warm(warm.get()));
    warm->stop_keeping_warm();
    EXPECT_EQ(body_of_warm(outgoing("one")), "one");
    EXPECT_FALSE(health.keeps_warm(warm.get()));
}

TEST_F(WarmTest, TheThreadThatSentLastKeepsIt) {
    serve_plain(echo);
    make_pool(true);
    EXPECT_TRUE(health.keeps_warm(warm.get()));
    auto other =
        std::make_shared<Pool>(context, clock, settings, nullptr, share, most_waiting, stats, health);
    other->keep_warm(other, true);
    EXPECT_FALSE(health.keeps_warm(warm.get()));
    EXPECT_TRUE(turn_until([this] { return stats.upstream_warm.get() == 1; }));
    EXPECT_EQ(server->connections(), 1) << "one for both";
    other->stop();
    EXPECT_TRUE(turn_until([&] { return other->quiet(); }));
}

TEST_F(PoolTest, WhatTheUpstreamTellsOfIdleConnectionsIsKept) {
    serve_plain([](Peer& peer) {
        while (true) {
            const std::string body = peer.read().body;
            peer.write("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) +
                       "\r\nConnection: keep-alive\r\nKeep-Alive: timeout=7, max=100\r\n\r\n" + body);
        }
    });
    EXPECT_EQ(body_of(outgoing("one")), "one");
    const IdleLimits::Address address{net::asio::ip::make_address("127.0.0.1"), server->port()};
    EXPECT_EQ(health.idle_limits().known(address, IdleKind::used, BootClock::now()).closes_at, 7s);
}

TEST_F(PoolTest, AMutationTakesANewConnectionIfTheUpstreamClosesThemAtOnce) {
    serve_plain(echo);
    EXPECT_EQ(body_of(outgoing("one")), "one");
    const IdleLimits::Address address{net::asio::ip::make_address("127.0.0.1"), server->port()};
    health.idle_limits().told(address, 0s, BootClock::now());
    EXPECT_EQ(body_of(outgoing("two")), "two");
    EXPECT_EQ(server->connections(), 2);
    EXPECT_EQ(body_of(outgoing("query", false)), "query");
    EXPECT_EQ(server->connections(), 2) << "a query may use what is there";
}

/// The kernel's probes go out once a second, so this takes its time.
TEST_F(PoolTest, AMutationUsesAnIdleConnectionWhosePeerWasHeard) {
    settings.reuse_for_mutations = 1500ms;
    serve_tls(echo);
    EXPECT_EQ(body_of(outgoing("one")), "one");
    for (const char* literal : {"127.0.0.1", "::1"})
        health.idle_limits().told({net::asio::ip::make_address(literal), server->port()}, 1h,
                                  BootClock::now());
    const TimePoint used = BootClock::now();
    ASSERT_TRUE(turn_until([&] { return BootClock::now() > used + 2s; }));
    EXPECT_EQ(body_of(outgoing("two")), "two");
    EXPECT_EQ(server->connections(), 1);
}

} // namespace
} // namespace bearerd::upstream::test
