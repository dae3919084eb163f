#include "fixture.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <set>

namespace bearerd::upstream::test {
namespace {

TEST_F(PoolTest, AConnectionIsUsedAgain) {
    for (const bool over_tls : {true, false}) {
        over_tls ? serve_tls(echo) : serve_plain(echo);
        EXPECT_EQ(body_of(outgoing("one")), "one");
        EXPECT_EQ(body_of(outgoing("two")), "two");
        EXPECT_EQ(body_of(outgoing("three", false)), "three");
        EXPECT_EQ(server->connections(), 1);
        EXPECT_EQ(stats.upstream_idle.get(), 1);
        EXPECT_EQ(stats.upstream_busy.get(), 0);
        pool->stop();
        pool.reset();
        tls.reset();
    }
}

TEST_F(PoolTest, WhatWasSentArrivesExactly) {
    serve_tls(echo);
    const std::string large(300'000, 'x');
    EXPECT_EQ(body_of(outgoing("")), "");
    OutgoingRequest request = outgoing(large);
    request.hold_limit = large.size();
    EXPECT_EQ(body_of(request), large);
    ASSERT_EQ(server->requests().size(), 2U);
    EXPECT_EQ(server->requests()[1].target, "/graphql");
    EXPECT_EQ(server->connections(), 1);
}

TEST_F(PoolTest, ANewConnectionIsMadeWhereOneIsAskedFor) {
    serve_tls(echo);
    EXPECT_EQ(body_of(outgoing("one")), "one");
    OutgoingRequest request = outgoing("two", false);
    request.new_connection = true;
    EXPECT_EQ(body_of(request), "two");
    EXPECT_EQ(server->connections(), 2);
}

/// It leaves while its request waits.
class Deserter final : public Requester {
public:
    void about_to_wait() noexcept override { waited = true; }

    bool gone() noexcept override {
        ++looks;
        return waited;
    }

    void broke_off(const http::ResponseHead&) override {}

    bool waited = false;
    int looks = 0;
};

TEST_F(PoolTest, NothingIsSentForAnRequesterThatLeftWhileAConnectionWasMade) {
    for (const bool over_tls : {true, false}) {
        over_tls ? serve_tls(echo) : serve_plain(echo);
        Deserter deserter;
        OutgoingRequest request = outgoing("one");
        request.requester = &deserter;
        const Failure failure = failure_of(request);
        EXPECT_EQ(failure.stage, Stage::connecting);
        EXPECT_TRUE(server->requests().empty());
        EXPECT_EQ(stats.upstream_busy.get(), 0);
        EXPECT_EQ(body_of(outgoing("two")), "two") << "the connection serves the next one";
        EXPECT_EQ(server->connections(), 1);
        Deserter hasty; // it did not have to wait
        request.requester = &hasty;
        EXPECT_EQ(body_of(request), "one");
        EXPECT_EQ(hasty.looks, 0);
        pool->stop();
        pool.reset();
        tls.reset();
    }
}

/// The sockets of this process that are connected to the port.
std::set<int> sockets_to(std::uint16_t port) {
    std::set<int> found;
    for (int descriptor = 0; descriptor < 1024; ++descriptor) {
        sockaddr_in peer{};
        socklen_t size = sizeof peer;
        if (::getpeername(descriptor, reinterpret_cast<sockaddr*>(&peer), &size) == 0 &&
            peer.sin_family == AF_INET && ntohs(peer.sin_port) == port)
            found.insert(descriptor);
    }
    return found;
}

TEST_F(PoolTest, ARequesterIsToldOfTheWaitBeforeItIsAskedWhetherItLeft) {
    serve_plain([&](Peer& peer) {
        peer.write(http_answer(peer.read().body));
        signal.await();
    });
    SendResult first = send(outgoing("one"));
    const auto before = sockets_to(server->port());
    SendResult second = send(outgoing("two"));
    auto last = sockets_to(server->port());
    std::erase_if(last, [&](int descriptor) { return before.contains(descriptor); });
    ASSERT_EQ(last.size(), 1U);
    first = Failure{};
    second = Failure{};
    ASSERT_EQ(stats.upstream_idle.get(), 2);
    // The connection that is tried first takes no byte, so that the other one has its turn.
    ASSERT_EQ(::shutdown(*last.begin(), SHUT_WR), 0);
    Deserter deserter;
    OutgoingRequest request = outgoing("three");
    request.requester = &deserter;
    request.give_up = BootClock::now() + 5s;
    const Failure failure = failure_of(request);
    signal.give();
    EXPECT_EQ(failure.code, errc::closed);
    EXPECT_EQ(failure.stage, Stage::connecting);
    EXPECT_EQ(server->requests().size(), 2U);
}

TEST_F(PoolTest, ADeferredRequestIsAskedForOnceMoreBeforeItsFirstByte) {
    share = net::batching_threshold + 1;
    serve_plain(echo);
    std::vector<SendResult> busy;
    for (std::size_t i = 0; i <= net::batching_threshold; ++i)
        busy.push_back(send(outgoing("one")));
    busy.pop_back(); // one is idle, so that nothing has to be waited for
    ASSERT_EQ(stats.upstream_idle.get(), 1);
    const std::size_t sent = server->requests().size();
    Deserter withdrawn;
    withdrawn.waited = true;
    OutgoingRequest request = outgoing("two");
    request.requester = &withdrawn;
    EXPECT_EQ(failure_of(request).code, errc::closed);
    EXPECT_EQ(server->requests().size(), sent);
    EXPECT_EQ(stats.upstream_idle.get(), 1) << "the connection is as it was";
    busy.clear();
}

/// Keeps what it hears of a half answer.
class Listener final : public Requester {
public:
    void broke_off(const http::ResponseHead& head) override {
        heard.push_back(std::to_string(head.status) + " " +
                        std::string{head.fields.value("X-Authorization")});
    }

    std::vector<std::string> heard;
};

TEST_F(PoolTest, ARequesterHearsOfTheHeadOfAnAnswerThatBreaksOff) {
    const std::string head = "HTTP/1.1 401 Unauthorized\r\nX-Authorization: new\r\nContent-Length: 500\r\n";
    const std::pair<std::string, std::vector<std::string>> cases[] = {
        {head + "\r\n{\"errors\":", {"401 new"}},
        {head + "\r\n", {"401 new"}},
        {head, {}},
        {"", {}},
        {"HTTP/1.1 100 Continue\r\n\r\n", {}}};
    for (const auto& [bytes, heard] : cases) {
        serve_tls([&bytes = bytes](Peer& peer) {
            static_cast<void>(peer.read());
            peer.write(bytes);
        });
        Listener listener;
        OutgoingRequest request = outgoing("one");
        request.requester = &listener;
        static_cast<void>(failure_of(request));
        EXPECT_EQ(listener.heard, heard) << bytes;
        pool->stop();
        pool.reset();
        tls.reset();
    }
}

TEST_F(PoolTest, ALaterHandshakeResumesTheSession) {
    serve_tls(echo);
    EXPECT_EQ(body_of(outgoing("one")), "one");
    OutgoingRequest request = outgoing("two");
    request.new_connection = true;
    EXPECT_EQ(body_of(request), "two");
    EXPECT_EQ(stats.handshakes[Handshake::full].get(), 1U);
    EXPECT_EQ(stats.handshakes[Handshake::resumed].get(), 1U);
}

TEST_F(PoolTest, AMutationOnlyRidesOnAConnectionThatWasUsedJustNow) {
    settings.reuse_for_mutations = Duration{0};
    serve_plain(echo);
    EXPECT_EQ(body_of(outgoing("one")), "one");
    EXPECT_EQ(body_of(outgoing("query", false)), "query");
    EXPECT_EQ(server->connections(), 1);
    EXPECT_EQ(body_of(outgoing("two")), "two");
    EXPECT_EQ(server->connections(), 2);
}

/// Of several, that whose answer came last is the least likely to be stale, however long its app took over
/// it.
TEST_F(PoolTest, TheConnectionThatWasHeardLastIsUsedFirst) {
    std::atomic<int> connections = 0;
    serve_plain([&connections](Peer& peer) {
        const std::string number = std::to_string(++connections);
        while (peer.read().body != "")
            peer.write(http_answer(number));
    });
    const auto first = start(outgoing("a"));
    ASSERT_TRUE(turn_until([&] { return first->has_value(); }));
    const auto second = start(outgoing("a"));
    ASSERT_TRUE(turn_until([&] { return second->has_value(); }));
    second->reset();
    first->reset();
    EXPECT_EQ(stats.upstream_idle.get(), 2);
    EXPECT_EQ(body_of(outgoing("a")), "2");
    EXPECT_EQ(body_of(outgoing("a")), "2");
}

/// What was used just now when the wait began is not when it ends.
TEST_F(PoolTest, AMutationThatWaitedForRoomJudgesTheConnectionByTheTimeItGetsIt) {
    share = 1;
    settings.reuse_for_mutations = 20ms;
    serve_plain(echo);
    const auto first = start(outgoing("one"));
    ASSERT_TRUE(turn_until([&] { return first->has_value(); }));
    const TimePoint heard = BootClock::now();
    const auto second = start(outgoing("two"));
    ASSERT_TRUE(turn_until([&] { return BootClock::now() > heard + settings.reuse_for_mutations; }));
    EXPECT_FALSE(second->has_value());
    first->reset();
    ASSERT_TRUE(turn_until([&] { return second->has_value(); }));
    EXPECT_EQ(std::get<ExchangePtr>(**second)->body(), "two");
    EXPECT_EQ(server->connections(), 2);
}

TEST_F(PoolTest, AnIdleConnectionThatTheUpstreamClosesLeavesAtOnce) {
    for (const bool over_tls : {true, false}) {
        const Script once = [](Peer& peer) { peer.write(http_answer(peer.read().body)); };
        over_tls ? serve_tls(once) : serve_plain(once);
        EXPECT_EQ(body_of(outgoing("one")), "one");
        EXPECT_TRUE(turn_until([&] { return stats.upstream_idle.get() == 0; }));
        EXPECT_EQ(body_of(outgoing("two")), "two");
        EXPECT_EQ(server->connections(), 2);
        pool->stop();
        pool.reset();
        tls.reset();
    }
}

/// No edge reports an end that arrived together with the answer.
TEST_F(PoolTest, AnEndThatComesTogetherWithTheAnswerIsSeenBeforeLong) {
    Signal asked;
    serve_plain([&](Peer& peer) {
        const std::string body = peer.read().body;
        if (peer.number() == 1)
            asked.give();
        peer.write(http_answer(body));
        peer.finish();
        if (peer.number() == 1)
            signal.give();
    });
    const auto result = start(outgoing("one"));
    EXPECT_TRUE(turn_until([&] { return stats.upstream_busy.get() == 1; }));
    settle(); // the request is on its way
    asked.await();
    signal.await(); // the loop does not turn meanwhile
    EXPECT_TRUE(turn_until([&] { return result->has_value(); }));
    result->reset();
    EXPECT_TRUE(turn_until([&] { return stats.upstream_idle.get() == 0 && stats.upstream_busy.get() == 0; }));
    EXPECT_EQ(body_of(outgoing("two")), "two");
    EXPECT_EQ(server->connections(), 2);
}

TEST_F(PoolTest, AConnectionThatWasClosedUnseenIsFoundOutBeforeARequestGoesOut) {
    serve_plain([&](Peer& peer) {
        peer.write(http_answer(peer.read().body));
        if (peer.number() == 1) {
            peer.finish();
            signal.give();
        }
    });
    EXPECT_EQ(body_of(outgoing("one")), "one");
    signal.await(); // the loop does not turn meanwhile
    EXPECT_EQ(body_of(outgoing("two")), "two");
    EXPECT_EQ(server->connections(), 2);
}

TEST_F(PoolTest, AnIdleConnectionOnWhichTheUpstreamSaysSomethingIsDropped) {
    serve_tls([](Peer& peer) {
        peer.write(http_answer(peer.read().body));
        if (peer.number() == 1)
            peer.write("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n");
        peer.wait_for_end();
    });
    EXPECT_EQ(body_of(outgoing("one")), "one");
    EXPECT_TRUE(turn_until([&] { return stats.upstream_idle.get() == 0; }));
    EXPECT_EQ(body_of(outgoing("two")), "two");
}

TEST_F(PoolTest, HalfAWordOutOfTurnDropsAnIdleConnectionToo) {
    serve_tls([](Peer& peer) {
        peer.write(http_answer(peer.read().body));
        if (peer.number() == 1)
            peer.write_torn_record("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n", 20);
        peer.wait_for_end();
    });
    EXPECT_EQ(body_of(outgoing("one")), "one");
    EXPECT_TRUE(turn_until([&] { return stats.upstream_idle.get() == 0; }));
    EXPECT_EQ(body_of(outgoing("two")), "two");
}

TEST_F(PoolTest, AWordOutOfTurnIsNeverTheAnswerToAQuery) {
    const auto answered = std::make_shared<Signal>();
    serve_plain([&, answered](Peer& peer) {
        peer.write(http_answer(peer.read().body));
        if (peer.number() == 1) {
            answered->await();
            peer.write("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n");
            signal.give();
        }
        peer.wait_for_end();
    });
    EXPECT_EQ(body_of(outgoing("one", false)), "one");
    answered->give();
    signal.await(); // the loop does not turn meanwhile
    EXPECT_EQ(body_of(outgoing("two", false)), "two");
    EXPECT_EQ(server->connections(), 2);
}

TEST_F(PoolTest, BehindA408NothingIsTakenForTheNextAnswer) {
    serve_plain([](Peer& peer) {
        std::string late;
        while (true) {
            const std::string body = peer.read().body;
            if (body == "late") {
                peer.write("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n");
                late = http_answer(body);
            } else {
                peer.write(late.empty() ? http_answer(body) : late);
            }
        }
    });
    EXPECT_EQ(body_of(outgoing("one")), "one");
    EXPECT_EQ(body_of(outgoing("late")), "");
    EXPECT_EQ(body_of(outgoing("three")), "three");
    EXPECT_EQ(server->connections(), 2);
}

TEST_F(PoolTest, AnIdleConnectionIsClosedAfterItsTime) {
    settings.idle_timeout = 1ms;
    serve_plain(echo);
    EXPECT_EQ(body_of(outgoing("one")), "one");
    EXPECT_TRUE(turn_until([&] { return stats.upstream_idle.get() == 0; }));
}

TEST_F(PoolTest, AConnectionIsNotKeptWhereTheAnswerForbidsIt) {
    const std::string answers[] = {
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokleft over",
    };
    for (const std::string& answer : answers) {
        serve_plain([answer](Peer& peer) {
            static_cast<void>(peer.read());
            peer.write(answer);
            peer.wait_for_end();
        });
        EXPECT_EQ(body_of(outgoing("a")), "ok");
        EXPECT_EQ(stats.upstream_idle.get(), 0) << answer;
        pool.reset();
    }
}

TEST_F(PoolTest, AnAnswerWithoutABodyThatPromisesOneIsTheLastOnItsConnection) {
    struct Case {
        std::string field;
        int kept;
    };

    const Case cases[] = {
        {"", 1},
        {"Content-Length: 0\r\n", 1},
        {"Content-Length: 5\r\n", 0},
        {"Transfer-Encoding: chunked\r\n", 0},
    };
    for (const Case& c : cases) {
        serve_plain([&c](Peer& peer) {
            static_cast<void>(peer.read());
            peer.write("HTTP/1.1 204 No Content\r\n" + c.field + "\r\n");
            peer.wait_for_end();
        });
        EXPECT_EQ(body_of(outgoing("a")), "");
        EXPECT_EQ(stats.upstream_idle.get(), c.kept) << c.field;
        pool.reset();
    }
}

TEST_F(PoolTest, AboveItsShareARequestWaitsForAConnection) {
    share = 1;
    serve_plain(echo);
    const auto first = start(outgoing("one"));
    ASSERT_TRUE(turn_until([&] { return first->has_value(); }));
    const auto second = start(outgoing("two"));
    settle();
    EXPECT_FALSE(second->has_value());
    first->reset(); // releases the exchange
    ASSERT_TRUE(turn_until([&] { return second->has_value(); }));
    EXPECT_EQ(std::get<ExchangePtr>(**second)->body(), "two");
    EXPECT_EQ(server->connections(), 1);
}

// Otherwise a request could wait until its time is over while others come and go.
TEST_F(PoolTest, ThoseThatWaitForAConnectionGetItBeforeThoseThatComeLater) {
    share = 1;
    serve_plain(echo);
    auto holder = start(outgoing("one"));
    ASSERT_TRUE(turn_until([&] { return holder->has_value(); }));
    const auto waiting = start(outgoing("waiting"));
    settle();
    const auto later = start(outgoing("later")); // runs in the next turn, before the waiting one is resumed
    holder->reset();
    ASSERT_TRUE(turn_until([&] { return waiting->has_value() || later->has_value(); }));
    ASSERT_TRUE(waiting->has_value());
    EXPECT_EQ(std::get<ExchangePtr>(**waiting)->body(), "waiting");
    settle();
    EXPECT_FALSE(later->has_value());
    waiting->reset();
    ASSERT_TRUE(turn_until([&] { return later->has_value(); }));
    EXPECT_EQ(std::get<ExchangePtr>(**later)->body(), "later");
    EXPECT_EQ(server->connections(), 1);
}

// Those that wait for a connection may need the very login.
TEST_F(PoolTest, ALoginThatHasToWaitIsWokenForThePlaceThatOnlyLoginsMayUse) {
    share = 1;
    serve_plain(echo);
    auto holder = start(outgoing("one"));
    ASSERT_TRUE(turn_until([&] { return holder->has_value(); }));
    OutgoingRequest login = outgoing("login");
    login.beyond_limit = true;
    auto former = start(login);
    ASSERT_TRUE(turn_until([&] { return former->has_value(); }));
    const auto waiting = start(outgoing("waiting"));
    settle();
    const auto next = start(login);
    settle();
    former->reset(); // one more than the limit is open: it is closed
    ASSERT_TRUE(turn_until([&] { return next->has_value(); }));
    EXPECT_EQ(std::get<ExchangePtr>(**next)->body(), "login");
    EXPECT_FALSE(waiting->has_value());
}

TEST_F(PoolTest, AFreeConnectionThatNobodyWaitsForGoesToTheNextRequest) {
    share = 2;
    serve_plain(echo);
    auto first = start(outgoing("one"));
    auto second = start(outgoing("two"));
    ASSERT_TRUE(turn_until([&] { return first->has_value() && second->has_value(); }));
    const auto waiting = start(outgoing("waiting"));
    settle();
    const auto later = start(outgoing("later"));
    first->reset();
    second->reset();
    ASSERT_TRUE(turn_until([&] { return waiting->has_value() && later->has_value(); }));
    EXPECT_EQ(server->connections(), 2);
}

TEST_F(PoolTest, AWaitForAConnectionEndsAndHasWrittenNothing) {
    share = 1;
    serve_plain(echo);
    const auto first = start(outgoing("one"));
    ASSERT_TRUE(turn_until([&] { return first->has_value(); }));
    settings.connect_timeout = 1ms;
    const Failure failure = failure_of(outgoing("two"));
    EXPECT_EQ(failure.code, errc::connection_limit);
    EXPECT_EQ(failure.stage, Stage::connecting);
}

/// All connections may be busy with requests that wait for the very login.
TEST_F(PoolTest, ALoginNeedsNoShareAndKeepsNone) {
    share = 1;
    serve_plain(echo);
    const auto first = start(outgoing("one"));
    ASSERT_TRUE(turn_until([&] { return first->has_value(); }));
    OutgoingRequest login = outgoing("login");
    login.beyond_limit = true;
    EXPECT_EQ(body_of(login), "login");
    EXPECT_EQ(stats.upstream_idle.get(), 0);
}

TEST_F(PoolTest, ARequestGivesUpWhenItsOwnTimeIsOver) {
    share = 1;
    serve_plain([](Peer& peer) {
        static_cast<void>(peer.read());
        peer.wait_for_end();
    });
    OutgoingRequest hasty = outgoing("one");
    hasty.give_up = BootClock::now() + 100ms; // the settings would wait for an hour
    const Failure unanswered = failure_of(hasty);
    EXPECT_EQ(unanswered.code, errc::timed_out);
    EXPECT_EQ(unanswered.stage, Stage::waiting);
    const auto busy = start(outgoing("two"));
    ASSERT_TRUE(turn_until([&] { return server->requests().size() == 2; }));
    hasty.give_up = BootClock::now() + 50ms;
    EXPECT_EQ(failure_of(hasty).stage, Stage::connecting);
}

TEST_F(PoolTest, ThoseThatWaitForAConnectionAreBounded) {
    share = 1;
    most_waiting = 0;
    serve_plain(echo);
    const auto first = start(outgoing("one"));
    ASSERT_TRUE(turn_until([&] { return first->has_value(); }));
    EXPECT_EQ(failure_of(outgoing("two")).code, errc::overloaded);
}

TEST_F(PoolTest, AnExceptionAmidASendTakesNoPlaceAlong) {
    share = 1;
    serve_plain(echo);
    OutgoingRequest impossible = outgoing("one");
    impossible.head = {impossible.head.data(), std::string{}.max_size() + 1}; // for a buffer to throw at
    EXPECT_THROW(static_cast<void>(send(impossible)), std::length_error);
    EXPECT_TRUE(pool->quiet());
    EXPECT_EQ(stats.upstream_busy.get(), 0);
    EXPECT_EQ(body_of(outgoing("two")), "two");
}

TEST_F(PoolTest, StopEndsWaitsAndExchanges) {
    share = 1;
    serve_plain([](Peer& peer) {
        static_cast<void>(peer.read());
        peer.wait_for_end();
    });
    const auto busy = start(outgoing("one"));
    const auto waiting = start(outgoing("two"));
    ASSERT_TRUE(turn_until([&] { return server->requests().size() == 1; }));
    pool->stop();
    ASSERT_TRUE(turn_until([&] { return busy->has_value() && waiting->has_value(); }));
    EXPECT_EQ(std::get<Failure>(**busy).code, errc::shutting_down);
    EXPECT_EQ(std::get<Failure>(**busy).stage, Stage::waiting);
    EXPECT_EQ(std::get<Failure>(**waiting).code, errc::shutting_down);
    EXPECT_EQ(std::get<Failure>(**waiting).stage, Stage::connecting);
    EXPECT_EQ(failure_of(outgoing("three")).code, errc::shutting_down);
    EXPECT_EQ(server->requests().size(), 1U);
}

TEST_F(PoolTest, StopEndsAStreamThatNobodyIsReadingJustNow) {
    serve_plain([](Peer& peer) {
        static_cast<void>(peer.read());
        peer.write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: "
                   "chunked\r\n\r\n1\r\na\r\n");
        peer.wait_for_end();
    });
    const auto stream = start(outgoing("a"));
    ASSERT_TRUE(turn_until([&] { return stream->has_value(); }));
    auto& exchange = std::get<ExchangePtr>(**stream);
    while (exchange->body().empty())
        ASSERT_FALSE(bearerd::test::run_task(context, exchange->read(TimePoint::max())));
    settle();
    pool->stop();
    settle();
    EXPECT_EQ(bearerd::test::run_task(context, exchange->read(TimePoint::max())), errc::shutting_down);
    stream->reset();
}

TEST_F(PoolTest, StreamsTakeHalfOfTheConnectionsUntilTheyAreReleased) {
    serve_plain([](Peer& peer) {
        static_cast<void>(peer.read());
        peer.write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: "
                   "chunked\r\n\r\n9\r\ndata: a\n\n\r\n");
        peer.wait_for_end();
    });
    for (const auto& [of_all, of_streams] : {std::pair{1, 0}, {2, 1}, {3, 1}, {4, 2}, {5, 2}}) {
        share = static_cast<std::size_t>(of_all);
        std::vector<std::shared_ptr<std::optional<SendResult>>> streams;
        const auto exchange = [&streams](std::size_t i) -> Exchange& {
            return *std::get<ExchangePtr>(**streams[i]);
        };
        for (int i = 0; i < of_all; ++i) {
            streams.push_back(start(outgoing("a")));
            ASSERT_TRUE(turn_until([&] { return streams.back()->has_value(); }));
            EXPECT_EQ(exchange(streams.size() - 1).become_stream(false), i < of_streams) << of_all;
        }
        if (of_streams > 0) {
            EXPECT_TRUE(exchange(0).become_stream(false)) << "it is one already";
            streams.front()->reset();
            EXPECT_TRUE(exchange(streams.size() - 1).become_stream(false)) << "in its place";
        }
        EXPECT_TRUE(exchange(streams.size() - 1).become_stream(true)) << "what a mutation was answered";
        for (const auto& stream : streams)
            stream->reset();
        EXPECT_TRUE(pool->quiet());
        pool->stop();
        settle();
        pool.reset();
    }
}

TEST_F(PoolTest, ClosingTheIdleOnesLeavesTheBusyOnesAlone) {
    serve_plain(echo);
    const auto busy = start(outgoing("one"));
    ASSERT_TRUE(turn_until([&] { return busy->has_value(); }));
    EXPECT_EQ(body_of(outgoing("two")), "two");
    EXPECT_EQ(stats.upstream_idle.get(), 1);
    pool->close_idle();
    EXPECT_EQ(stats.upstream_idle.get(), 0);
    EXPECT_FALSE(pool->quiet());
    EXPECT_EQ(std::get<ExchangePtr>(**busy)->body(), "one");
    busy->reset();
    EXPECT_TRUE(pool->quiet());
    EXPECT_EQ(stats.upstream_idle.get(), 0);
}

TEST(Health, RemembersTheLastError) {
    Health health;
    EXPECT_EQ(health.view().state, Health::View::State::unknown);
    health.failed(errc::connect_failed, "nobody there");
    EXPECT_EQ(health.view().state, Health::View::State::down);
    health.succeeded();
    EXPECT_EQ(health.view().state, Health::View::State::up);
    EXPECT_EQ(health.view().last_error, "nobody there");
    EXPECT_EQ(health.view().last_code, errc::connect_failed);
}

} // namespace
} // namespace bearerd::upstream::test
