#include "fixture.hpp"

#include <atomic>

namespace bearerd::server::test {
namespace {

using Mode = FakeHandler::Mode;
using End = FakeSource::End;
using Framing = http::BodyFraming;

const http::ReplyContext kept_open{false, true, false, "id-1", {}};

TEST(OwnReply, CarriesItsBodyApartFromItsHead) {
    const Reply reply = own_reply(kept_open, 200, "text/plain", "X: 1\r\n", "body");
    EXPECT_EQ(reply.head, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX: 1\r\nContent-Length: 4\r\n"
                          "X-Request-Id: id-1\r\n\r\n");
    EXPECT_EQ(whole_body(reply), "body");
    EXPECT_EQ(reply.report.status, 200);
    EXPECT_EQ(reply.report.bytes_out, 4U);
    EXPECT_EQ(reply.after, AfterReply::keep);
}

TEST(OwnReply, HasNoBodyAfterHead) {
    http::ReplyContext context = kept_open;
    context.head_only = true;
    const Reply reply = own_reply(context, 200, "text/plain", {}, "body");
    EXPECT_TRUE(holds(reply.head, "Content-Length: 4\r\n"));
    EXPECT_EQ(whole_body(reply), "");
}

TEST(ErrorReply, FillsInTheReportThatItIsGiven) {
    Report report;
    report.name = "Redeem";
    ErrorReply error = error_reply(outcome::ErrorCode::outcome_unknown);
    const Reply reply = render(error, kept_open, "*/*", false, std::move(report));
    EXPECT_EQ(reply.report.name, "Redeem");
    EXPECT_EQ(reply.report.outcome.label(), "outcome_unknown");
    EXPECT_EQ(reply.report.executed, outcome::Executed::unknown);
    EXPECT_EQ(reply.report.status, 504);
    EXPECT_EQ(reply.report.bytes_out, whole_body(reply).size());
}

TEST(ErrorReply, SaysUnknownIfOnlyThisProcessIsKnownToHaveExecutedNothing) {
    struct Case {
        outcome::ErrorCode code;
        bool others_may_have_executed;
        outcome::Executed told;
        outcome::Executed here;
    };

    using outcome::ErrorCode;
    using outcome::Executed;
    const Case cases[] = {{ErrorCode::login_unavailable, true, Executed::unknown, Executed::no},
                          {ErrorCode::login_unavailable, false, Executed::no, Executed::no},
                          {ErrorCode::outcome_unknown, true, Executed::unknown, Executed::unknown},
                          {ErrorCode::already_executed, true, Executed::yes, Executed::yes}};
    for (const Case& each : cases) {
        ErrorReply error = error_reply(each.code);
        error.sentence = "The cause.";
        error.retry_after = std::chrono::seconds{17};
        error.others_may_have_executed = each.others_may_have_executed;
        const Reply reply = render(error, kept_open, "*/*", false);
        EXPECT_EQ(reply.report.executed, each.told);
        EXPECT_EQ(reply.report.executed_here(), each.here);
        const std::string body{whole_body(reply)};
        EXPECT_TRUE(holds(body, "The cause."));
        EXPECT_TRUE(holds(body, R"("executed":")" + std::string{outcome::to_string(each.told)} + '"'));
        EXPECT_EQ(holds(body, "another replica may have executed"), each.told != each.here) << body;
        EXPECT_EQ(holds(reply.head, "Retry-After: 17\r\n"), each.code == ErrorCode::login_unavailable);
    }
}

TEST(InFlight, CountsOnceHoweverOftenItIsMoved) {
    std::atomic<std::uint32_t> total{0};
    Gauge gauge;
    {
        InFlight first{total, gauge};
        const InFlight second{total, gauge};
        EXPECT_EQ(second.count(), 2U);
        Reply reply;
        reply.in_flight = std::move(first);
        const Reply moved = std::move(reply);
        EXPECT_EQ(total.load(), 2U);
        EXPECT_EQ(gauge.get(), 2);
    }
    EXPECT_EQ(total.load(), 0U);
    EXPECT_EQ(gauge.get(), 0);
}

/// Two replies of which the socket takes a part only.
TEST_F(SessionTest, AnAppThatTakesItsTimeGetsItsAnswerWholeAndHoldsNothingThatWasLent) {
    handler->mode = Mode::lend;
    handler->lent.resize(3'000'000);
    for (std::size_t i = 0; i < handler->lent.size(); ++i)
        handler->lent[i] = static_cast<char>('a' + i % 23);
    Client client = connect();
    client.send(post("a") + post("b"));
    for (int i = 1; i <= 2; ++i) {
        EXPECT_TRUE(turn_until([&] { return handler->handled == i && handler->lent_now == 0; }));
        EXPECT_TRUE(body_of(answer(client)) == handler->lent);
    }
    EXPECT_EQ(body_of(exchange(client, post("c"))).size(), handler->lent.size()) << "the connection is kept";
}

/// Over TCP a send can end anywhere, in a head as well.
TEST_F(SessionTest, AnswersArriveWholeWhereverASendEnds) {
    constexpr int requests = 150;
    handler->mode = Mode::lend;
    handler->lent = std::string(100'000, 'x') + "end";
    Client client = connect_over_tcp();
    std::string all;
    for (int i = 0; i < requests; ++i)
        all += post("a");
    EXPECT_EQ(client.send(all), all.size());
    settle(); // until the socket takes no more
    for (int i = 0; i < requests; ++i)
        EXPECT_TRUE(body_of(answer(client)) == handler->lent) << i;
    EXPECT_EQ(handler->lent_now, 0);
}

TEST_F(SessionTest, AStreamOfUnknownLengthGoesOutInChunks) {
    handler->mode = Mode::stream;
    handler->framing = Framing::chunked;
    handler->script.pieces = {"", "one", "", "sixteen bytes !!"};
    Client client = connect();
    client.send(post("a"));
    const std::string_view body = "\r\n\r\n3\r\none\r\n10\r\nsixteen bytes !!\r\n0\r\n\r\n";
    EXPECT_TRUE(turn_until([&] {
        client.drain();
        return client.received.ends_with(body);
    })) << client.received;
    EXPECT_EQ(handler->script.finished, 1);
    client.received.clear();
    handler->mode = Mode::echo;
    EXPECT_EQ(status_of(exchange(client, post("b"))), "200");
}

TEST_F(SessionTest, AStreamThatEndsWithAnEmptyPieceIsEndedAllTheSame) {
    handler->mode = Mode::stream;
    handler->framing = Framing::chunked;
    handler->script.pieces = {"one", ""};
    Client client = connect();
    client.send(post("a"));
    EXPECT_TRUE(turn_until([&] {
        client.drain();
        return client.received.ends_with("\r\n\r\n3\r\none\r\n0\r\n\r\n");
    })) << client.received;
}

TEST_F(SessionTest, AStreamOfKnownLengthGoesOutAsItIs) {
    handler->mode = Mode::stream;
    handler->framing = Framing::length; // the head says 100
    handler->script.pieces = {std::string(60, 'x'), std::string(40, 'y')};
    EXPECT_EQ(body_of(ask(post("a"))), std::string(60, 'x') + std::string(40, 'y'));
}

TEST_F(SessionTest, AStreamToAnHttp10AppEndsWithItsConnection) {
    handler->mode = Mode::stream;
    handler->framing = Framing::until_close;
    handler->script.pieces = {"one", "two"};
    Client client = connect_over_tcp();
    client.send("POST / HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n");
    EXPECT_TRUE(ends(client));
    EXPECT_FALSE(client.reset);
    EXPECT_EQ(body_of(client.received), "onetwo");
}

TEST_F(SessionTest, TheHeadAndTheFirstPieceDoNotWaitForTheNextOne) {
    handler->mode = Mode::stream;
    handler->framing = Framing::chunked;
    handler->script.pieces = {"one", "two"};
    handler->script.waits = true;
    Client client = connect();
    client.send(post("a"));
    EXPECT_TRUE(turn_until([&] {
        client.drain();
        return client.received.ends_with("\r\n\r\n3\r\none\r\n");
    })) << client.received;
    handler->gate.set();
    EXPECT_TRUE(turn_until([&] {
        client.drain();
        return client.received.ends_with("3\r\ntwo\r\n0\r\n\r\n");
    })) << client.received;
}

/// Half an answer must not look whole: a chunked one lacks its end. If only the connection's end delimits the
/// body, a reset is the only way to say so.
TEST_F(SessionTest, AStreamThatBreaksOffIsSeenToBeCut) {
    for (const Framing framing : {Framing::chunked, Framing::length, Framing::until_close}) {
        handler->mode = Mode::stream;
        handler->framing = framing;
        handler->script = {};
        handler->script.pieces = {"one"};
        handler->script.end = End::broken;
        Client client = connect_over_tcp();
        client.send(post("a"));
        EXPECT_TRUE(ends(client));
        EXPECT_EQ(client.reset, framing == Framing::until_close);
        EXPECT_FALSE(holds(client.received, "\r\n0\r\n\r\n"));
        EXPECT_EQ(handler->script.finished, 1);
    }
}

/// Nor may it look whole if the app takes too long and the rest can't be written.
TEST_F(SessionTest, AnAnswerThatOnlyTheConnectionsEndDelimitsIsSeenToBeCutIfItsWriteFails) {
    for (const bool last : {false, true}) {
        service->body_timeout = 1ms;
        handler->mode = Mode::stream;
        handler->framing = Framing::until_close;
        handler->script = {};
        handler->script.pieces = {"one", std::string(30'000'000, 'x')};
        if (!last)
            handler->script.pieces.emplace_back("three");
        Client client = connect_over_tcp();
        client.send(post("a"));
        EXPECT_TRUE(turn_until([&] { return handler->script.finished == 1 && group.empty(); }));
        EXPECT_EQ(handler->script.read_for_nobody, 1);
        EXPECT_TRUE(ends(client));
        EXPECT_TRUE(client.reset);
    }
}

/// The kernel reports room only once much of its buffer is free.
TEST_F(SessionTest, AnAppThatReadsSlowlyGetsAllOfALargeAnswer) {
    service->body_timeout = 60ms; // longer than a turn below, so that none has two ends of it
    handler->mode = Mode::stream;
    handler->framing = Framing::until_close;
    handler->script.pieces = {std::string(30'000'000, 'x')};
    Client client = connect_over_tcp();
    client.send(post("a"));
    for (int turn = 0; turn < 8; ++turn) { // fewer than the session waits for room
        context.restart();
        context.run_for(20ms);
        client.take(std::size_t{128} << 10U);
    }
    EXPECT_TRUE(turn_until([&] {
        client.drain();
        return client.received.size() >= 30'000'000;
    }));
    EXPECT_EQ(handler->script.read_for_nobody, 0);
}

TEST_F(SessionTest, AnExceptionDuringAnAnswerThatTheConnectionsEndDelimitsIsSeen) {
    handler->mode = Mode::stream;
    handler->framing = Framing::until_close;
    handler->script.pieces = {"half"};
    handler->script.end = End::exception;
    Client client = connect_over_tcp();
    client.send(post("a"));
    EXPECT_TRUE(ends(client));
    EXPECT_TRUE(client.reset);
    EXPECT_EQ(handler->script.finished, 1);
}

TEST_F(SessionTest, AnAppThatIsGoneForTheLastPieceIsGoneForItsSource) {
    handler->mode = Mode::stream;
    handler->framing = Framing::chunked;
    handler->script.pieces = {"one"};
    Client client = connect();
    client.send(post("a"));
    client.close();
    EXPECT_TRUE(turn_until([&] { return handler->script.finished == 1; }));
    EXPECT_EQ(handler->script.read_for_nobody, 1);
}

TEST_F(SessionTest, WhoRecordsTheOutcomeLearnsWhetherAReplyWasWritten) {
    Client stays = connect();
    EXPECT_EQ(body_of(exchange(stays, post("one"))), "POST / one");
    Client leaves = connect();
    leaves.send(post("a"));
    leaves.close();
    EXPECT_TRUE(turn_until([&] { return handler->written.size() == 2; }));
    handler->mode = Mode::lend;
    handler->lent.resize(3'000'000);
    Client slow = connect();
    slow.send(post("b"));
    EXPECT_TRUE(turn_until([&] { return handler->handled == 3 && handler->lent_now == 0; }));
    slow.close();
    EXPECT_TRUE(turn_until([&] { return handler->written.size() == 3; }));
    EXPECT_EQ(handler->written, (std::vector<bool>{true, false, false}));
}

TEST_F(SessionTest, WhatIsKnownOfARequestIsReportedAlthoughItHasNoReply) {
    handler->mode = Mode::stay_silent;
    const std::string text = ask(post("a"));
    EXPECT_TRUE(holds(text, "OUTCOME_UNKNOWN")) << text;
    EXPECT_EQ(stats.requests
                  .at(OperationKind::mutation, outcome::RequestOutcome{outcome::ErrorCode::outcome_unknown})
                  .get(),
              1U);
}

TEST_F(SessionTest, AnExceptionBeforeTheFirstByteOfAStreamLeavesRoomForAnAnswerThatSaysUnknown) {
    handler->mode = Mode::stream;
    handler->framing = Framing::chunked;
    handler->script.end = End::exception;
    Client client = connect();
    const std::string text = exchange(client, post("a"));
    EXPECT_TRUE(holds(text, "OUTCOME_UNKNOWN")) << text;
    EXPECT_TRUE(holds(text, R"("executed":"unknown")"));
    EXPECT_TRUE(ends(client));
}

TEST_F(SessionTest, AnExceptionDuringAStreamEndsTheConnection) {
    handler->mode = Mode::stream;
    handler->framing = Framing::length;
    handler->script.pieces = {"half"};
    handler->script.end = End::exception;
    Client client = connect();
    client.send(post("a"));
    EXPECT_TRUE(ends(client));
    EXPECT_TRUE(client.received.ends_with("half"));
    EXPECT_FALSE(holds(client.received, "OUTCOME_UNKNOWN"));
    EXPECT_EQ(handler->script.finished, 1);
    const auto unknown = [&](OperationKind kind) {
        return stats.requests.at(kind, outcome::RequestOutcome{outcome::ErrorCode::outcome_unknown}).get();
    };
    EXPECT_EQ(unknown(OperationKind::query) + unknown(OperationKind::unknown), 1U);
}

TEST_F(SessionTest, AStreamWhoseAppHasGoneIsReadForNobodyOnceAndReported) {
    handler->mode = Mode::stream;
    handler->framing = Framing::chunked;
    handler->script.pieces = {"one", "two", "three"};
    Client client = connect();
    client.send(post("a"));
    client.close();
    EXPECT_TRUE(turn_until([&] { return handler->script.finished == 1; }));
    EXPECT_EQ(handler->script.read_for_nobody, 1);
    EXPECT_TRUE(turn_until([&] { return group.empty(); }));
}

TEST_F(SessionTest, AStreamIsCountedByItsFinalReport) {
    handler->mode = Mode::stream;
    handler->framing = Framing::chunked;
    handler->script.pieces = {"one"};
    Client client = connect();
    client.send(post("a"));
    EXPECT_TRUE(turn_until([&] {
        return stats.requests
                   .at(OperationKind::unknown, outcome::RequestOutcome{graphql::Verdict::graphql_error})
                   .get() == 1;
    }));
}

} // namespace
} // namespace bearerd::server::test
