#include "fixture.hpp"

#include <bearerd/base/log.hpp>

#include <variant>

namespace bearerd::server::test {
namespace {

using Mode = FakeHandler::Mode;

TEST_F(SessionTest, RequestsOnOneConnectionAreAnsweredOneAfterTheOther) {
    Client client = connect();
    EXPECT_EQ(body_of(exchange(client, post("one"))), "POST / one");
    EXPECT_EQ(body_of(exchange(client, post("two", {}, "/graphql?a=b"))), "POST /graphql?a=b two");
    EXPECT_EQ(body_of(exchange(client, "GET /?query=%7Ba%7D HTTP/1.1\r\nHost: localhost\r\n\r\n")),
              "GET /?query=%7Ba%7D ");
    EXPECT_FALSE(client.ended);
    EXPECT_EQ(stats.client_connections.get(), 1);
}

TEST_F(SessionTest, PipelinedRequestsAreAllAnsweredInOrder) {
    Client client = connect();
    client.send(post("one") + post("two") + "\r\n" + post("three"));
    EXPECT_EQ(body_of(answer(client)), "POST / one");
    EXPECT_EQ(body_of(answer(client)), "POST / two");
    EXPECT_EQ(body_of(answer(client)), "POST / three");
    EXPECT_EQ(handler->handled, 3);
}

TEST_F(SessionTest, ARequestThatComesByteByByteIsTheSame) {
    Client client = connect();
    for (const char c : "\r\n" + post("body")) {
        client.send({&c, 1});
        settle();
    }
    EXPECT_EQ(body_of(answer(client)), "POST / body");
}

TEST_F(SessionTest, AChunkedBodyIsPutTogetherAndItsTrailersAreDropped) {
    EXPECT_EQ(body_of(ask("POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
                          "3;x=y\r\none\r\n3\r\ntwo\r\n0\r\nX-Trailer: 1\r\n\r\n")),
              "POST / onetwo");
}

TEST_F(SessionTest, AnHttp10ClientIsServedWithoutHostAndClosed) {
    Client client = connect();
    const std::string text = exchange(client, "POST / HTTP/1.0\r\nContent-Length: 3\r\n\r\none");
    EXPECT_TRUE(holds(text, "Connection: close\r\n")) << text;
    EXPECT_EQ(body_of(text), "POST / one");
    EXPECT_TRUE(ends(client));
    EXPECT_FALSE(client.reset);
}

TEST_F(SessionTest, AnHttp10ClientThatAsksForItKeepsItsConnection) {
    Client client = connect();
    const std::string request = "POST / HTTP/1.0\r\nConnection: Keep-Alive\r\nContent-Length: 3\r\n\r\none";
    EXPECT_TRUE(holds(exchange(client, request), "Connection: keep-alive\r\n"));
    EXPECT_EQ(body_of(exchange(client, request)), "POST / one");
}

TEST_F(SessionTest, ConnectionCloseIsHonoured) {
    Client client = connect();
    EXPECT_TRUE(holds(exchange(client, post("a", "Connection: close\r\n")), "Connection: close\r\n"));
    EXPECT_TRUE(ends(client));
}

TEST_F(SessionTest, ExpectContinueIsAnsweredBeforeTheBodyComes) {
    Client client = connect();
    client.send("POST / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    EXPECT_EQ(answer(client), "HTTP/1.1 100 Continue\r\n\r\n");
    EXPECT_EQ(handler->handled, 0);
    EXPECT_EQ(body_of(exchange(client, "body")), "POST / body");
}

TEST_F(SessionTest, ExpectContinueIsSparedWhereTheBodyIsThereAlready) {
    EXPECT_EQ(status_of(ask(post("body", "Expect: 100-continue\r\n"))), "200");
}

TEST_F(SessionTest, ExpectContinueOfARequestThatIsRefusedIsAnsweredWithTheError) {
    Client client = connect();
    EXPECT_EQ(status_of(exchange(client, "POST / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
                                         "Content-Length: 4000\r\n\r\n")),
              "413");
    EXPECT_TRUE(ends(client));
}

TEST_F(SessionTest, AHalfClosedClientIsStillAnswered) {
    Client client = connect();
    client.send(post("last"));
    client.shutdown_send();
    EXPECT_EQ(body_of(answer(client)), "POST / last");
    EXPECT_TRUE(ends(client));
    EXPECT_FALSE(client.reset);
}

TEST_F(SessionTest, AClientThatGoesAwayBeforeARequestIsForgotten) {
    Client client = connect();
    settle();
    client.close();
    EXPECT_TRUE(turn_until([&] { return group.empty(); }));
    EXPECT_EQ(handler->handled, 0);
    EXPECT_EQ(stats.client_connections.get(), 0);
}

TEST_F(SessionTest, ARequestThatBreaksOffIsRefusedAndNotHandled) {
    for (const std::string_view part : {"POST / HTTP/1.1\r\nHo", "POST / HTTP/1.1\r\nHost: a\r\n\r\n"}) {
        Client client = connect();
        client.send(part);
        client.shutdown_send();
        EXPECT_TRUE(ends(client));
    }
    Client client = connect();
    client.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf");
    client.shutdown_send();
    EXPECT_EQ(status_of(answer(client)), "400");
    EXPECT_EQ(handler->handled, 0);
}

TEST_F(SessionTest, ARequestThatTakesTooLongIsAnswered408) {
    service->header_timeout = 1ms;
    EXPECT_EQ(status_of(ask("POST / HTTP/1.1\r\n")), "408");
    service->header_timeout = 1h;
    service->body_timeout = 1ms;
    Client client = connect();
    const std::string text =
        exchange(client, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf");
    EXPECT_EQ(status_of(text), "408");
    EXPECT_TRUE(holds(text, R"("executed":"no")"));
    EXPECT_TRUE(ends(client));
    EXPECT_EQ(handler->handled, 0);
}

TEST_F(SessionTest, AConnectionWithoutARequestIsClosedWithoutAnAnswer) {
    service->header_timeout = 1ms;
    Client silent = connect();
    EXPECT_TRUE(ends(silent));
    EXPECT_EQ(silent.received, "");
    service->header_timeout = 1h;
    service->idle_timeout = 1ms;
    Client idle = connect();
    EXPECT_EQ(status_of(exchange(idle, post("a"))), "200");
    EXPECT_TRUE(ends(idle));
    EXPECT_EQ(idle.received, "");
}

TEST_F(SessionTest, EmptyLinesBehindABodyLeaveTheConnectionIdle) {
    service->idle_timeout =
        100ms; // header_timeout would come an hour later, and with a 408 where a byte is there
    for (const std::string_view late : {"\r\n", "\r", "\r\n\r"}) {
        Client client = connect();
        EXPECT_EQ(status_of(exchange(client, post("a"))), "200");
        client.send(late);
        EXPECT_TRUE(ends(client));
        EXPECT_EQ(client.received, "");
    }
}

TEST_F(SessionTest, ARequestBehindLateEmptyLinesIsServed) {
    Client client = connect();
    std::string rest;
    for (const std::string late : {"\r\n", "\r", "\r\n\r"}) {
        EXPECT_EQ(status_of(exchange(client, rest + post("a"))), "200");
        client.send(late);
        settle();
        rest = late.ends_with('\r') ? "\n" : "";
    }
    EXPECT_EQ(status_of(exchange(client, rest + post("a"))), "200");
    EXPECT_EQ(handler->handled, 4);
}

TEST_F(SessionTest, EmptyLinesBuyNoTime) {
    service->header_timeout = 100ms;
    Client client = connect();
    EXPECT_TRUE(turn_until([&] {
        client.send("\r\n");
        client.drain();
        return client.ended;
    }));
    EXPECT_EQ(client.received, "");
}

TEST_F(SessionTest, LimitsAreAnsweredWithTheirStatuses) {
    EXPECT_EQ(status_of(ask(post(std::string(1025, 'x')))), "413");
    EXPECT_EQ(status_of(ask(post(std::string(1024, 'x')))), "200");
    EXPECT_EQ(
        status_of(ask("POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n401\r\n" +
                      std::string(1025, 'x') + "\r\n0\r\n\r\n")),
        "413");
    EXPECT_EQ(
        status_of(ask("POST / HTTP/1.1\r\nHost: localhost\r\nX: " + std::string(5000, 'x') + "\r\n\r\n")),
        "431");
}

TEST_F(SessionTest, LargeBodiesAreBoundedTogether) {
    constexpr std::uint64_t most = 64U << 20U;
    constexpr std::uint64_t others = most - 300'000;
    ASSERT_TRUE(bodies.take(others, most));
    service->request_body = 1 << 20;
    Client client = connect();
    const auto send = [&](std::string_view bytes) {
        return turn_until([&] {
            bytes.remove_prefix(client.send(bytes));
            return bytes.empty();
        });
    };
    const std::string body(200'000, 'x');
    EXPECT_TRUE(send(post(body)));
    EXPECT_TRUE(body_of(answer(client)) == "POST / " + body);
    EXPECT_TRUE(turn_until([&] { return bodies.taken() == others; })) << "it is given back";
    EXPECT_TRUE(send(post(std::string(300'000, 'x'))));
    const std::string text = answer(client);
    EXPECT_EQ(status_of(text), "503");
    EXPECT_TRUE(holds(text, "OVERLOADED"));
    EXPECT_TRUE(holds(text, R"("executed":"no")"));
    EXPECT_TRUE(holds(text, "Retry-After: "));
    EXPECT_EQ(bodies.taken(), others);
    client.shutdown_send();
    EXPECT_TRUE(ends(client));
    EXPECT_EQ(handler->handled, 1);
}

TEST_F(SessionTest, SmallBodiesAreNotCounted) {
    service->request_body = 1 << 20;
    ASSERT_TRUE(bodies.take(64U << 20U, 64U << 20U));
    EXPECT_EQ(status_of(ask(post(std::string(40'000, 'x')))), "200");
}

TEST_F(SessionTest, WhatAConnectionTookOfTheBudgetEndsWithIt) {
    service->request_body = 1 << 20;
    Client client = connect();
    client.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n");
    EXPECT_TRUE(turn_until([&] {
        client.send(std::string(10'000, 'x'));
        return bodies.taken() > 200'000;
    }));
    client.close();
    EXPECT_TRUE(turn_until([&] { return group.empty(); }));
    EXPECT_EQ(bodies.taken(), 0U);
}

TEST_F(SessionTest, ARefusedRequestIsReadOnForAWhileSoThatItsAnswerArrives) {
    Client client = connect();
    const std::string request = post(std::string(150'000, 'x'));
    std::size_t sent = 0;
    std::string text;
    EXPECT_TRUE(turn_until([&] {
        sent += client.send(std::string_view{request}.substr(sent));
        if (text.empty())
            text = client.take_answer();
        return sent == request.size() && !text.empty();
    }));
    EXPECT_EQ(status_of(text), "413");
    client.shutdown_send();
    EXPECT_TRUE(ends(client));
    EXPECT_FALSE(client.reset);
}

TEST_F(SessionTest, WhatFollowsARefusedRequestIsNeverTakenForOne) {
    Client client = connect();
    client.send("POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: xchunked\r\n\r\n" +
                post("smuggled"));
    EXPECT_EQ(status_of(answer(client)), "400");
    client.shutdown_send();
    EXPECT_TRUE(ends(client));
    EXPECT_EQ(client.received, "");
    EXPECT_EQ(handler->handled, 0);
}

TEST_F(SessionTest, AmbiguousRequestsAreRefusedAndClosed) {
    const std::string_view requests[] = {
        "POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nTransfer-Encoding: "
        "chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: localhost\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n",
        "POST / HTTP/1.1\nHost: localhost\nContent-Length: 0\n\n",
        "POST / HTTP/1.1\r\nHost: localhost\r\nX: a\rb\r\nContent-Length: 0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
        "POST / HTTP/2.0\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n",
        "POST * HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n",
        "\x16\x03\x01\x02\r\n\r\n",
    };
    for (const std::string_view request : requests) {
        SCOPED_TRACE(request);
        Client client = connect();
        const std::string text = exchange(client, request);
        EXPECT_EQ(status_of(text), "400");
        EXPECT_TRUE(holds(text, "Connection: close\r\n"));
        client.shutdown_send();
        EXPECT_TRUE(ends(client));
    }
    EXPECT_EQ(handler->handled, 0);
}

TEST_F(SessionTest, AHandlerThatGivesNoReplyStillGetsTheAppAnAnswerThatSaysUnknown) {
    for (const Mode mode : {Mode::throw_before, Mode::stay_silent}) {
        handler->mode = mode;
        Client client = connect();
        const std::string text = exchange(client, post("a"));
        EXPECT_TRUE(holds(text, "OUTCOME_UNKNOWN")) << text;
        EXPECT_TRUE(holds(text, R"("executed":"unknown")"));
        EXPECT_TRUE(ends(client));
    }
}

TEST_F(SessionTest, AnEndOfStreamThatCameWithTheRequestIsNoFarewell) {
    handler->mode = Mode::look;
    Client client = connect();
    client.send(post("a"));
    client.shutdown_send();
    EXPECT_TRUE(turn_until([&] { return handler->handled == 1; }));
    handler->gate.set();
    EXPECT_EQ(status_of(answer(client)), "200");
    EXPECT_EQ(handler->found_gone, std::vector<bool>{false});
}

TEST_F(SessionTest, AnAppThatClosedBothDirectionsWithItsRequestIsGoneAtOnce) {
    handler->mode = Mode::look;
    Client client = connect();
    client.send(post("a"));
    client.close();
    EXPECT_TRUE(turn_until([&] { return !handler->gone_at_once.empty(); }));
    EXPECT_EQ(handler->gone_at_once, std::vector<bool>{true});
    handler->gate.set();
    EXPECT_TRUE(turn_until([&] { return !handler->found_gone.empty(); }));
}

/// `nc -N` and the like end their stream in a separate segment, right after the request.
TEST_F(SessionTest, AnEndThatFollowsTheRequestAtOnceIsNoFarewellHoweverLongTheWait) {
    std::vector<std::shared_ptr<FakeHandler>> all{handler}; // a session may be on its way out of one
    for (const bool window_is_over : {false, true}) {
        handler = all.emplace_back(std::make_shared<FakeHandler>(context.get_executor()));
        handler->mode = Mode::look;
        service->handler = handler;
        service->half_close_window = window_is_over ? 50ms : 1h;
        Client client = connect();
        client.send(post("a"));
        EXPECT_TRUE(turn_until([&] { return handler->handled == 1; }));
        client.shutdown_send();
        bool over = false;
        net::Deadline after_it{clock_, [](void* flag) noexcept { *static_cast<bool*>(flag) = true; }, &over};
        if (window_is_over) {
            after_it.set_after(150ms);
            EXPECT_TRUE(turn_until([&] { return over; }));
        }
        handler->gate.set();
        EXPECT_EQ(status_of(answer(client)), "200");
        EXPECT_EQ(handler->gone_at_once, std::vector<bool>{false});
        EXPECT_EQ(handler->found_gone, std::vector<bool>{false});
    }
}

TEST_F(SessionTest, AnEndAfterTheWindowIsAFarewell) {
    handler->mode = Mode::look;
    service->half_close_window = 1ns;
    Client client = connect();
    client.send(post("a"));
    EXPECT_TRUE(turn_until([&] { return handler->handled == 1; }));
    bool over = false;
    net::Deadline after_it{clock_, [](void* flag) noexcept { *static_cast<bool*>(flag) = true; }, &over};
    after_it.set_after(100ms);
    EXPECT_TRUE(turn_until([&] { return over; }));
    client.shutdown_send();
    handler->gate.set();
    EXPECT_TRUE(turn_until([&] { return !handler->found_gone.empty(); }));
    EXPECT_EQ(handler->found_gone, std::vector<bool>{true});
}

TEST_F(SessionTest, AnAppIsGoneOnceItsStreamEndsWhileItsRequestWaits) {
    service->half_close_window = 0ns;

    struct Case {
        const char* what;
        std::string_view before; ///< the end, of a next request
        bool closes;             ///< both directions
    };

    std::vector<std::shared_ptr<FakeHandler>> all{handler}; // a session may be on its way out of one
    const std::string next = post("b");
    for (const Case& leaving : {Case{"it closes its direction", {}, false}, Case{"it closes", {}, true},
                                Case{"with half a request in front", "POST", false},
                                Case{"with a whole one in front", next, false}}) {
        SCOPED_TRACE(leaving.what);
        handler = all.emplace_back(std::make_shared<FakeHandler>(context.get_executor()));
        handler->mode = Mode::look;
        service->handler = handler;
        Client client = connect();
        client.send(post("a"));
        EXPECT_TRUE(turn_until([&] { return handler->handled == 1; }));
        client.send(leaving.before);
        leaving.closes ? client.close() : client.shutdown_send();
        handler->gate.set();
        EXPECT_TRUE(turn_until([&] { return !handler->found_gone.empty(); }));
        if (!leaving.closes) {
            EXPECT_TRUE(holds(answer(client), "Connection: close\r\n"));
            EXPECT_TRUE(ends(client));
        }
        EXPECT_EQ(handler->found_gone, std::vector<bool>{true});
    }
}

TEST_F(SessionTest, AnAppThatStaysIsNotGone) {
    handler->mode = Mode::look;
    Client client = connect();
    client.send(post("a") + post("b"));
    EXPECT_TRUE(turn_until([&] { return handler->handled == 1; }));
    handler->gate.set();
    EXPECT_TRUE(turn_until([&] { return handler->handled == 2; }));
    handler->gate.set();
    EXPECT_TRUE(turn_until([&] { return handler->found_gone.size() == 2; }));
    EXPECT_EQ(handler->found_gone, (std::vector<bool>{false, false}));
}

/// Keeps what the lines say of the operation's name.
class NameSink final : public log::Sink {
public:
    void write(log::Level, std::string_view, std::span<const log::Field> fields) noexcept override {
        for (const log::Field& field : fields)
            if (field.key == "name")
                names.emplace_back(std::get<std::string_view>(field.value));
    }

    std::vector<std::string> names;
};

TEST_F(SessionTest, ACardNumberInAnOperationsNameIsNotLogged) {
    NameSink sink;
    log::install(&sink, log::Level::info);
    handler->operation_name = "Redeem_6301190019990640662";
    static_cast<void>(ask(post("a")));
    EXPECT_TRUE(turn_until([&] { return !sink.names.empty(); }));
    log::install(nullptr, log::Level::info);
    EXPECT_EQ(sink.names, std::vector<std::string>{"Redeem_*******************"});
}

TEST_F(SessionTest, RequestsAreCounted) {
    const auto count = [&](outcome::RequestOutcome outcome) {
        return stats.requests.at(OperationKind::unknown, outcome).get();
    };
    static_cast<void>(ask(post("a")));
    EXPECT_TRUE(turn_until([&] { return count(graphql::Verdict::ok) == 1; }));
    static_cast<void>(ask(post("a", {}, "/elsewhere")));
    EXPECT_TRUE(turn_until([&] { return count(outcome::ErrorCode::not_found) == 1; }));
}

} // namespace
} // namespace bearerd::server::test
