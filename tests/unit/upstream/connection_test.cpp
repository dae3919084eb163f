#include "fixture.hpp"

namespace bearerd::upstream::test {
namespace {

/// Reads a request, says `bytes`, then ends the connection as told.
Script say(std::string bytes, void (Peer::*end)() = nullptr) {
    return [bytes = std::move(bytes), end](Peer& peer) {
        static_cast<void>(peer.read());
        if (!bytes.empty())
            peer.write(bytes);
        if (end != nullptr)
            (peer.*end)();
        else
            peer.wait_for_end();
    };
}

TEST_F(PoolTest, InterimResponsesAreSkipped) {
    serve_tls(say("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
                  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
    EXPECT_EQ(body_of(outgoing("a")), "ok");
}

TEST_F(PoolTest, AnyNumberOfInterimResponsesIsSkipped) {
    std::string all;
    for (int i = 0; i < 1000; ++i)
        all += "HTTP/1.1 102 Processing\r\n\r\n";
    serve_tls(say(all + "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
    EXPECT_EQ(body_of(outgoing("a")), "ok");
    EXPECT_EQ(stats.upstream_idle.get(), 1);
}

TEST_F(PoolTest, AnOddAnswerIsTakenAndItsConnectionIsNotUsedAgain) {
    for (const char* answer :
         {"HTTP/1.1 200\nContent-Length: 2\n\nok", "\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2 \r\nok\r\n0\r\n\r\n"}) {
        serve_tls(say(answer));
        EXPECT_EQ(body_of(outgoing("a")), "ok") << answer;
        EXPECT_EQ(stats.upstream_idle.get(), 0) << answer;
        pool.reset();
    }
}

/// OpenSSL counts the part that has arrived as "pending". Code that relies on that instead of waiting never
/// returns to the loop, and no deadline passes.
TEST_F(PoolTest, ARecordThatStallsHalfWayMeetsTheDeadline) {
    settings.response_timeout = 100ms;
    serve_tls([](Peer& peer) {
        static_cast<void>(peer.read());
        peer.write_torn_record("HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n" + std::string(3000, 'x'),
                               1500);
        peer.wait_for_end();
    });
    const Failure failure = failure_of(outgoing("a"));
    EXPECT_EQ(failure.code, errc::timed_out);
    EXPECT_EQ(failure.stage, Stage::waiting);
}

TEST_F(PoolTest, ABodyThatTheEndDelimitsIsWholeOnlyWithCloseNotify) {
    serve_tls(say("HTTP/1.1 200 OK\r\n\r\nwhole", &Peer::finish));
    EXPECT_EQ(body_of(outgoing("a")), "whole");
    EXPECT_EQ(stats.upstream_idle.get(), 0);
    pool.reset();
    serve_tls(say("HTTP/1.1 200 OK\r\n\r\nwho knows", &Peer::cut));
    const Failure failure = failure_of(outgoing("a"));
    EXPECT_EQ(failure.code, errc::truncated);
    EXPECT_EQ(failure.stage, Stage::reading);
}

TEST_F(PoolTest, AnAnswerThatEndsTooEarlyIsTruncated) {
    for (const char* part : {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", "HTTP/1.1 200 OK\r\nConte",
                             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
                             "HTTP/1.1 100 Continue\r\n\r\n"}) {
        for (const auto end : {&Peer::finish, &Peer::cut}) {
            serve_tls(say(part, end));
            const Failure failure = failure_of(outgoing("a"));
            EXPECT_EQ(failure.code, errc::truncated) << part;
            EXPECT_EQ(failure.stage, Stage::reading) << part;
            pool.reset();
        }
    }
}

TEST_F(PoolTest, AnAnswerThatIsNotTheHttpWeAcceptIsGarbled) {
    for (const char* answer : {"SSH-2.0-OpenSSH\r\n\r\n", "HTTP/1.1 099 Below\r\n\r\n",
                               "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
                               "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
                               "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
                               "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n"}) {
        serve_plain(say(answer, &Peer::finish));
        const Failure failure = failure_of(outgoing("a"));
        EXPECT_EQ(failure.code, errc::garbled) << answer;
        EXPECT_EQ(failure.stage, Stage::reading) << answer;
        pool.reset();
    }
}

TEST_F(PoolTest, AHeadHasALimit) {
    serve_plain(say("HTTP/1.1 200 OK\r\nX: " + std::string(100'000, 'x') + "\r\n\r\n"));
    EXPECT_EQ(failure_of(outgoing("a")).code, errc::too_large);
}

TEST_F(PoolTest, AConnectionClosedBeforeAnAnswerSaysWhetherItWasNew) {
    for (const auto end : {&Peer::finish, &Peer::cut, &Peer::reset}) {
        serve_tls([end](Peer& peer) {
            if (peer.number() == 1)
                peer.write(http_answer(peer.read().body));
            static_cast<void>(peer.read());
            (peer.*end)();
        });
        EXPECT_EQ(body_of(outgoing("one")), "one");
        const Failure kept = failure_of(outgoing("two"));
        EXPECT_EQ(kept.code, errc::closed);
        EXPECT_EQ(kept.stage, Stage::waiting);
        EXPECT_TRUE(kept.reused);
        const Failure fresh = failure_of(outgoing("three"));
        EXPECT_EQ(fresh.code, errc::closed);
        EXPECT_EQ(fresh.stage, Stage::waiting);
        EXPECT_FALSE(fresh.reused);
        EXPECT_EQ(server->requests().size(), 3U);
        pool.reset();
    }
}

TEST_F(PoolTest, NoAnswerInTimeSaysHowFarItGot) {
    settings.response_timeout = 200ms;
    serve_tls(say(""));
    const Failure silent = failure_of(outgoing("a"));
    EXPECT_EQ(silent.code, errc::timed_out);
    EXPECT_EQ(silent.stage, Stage::waiting);
    pool.reset();
    serve_tls(say("HTTP/1.1 200 OK\r\n"));
    const Failure slow = failure_of(outgoing("a"));
    EXPECT_EQ(slow.code, errc::timed_out);
    EXPECT_EQ(slow.stage, Stage::reading);
}

TEST_F(PoolTest, AnExchangeEndsWhenItsCallerGivesUp) {
    serve_plain(say(""));
    OutgoingRequest request = outgoing("a");
    request.give_up = BootClock::now() + 100ms;
    EXPECT_EQ(failure_of(request).code, errc::timed_out);
}

TEST_F(PoolTest, ABodyThatNobodyReadsTimesOutWhileWriting) {
    settings.response_timeout = 200ms;
    serve_plain([&](Peer&) { signal.await(); });
    const std::string body(16U << 20U, 'x');
    const Failure failure = failure_of(outgoing(body));
    signal.give();
    EXPECT_EQ(failure.code, errc::timed_out);
    EXPECT_EQ(failure.stage, Stage::writing);
}

TEST_F(PoolTest, AnEndOfTheStreamEndsAWriteThatWaitsForRoom) {
    const std::string body(16U << 20U, 'x');
    for (const bool with_tls : {false, true}) {
        Signal done;
        const auto half_close = [&](Peer& peer) {
            peer.end_sending();
            done.await(); // reads nothing
        };
        if (with_tls)
            serve_tls(half_close);
        else
            serve_plain(half_close);
        OutgoingRequest request = outgoing(body);
        request.give_up = BootClock::now() + 20s;
        const Failure failure = failure_of(request);
        EXPECT_EQ(failure.code, errc::closed);
        EXPECT_EQ(failure.stage, Stage::writing);
        done.give();
        server.reset();
        pool.reset();
    }
}

/// With data at hand whenever it is asked for, the connection never waits.
TEST_F(PoolTest, AnAnswerThatComesWithoutAPauseMeetsTheDeadline) {
    settings.response_timeout = 100ms;
    const std::string chunk = "1;" + std::string(60'000, 'x') + "\r\na\r\n";
    for (const std::string begin : {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                                    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                                    "Transfer-Encoding: chunked\r\n\r\n"}) {
        serve_plain([begin, chunk](Peer& peer) {
            static_cast<void>(peer.read());
            peer.write(begin);
            while (true)
                peer.write(chunk);
        });
        SendResult result = send(outgoing("a"));
        if (auto* exchange = std::get_if<ExchangePtr>(&result)) // 250 ms of a stream
            EXPECT_LT((*exchange)->body().size(), 4096U);
        else
            EXPECT_EQ(std::get<Failure>(result).code, errc::timed_out);
        result = Failure{};
        pool.reset();
    }
}

TEST_F(PoolTest, AnEarlyAnswerToAHalfWrittenRequestIsTaken) {
    const std::string body(16U << 20U, 'x');
    for (const std::size_t size : {std::size_t{3}, std::size_t{50'000}}) { // of one read, of several
        const std::string words(size, 'w');
        Signal said;
        serve_plain([&](Peer& peer) {
            peer.write("HTTP/1.1 413 Too Large\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n" +
                       words);
            peer.finish(); // with bytes unread, which the kernel answers with a reset
            said.give();
        });
        SendResult result = send(outgoing(body));
        said.await();
        ASSERT_TRUE(std::holds_alternative<ExchangePtr>(result)) << std::get<Failure>(result).detail;
        EXPECT_EQ(std::get<ExchangePtr>(result)->head().status, 413);
        EXPECT_TRUE(std::get<ExchangePtr>(result)->body() == words);
        result = Failure{};
        EXPECT_EQ(stats.upstream_idle.get(), 0);
        pool.reset();
    }
}

TEST_F(PoolTest, AnAnswerThatComesAmidTheRequestIsReadAtOnce) {
    const std::string body(16U << 20U, 'x');
    for (const bool with_tls : {false, true}) {
        Signal done;
        const auto refuse = [&](Peer& peer) {
            peer.write("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno");
            done.await(); // reads nothing, closes nothing
        };
        if (with_tls)
            serve_tls(refuse);
        else
            serve_plain(refuse);
        EXPECT_EQ(body_of(outgoing(body)), "no");
        EXPECT_EQ(stats.upstream_idle.get(), 0);
        done.give();
        server.reset();
        pool.reset();
    }
}

TEST_F(PoolTest, AStreamComesPieceByPiece) {
    serve_tls([&](Peer& peer) {
        static_cast<void>(peer.read());
        peer.write(
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
        peer.write("3\r\none\r\n");
        signal.await();
        peer.write("3\r\ntwo\r\n0\r\n\r\n");
        peer.wait_for_end();
    });
    const auto stream = start(outgoing("a"));
    ASSERT_TRUE(turn_until([&] { return stream->has_value(); }));
    auto& exchange = std::get<ExchangePtr>(**stream);
    EXPECT_FALSE(exchange->complete());
    std::string body{exchange->body()};
    while (body.size() < 3) {
        ASSERT_FALSE(bearerd::test::run_task(context, exchange->read(TimePoint::max())));
        body += exchange->body();
    }
    EXPECT_EQ(body, "one");
    signal.give();
    while (!exchange->complete()) {
        ASSERT_FALSE(bearerd::test::run_task(context, exchange->read(TimePoint::max())));
        body += exchange->body();
    }
    EXPECT_EQ(body, "onetwo");
    stream->reset();
    EXPECT_EQ(stats.upstream_idle.get(), 1);
}

/// In chunks of this size, with the end.
std::string in_chunks(std::string_view body, std::size_t size) {
    std::ostringstream text;
    text << "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" << std::hex;
    for (; !body.empty(); body.remove_prefix(std::min(size, body.size())))
        text << std::min(size, body.size()) << "\r\n" << body.substr(0, size) << "\r\n";
    text << "0\r\n\r\n";
    return text.str();
}

std::string numbers(std::size_t size) {
    std::string text;
    for (int i = 0; text.size() < size; ++i)
        text += std::to_string(i);
    return text;
}

TEST_F(PoolTest, ABodyOverTheHoldLimitIsHandedOverBeforeItsEndInBoundedPieces) {
    constexpr std::size_t piece = 256UL * 1024;
    constexpr std::size_t received_at_once = 18UL * 1024;
    const std::string body = numbers(1'000'000);
    for (const bool chunked : {false, true}) {
        serve_tls(say(chunked ? in_chunks(body, 15'000) : http_answer(body)));
        SendResult result = send(outgoing("a"));
        auto& exchange = std::get<ExchangePtr>(result);
        EXPECT_FALSE(exchange->complete());
        std::string all{exchange->body()};
        while (!exchange->complete()) {
            ASSERT_FALSE(bearerd::test::run_task(context, exchange->read(TimePoint::max())));
            EXPECT_LE(exchange->body().size(), piece + (chunked ? received_at_once : 0));
            all += exchange->body();
        }
        EXPECT_TRUE(all == body);
        exchange.reset();
        pool->stop();
        settle();
        pool.reset();
    }
}

/// The server answers all at once while the loop stands still; little of it is to be held.
class AnswerThatIsThere : public PoolTest {
protected:
    void serve_at_once(bool over_tls, const std::string& text) {
        const Script script = [go = go_, written = written_, text](Peer& peer) {
            static_cast<void>(peer.read());
            go->await();
            peer.write(text);
            written->give();
            peer.wait_for_end();
        };
        over_tls ? serve_tls(script) : serve_plain(script);
    }

    SendResult send_and_stand_still() {
        OutgoingRequest request = outgoing("a");
        request.hold_limit = 1000;
        const auto result = start(request);
        EXPECT_TRUE(turn_until([this] { return stats.upstream_busy.get() == 1; }));
        go_->give();
        written_->await(); // the loop does not turn meanwhile
        EXPECT_TRUE(turn_until([&] { return result->has_value(); }));
        go_ = std::make_shared<Signal>();
        written_ = std::make_shared<Signal>();
        return std::move(**result);
    }

private:
    std::shared_ptr<Signal> go_ = std::make_shared<Signal>();
    std::shared_ptr<Signal> written_ = std::make_shared<Signal>();
};

TEST_F(AnswerThatIsThere, IsTakenAlongSoThatTheAppIsWokenOnce) {
    const std::string body = numbers(40'000);
    for (const bool over_tls : {true, false}) {
        serve_at_once(over_tls, http_answer(body));
        SendResult result = send_and_stand_still();
        auto& exchange = std::get<ExchangePtr>(result);
        EXPECT_TRUE(exchange->complete());
        EXPECT_TRUE(exchange->body() == body);
        exchange.reset();
        pool->stop();
        settle();
        pool.reset();
    }
}

TEST_F(AnswerThatIsThere, TellsItsFaultBeforeTheAppHasAnyOfIt) {
    std::string text = in_chunks(numbers(40'000), 1000);
    text.replace(text.size() - 5, 5, "what?\r\n");
    serve_at_once(false, text);
    const SendResult result = send_and_stand_still();
    const auto* failure = std::get_if<Failure>(&result);
    ASSERT_NE(failure, nullptr);
    EXPECT_EQ(failure->code, errc::garbled);
    EXPECT_EQ(failure->stage, Stage::reading);
}

/// A body that is received straight into its place takes no byte of what follows it.
TEST_F(PoolTest, WhatFollowsALargeBodyIsNeitherPartOfItNorTheNextAnswer) {
    const std::string body = numbers(40'000);
    const std::string answer = http_answer(body);
    const std::size_t head = answer.size() - body.size();
    for (const bool over_tls : {true, false}) {
        const Script script = [&](Peer& peer) {
            static_cast<void>(peer.read());
            if (peer.number() == 2)
                return peer.write(http_answer("its own"));
            peer.write(answer.substr(0, head));
            peer.write(answer.substr(head, 30'000));
            peer.write(answer.substr(head + 30'000) + http_answer("nobody asked"));
            peer.wait_for_end();
        };
        serve(over_tls ? std::optional{authority.issue()} : std::nullopt, script);
        EXPECT_TRUE(body_of(outgoing("a")) == body);
        EXPECT_EQ(body_of(outgoing("b", false)), "its own");
        pool.reset();
    }
}

TEST_F(PoolTest, AnEndOfThePlainConnectionEndsNoBody) {
    const std::string answer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{\"data\":{}}";
    serve_plain(say(answer, &Peer::finish));
    const Failure failed = failure_of(outgoing("a"));
    EXPECT_EQ(failed.code, errc::truncated);
    EXPECT_EQ(failed.stage, Stage::reading);
}

TEST_F(PoolTest, ARefusalToReadBeyondAMomentHolds) {
    serve_tls([](Peer& peer) {
        static_cast<void>(peer.read());
        peer.write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n");
        peer.wait_for_end();
    });
    SendResult result = send(outgoing("a"));
    auto& exchange = std::get<ExchangePtr>(result);
    EXPECT_EQ(bearerd::test::run_task(context, exchange->read(BootClock::now() + 20ms)), errc::timed_out);
    EXPECT_EQ(bearerd::test::run_task(context, exchange->read(BootClock::now())), errc::timed_out);
}

TEST_F(PoolTest, AStreamThatBreaksOffBeforeItsFirstEventIsNoAnswer) {
    serve_tls(say("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata", &Peer::cut));
    const Failure failure = failure_of(outgoing("a"));
    EXPECT_EQ(failure.code, errc::truncated);
    EXPECT_EQ(failure.stage, Stage::reading);
}

TEST_F(PoolTest, AStreamThatBreaksOffSaysSo) {
    serve_tls(say("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: {}\n\ndata", &Peer::cut));
    SendResult result = send(outgoing("a"));
    auto& exchange = std::get<ExchangePtr>(result);
    error_code code;
    while (!code && !exchange->complete())
        code = bearerd::test::run_task(context, exchange->read(TimePoint::max()));
    EXPECT_EQ(code, errc::truncated);
}

} // namespace
} // namespace bearerd::upstream::test
