#include "fixture.hpp"

#include "support/socket.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <atomic>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <set>
#include <string_view>
#include <vector>

#include <sys/stat.h>

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

// Of the first row the test server sends no intermediate, as many servers don't.
TEST_F(PoolTest, WhateverCertificateStandsInTheCaFileIsTrustedForItsNameOnly) {
    const CertificateAuthority intermediate{"intermediate", authority};
    CertificateRequest self_signed;
    self_signed.self_signed = true;
    CertificateRequest other_name;
    other_name.names = {"DNS:other.example"};
    const auto own = authority.issue();
    const auto alone = authority.issue(self_signed);
    const auto foreign = authority.issue(other_name);

    struct Case {
        const std::string& trusted;
        const bearerd::test::Certificate certificate;
        bool accepted;
    };

    const Case cases[] = {
        {intermediate.pem(), intermediate.issue(), true},
        {own.pem, own, true},
        {alone.pem, alone, true},
        {foreign.pem, foreign, false},
        {own.pem, authority.issue(), false},
        {intermediate.pem(), own, false},
    };
    for (const Case& c : cases) {
        settings.tls.ca_file = folder.write("trusted.pem", c.trusted);
        serve(c.certificate, echo);
        if (c.accepted)
            EXPECT_EQ(body_of(outgoing("a")), "a");
        else
            expect_same(failure_of(outgoing("a")), connecting(errc::certificate_invalid));
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

// RFC 9110, section 9.3.6: a 2xx to CONNECT has no body, whatever its fields say.
TEST_F(ProxyTest, OfAProxysAnswerOnlyTheStatusCounts) {
    for (const std::string answer :
         {"\r\nHTTP/1.1 200 OK\r\n\r\n", "HTTP/1.0 200\n\n", "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n",
          "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 299 \r\nno field\r\n\r\n",
          "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"}) {
        serve_plain([answer](Peer& peer) {
            static_cast<void>(peer.read());
            peer.write(answer);
            echo(peer);
        });
        use_proxy();
        EXPECT_EQ(body_of(outgoing("one")), "one") << answer;
        pool.reset();
    }
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

TEST_F(ProxyTest, AProxyThatNeverStopsSayingContinueIsGivenUp) {
    std::string much;
    for (int i = 0; i < 1000; ++i)
        much += "HTTP/1.1 100 X\r\n\r\n";
    serve_plain([much](Peer& peer) { // a copy: the server's thread outlives this body
        static_cast<void>(peer.read());
        while (true)
            peer.write(much);
    });
    use_proxy();
    expect_same(failure_of(outgoing("a")), connecting(errc::too_large));
}

TEST_F(PoolTest, TlsSettingsThatCannotBeUsedAreTold) {
    config::UpstreamTls broken;
    broken.ca_file = folder.write("broken.pem", "no certificate");
    EXPECT_THROW((TlsContext{broken, "localhost"}), std::runtime_error);
    broken = {};
    broken.client_certificate_file = folder.path() / "missing.pem";
    EXPECT_THROW((TlsContext{broken, "localhost"}), std::runtime_error);
}

TEST_F(PoolTest, EachTlsFileThatCannotBeUsedIsReported) {
    const std::string words = folder.write("words.pem", "no certificate");
    const std::string missing = folder.path() / "missing.pem";
    const std::string certificate = folder.write("client.pem", authority.issue().pem);
    const std::string other_key = folder.write("other.key", authority.issue().key_pem);
    const std::string pipe = folder.path() / "pipe"; // without a writer
    ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);

    struct Case {
        const char* what;
        std::string ca, certificate, key;
        std::vector<std::string> keys;
    };

    const Case cases[] = {
        {"all three", words, missing, missing, {"ca_file", "client_certificate_file", "client_key_file"}},
        {"both of the client's", "", words, words, {"client_certificate_file", "client_key_file"}},
        {"the authority and the key", missing, certificate, missing, {"ca_file", "client_key_file"}},
        {"a key that does not fit", "", certificate, other_key, {"client_key_file"}},
        {"a key beside no certificate", "", missing, other_key, {"client_certificate_file"}},
        {"pipes", pipe, pipe, pipe, {"ca_file", "client_certificate_file", "client_key_file"}},
        {"a pipe beside a certificate", "", certificate, pipe, {"client_key_file"}},
        {"a pipe beside none", "", missing, pipe, {"client_certificate_file", "client_key_file"}},
    };
    for (const Case& c : cases) {
        config::UpstreamTls broken;
        broken.ca_file = c.ca;
        broken.client_certificate_file = c.certificate;
        broken.client_key_file = c.key;
        std::vector<std::string> keys;
        try {
            const TlsContext unusable{broken, "localhost"};
        } catch (const TlsFileError& error) {
            for (const std::string& sentence : error.sentences()) {
                EXPECT_NE(std::string{error.what()}.find(sentence), std::string::npos);
                constexpr std::size_t prefix = std::string_view{"upstream.tls."}.size();
                keys.push_back(sentence.substr(prefix, sentence.find(':') - prefix));
            }
        }
        EXPECT_EQ(keys, c.keys) << c.what;
    }
}

/// What a test says of the names; called on threads of the dialer's own.
class Names {
public:
    /// Each look-up from now on hangs until release().
    void hang() { set(true); }

    void release() {
        set(false);
        hang_in({});
    }

    /// Of the look-ups, counted from 1, these hang; any others go on.
    void hang_in(std::set<int> numbers) {
        const std::lock_guard lock{mutex_};
        hanging_numbers_ = std::move(numbers);
        changed_.notify_all();
    }

    [[nodiscard]] bool signals_were_blocked() {
        const std::lock_guard lock{mutex_};
        return signals_were_blocked_;
    }

    void answer(std::vector<TcpEndpoint> endpoints) {
        const std::lock_guard lock{mutex_};
        endpoints_ = std::move(endpoints);
    }

    [[nodiscard]] int asked() {
        const std::lock_guard lock{mutex_};
        return asked_;
    }

    Resolved resolve() {
        std::unique_lock lock{mutex_};
        const int number = ++asked_;
        sigset_t blocked;
        ::pthread_sigmask(SIG_BLOCK, nullptr, &blocked);
        signals_were_blocked_ = ::sigismember(&blocked, SIGTERM) == 1 && ::sigismember(&blocked, SIGHUP) == 1;
        changed_.wait(lock, [&] { return !hanging_ && !hanging_numbers_.contains(number); });
        Resolved resolved;
        resolved.endpoints = endpoints_;
        if (endpoints_.empty())
            resolved.code = net::asio::error::host_not_found_try_again;
        return resolved;
    }

private:
    void set(bool hanging) {
        const std::lock_guard lock{mutex_};
        hanging_ = hanging;
        changed_.notify_all();
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    bool hanging_ = false;
    std::set<int> hanging_numbers_;
    bool signals_were_blocked_ = false;
    int asked_ = 0;
    std::vector<TcpEndpoint> endpoints_;
};

/// A dialer without a pool, whose name server the test plays.
class DialerTest : public PoolTest {
protected:
    ~DialerTest() override {
        names->release();
        if (dialer) {
            dialer->stop();
            settle();
        }
    }

    static TcpEndpoint local(std::uint16_t port) {
        return TcpEndpoint{net::asio::ip::make_address("127.0.0.1"), port};
    }

    Dialer& the_dialer() {
        if (!dialer) {
            if (settings.url.tls)
                tls = std::make_unique<TlsContext>(settings.tls, settings.url.host);
            dialer = std::make_unique<Dialer>(
                context, clock, settings, tls.get(),
                [names = names](const std::string&, std::uint16_t) { return names->resolve(); });
        }
        return *dialer;
    }

    static net::Task<std::unique_ptr<DialResult>> boxed_dial(Dialer& by) {
        auto result = co_await by.dial(TimePoint::max());
        co_return std::make_unique<DialResult>(std::move(result));
    }

    /// The port that was connected to; 0 if that failed.
    int dialed_port() {
        const auto result = bearerd::test::run_task(context, boxed_dial(the_dialer()));
        const auto* dialed = std::get_if<Dialed>(result.get());
        return dialed != nullptr ? dialed->socket.remote_endpoint().port() : 0;
    }

    struct Dialing {
        bool ended = false;
        bool dialed = false;
        bool threw = false;
    };

    /// A dial that goes on while the loop turns.
    std::shared_ptr<Dialing> start_dial(net::asio::cancellation_slot slot = {}) {
        auto dialing = std::make_shared<Dialing>();
        const auto on_end = [dialing](const std::exception_ptr& thrown, std::unique_ptr<DialResult> result) {
            dialing->ended = true;
            dialing->threw = thrown != nullptr;
            dialing->dialed = result && std::holds_alternative<Dialed>(*result);
        };
        net::asio::co_spawn(context.get_executor(), boxed_dial(the_dialer()),
                            net::asio::bind_cancellation_slot(slot, on_end));
        return dialing;
    }

    std::shared_ptr<Names> names = std::make_shared<Names>();
    std::unique_ptr<Dialer> dialer;
};

TEST_F(DialerTest, AnAddressThatIsSilentInTlsDoesNotHoldUpTheNextAndTheOneThatServedIsFirstThen) {
    ScriptedUpstream silent{std::nullopt, [](Peer& peer) { peer.wait_for_end(); }};
    serve_tls(echo);
    names->answer({local(silent.port()), local(server->port())});
    EXPECT_EQ(dialed_port(), server->port());
    EXPECT_EQ(silent.connections(), 1);
    EXPECT_EQ(dialed_port(), server->port());
    EXPECT_EQ(silent.connections(), 1);
}

TEST_F(DialerTest, AFaultInTlsTellsMoreThanARefusedConnection) {
    const CertificateAuthority stranger{"stranger"};
    serve(stranger.issue(), echo);
    names->answer({local(server->port()), local(bearerd::test::free_port())});
    const auto result = bearerd::test::run_task(context, boxed_dial(the_dialer()));
    ASSERT_TRUE(std::holds_alternative<Failure>(*result));
    EXPECT_EQ(std::get<Failure>(*result).code, errc::certificate_invalid);
}

TEST_F(DialerTest, AddressesThatAreLookedUpMeanwhileJoinTheRace) {
    serve_plain(echo);
    settings.url.host = "api.example.com";
    const auto port = server->port();
    names->answer({local(port)});
    EXPECT_EQ(dialed_port(), port);
    // A failed dial makes what is known stale.
    names->hang();
    server.reset();
    EXPECT_EQ(dialed_port(), 0);
    ScriptedUpstream moved{std::nullopt, echo};
    names->answer({local(moved.port())});
    const auto dialing = start_dial();
    EXPECT_TRUE(turn_until([&] { return names->asked() == 2; }));
    names->release(); // its addresses join the race that is under way
    EXPECT_TRUE(turn_until([&] { return dialing->ended; }));
    EXPECT_TRUE(dialing->dialed);
}

TEST_F(DialerTest, AnAddressWhoseProxyFailsDoesNotHoldUpTheNext) {
    for (const char* answer : {"", "nonsense\r\n\r\n", "HTTP/1.1 503 Busy\r\n\r\n"}) {
        ScriptedUpstream failing{std::nullopt, [answer](Peer& peer) {
                                     static_cast<void>(peer.read());
                                     peer.write(answer);
                                 }};
        serve_plain([](Peer& peer) {
            static_cast<void>(peer.read());
            peer.write("HTTP/1.1 200 OK\r\n\r\n");
            peer.wait_for_end();
        });
        settings.proxy.emplace();
        settings.proxy->host = "proxy.example.com";
        settings.proxy->port = server->port();
        names->answer({local(failing.port()), local(server->port())});
        EXPECT_EQ(dialed_port(), server->port()) << answer;
        dialer.reset();
    }
}

TEST_F(DialerTest, KnownAddressesServeWhileTheNameServerIsSilent) {
    // The second tunnel is refused: a failed dial makes what is known stale.
    serve_plain([](Peer& peer) {
        static_cast<void>(peer.read());
        peer.write(peer.number() == 2 ? "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"
                                      : "HTTP/1.1 200 OK\r\n\r\n");
        peer.wait_for_end();
    });
    settings.proxy.emplace();
    settings.proxy->host = "proxy.example.com";
    settings.proxy->port = server->port();
    const auto known = local(server->port());
    names->answer({known});
    EXPECT_EQ(dialed_port(), known.port());
    EXPECT_EQ(dialed_port(), 0);
    names->hang();
    EXPECT_EQ(dialed_port(), known.port());
    EXPECT_EQ(dialed_port(), known.port());
    EXPECT_TRUE(turn_until([&] { return names->asked() == 2; })); // and one look-up runs in the background
}

TEST_F(DialerTest, LookUpsThatHangAreBoundedAndHoldUpNeitherNewOnesNorTheEnd) {
    settings.url.host = "api.example.com";
    settings.url.tls = false;
    settings.connect_timeout = 100ms;
    names->hang();
    for (int i = 0; i < 6; ++i)
        EXPECT_EQ(dialed_port(), 0);
    EXPECT_TRUE(turn_until([&] { return names->asked() >= 2; }));
    EXPECT_LE(names->asked(), 4);
    dialer.reset(); // nobody waits for them; they end after it
}

TEST_F(DialerTest, ALateAnswerServesThoughALaterLookUpHasFailed) {
    serve_plain(echo);
    settings.url.host = "api.example.com";
    settings.connect_timeout = 0ms;
    names->hang_in({1, 2, 3});
    for (int i = 0; i < 2; ++i) // each leaves a look-up behind
        EXPECT_EQ(dialed_port(), 0);
    ASSERT_TRUE(turn_until([&] { return names->asked() == 2; }));
    settings.connect_timeout = 1h;
    const auto failing = start_dial();
    settle();
    names->hang_in({1, 3}); // the second one fails
    ASSERT_TRUE(turn_until([&] { return failing->ended; }));
    EXPECT_FALSE(failing->dialed);
    const auto serving = start_dial();
    ASSERT_TRUE(turn_until([&] { return names->asked() == 3; }));
    names->answer({local(server->port())});
    names->hang_in({3}); // and the first one comes
    EXPECT_TRUE(turn_until([&] { return serving->ended; }));
    EXPECT_TRUE(serving->dialed);
}

TEST_F(DialerTest, ALookUpThatHangsDoesNotHoldUpTheFailureOfAllKnownAddresses) {
    serve_plain(echo);
    settings.url.host = "api.example.com";
    names->answer({local(server->port())});
    EXPECT_EQ(dialed_port(), server->port());
    server.reset();
    EXPECT_EQ(dialed_port(), 0);
    names->hang();
    const auto failing = start_dial();
    EXPECT_TRUE(turn_until([&] { return failing->ended; }));
    EXPECT_FALSE(failing->dialed);
    EXPECT_EQ(names->asked(), 2);
}

TEST_F(DialerTest, ADialThatAnExceptionEndsLeavesNoAttemptBehind) {
    std::atomic<bool> let_go = false;
    ScriptedUpstream silent{std::nullopt, [&](Peer& peer) {
                                peer.wait_for_end();
                                let_go = true;
                            }};
    serve_plain([&](Peer&) { signal.await(); });
    settings.url.host = "localhost";
    settings.url.tls = true;
    names->answer({local(silent.port()), local(server->port())});
    net::asio::cancellation_signal cancel;
    const auto dial = start_dial(cancel.slot());
    ASSERT_TRUE(turn_until([&] { return silent.connections() == 1 && server->connections() == 1; }));
    cancel.emit(net::asio::cancellation_type::terminal); // its next wait throws
    signal.give();                                       // which follows the end of the second address
    ASSERT_TRUE(turn_until([&] { return dial->ended; }));
    EXPECT_TRUE(dial->threw);
    EXPECT_TRUE(turn_until([&] { return let_go.load() && dialer->quiet(); }));
}

TEST_F(DialerTest, ALookUpThatOutlivesItsDialerIsKnownToTheEndOfTheProcess) {
    settings.url.host = "api.example.com";
    settings.url.tls = false;
    settings.connect_timeout = 0ms;
    names->hang();
    EXPECT_EQ(dialed_port(), 0);
    dialer.reset();
    EXPECT_TRUE(is_looking_up());
    names->release();
    EXPECT_TRUE(turn_until([] { return !is_looking_up(); }));
}

TEST_F(DialerTest, ALookUpLeavesSignalsToTheOtherThreads) {
    serve_plain(echo);
    settings.url.host = "api.example.com";
    names->answer({local(server->port())});
    EXPECT_EQ(dialed_port(), server->port());
    EXPECT_TRUE(names->signals_were_blocked());
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
