#include "fixture.hpp"

namespace bearerd::server::test {
namespace {

using Mode = FakeHandler::Mode;

TEST_F(SessionTest, AnIdleSessionEndsAtOnceWhenAsked) {
    Client used = connect();
    static_cast<void>(exchange(used, post("a")));
    settle();
    group.finish_soon();
    settle();
    EXPECT_TRUE(group.empty());
    EXPECT_TRUE(ends(used));
    EXPECT_EQ(used.received, "");
}

TEST_F(SessionTest, AClientThatHasJustConnectedMayStillSendItsFirstRequest) {
    Client fresh = connect();
    settle();
    group.finish_soon();
    settle();
    fresh.send(post("first"));
    const std::string text = answer(fresh);
    EXPECT_EQ(body_of(text), "POST / first");
    EXPECT_TRUE(holds(text, "Connection: close\r\n")) << text;
    EXPECT_TRUE(ends(fresh));
}

TEST_F(SessionTest, AClientThatHasJustConnectedAndSaysNothingDoesNotHoldUpTheShutdown) {
    Client fresh = connect();
    settle();
    group.finish_soon();
    EXPECT_TRUE(ends(fresh));
    EXPECT_TRUE(group.empty());
    EXPECT_EQ(fresh.received, "");
}

TEST_F(SessionTest, ARequestThatCrossesTheShutdownIsAnswered) {
    Client client = connect();
    static_cast<void>(exchange(client, post("a")));
    settle();
    client.send(post("crossed"));
    group.finish_soon();
    const std::string text = answer(client);
    EXPECT_EQ(body_of(text), "POST / crossed");
    EXPECT_TRUE(holds(text, "Connection: close\r\n"));
    EXPECT_TRUE(ends(client));
}

TEST_F(SessionTest, ABusySessionFinishesItsRequestAndSaysThatItCloses) {
    handler->mode = Mode::wait;
    Client client = connect();
    client.send(post("a"));
    EXPECT_TRUE(turn_until([&] { return handler->handled == 1; }));
    group.finish_soon();
    settle();
    client.drain();
    EXPECT_FALSE(client.ended);
    handler->gate.set();
    const std::string text = answer(client);
    EXPECT_EQ(body_of(text), "POST / a");
    EXPECT_TRUE(holds(text, "Connection: close\r\n")) << text;
    EXPECT_TRUE(ends(client));
    EXPECT_FALSE(client.reset);
}

TEST_F(SessionTest, AfterSayingThatItClosesNoPipelinedRequestIsHandled) {
    handler->mode = Mode::wait;
    Client client = connect();
    client.send(post("a") + post("b"));
    EXPECT_TRUE(turn_until([&] { return handler->handled == 1; }));
    group.finish_soon();
    handler->gate.set();
    EXPECT_TRUE(holds(answer(client), "Connection: close\r\n"));
    EXPECT_TRUE(ends(client));
    EXPECT_EQ(client.received, "");
    EXPECT_EQ(handler->handled, 1);
}

TEST_F(SessionTest, AtTheEndOfTheGraceARequestStillBeingReadIsAnswered) {
    Client client = connect();
    client.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf");
    settle();
    group.finish_soon();
    settle();
    EXPECT_FALSE(group.empty());
    group.finish_now();
    EXPECT_TRUE(holds(answer(client), R"("executed":"no")"));
    EXPECT_TRUE(ends(client));
}

TEST_F(SessionTest, AtTheEndOfTheGraceARequestInHandIsAnsweredAsSoonAsItsHandlerEnds) {
    handler->mode = Mode::wait;
    Client client = connect();
    client.send(post("a"));
    EXPECT_TRUE(turn_until([&] { return handler->handled == 1; }));
    group.finish_now();
    settle();
    handler->gate.set();
    EXPECT_EQ(body_of(answer(client)), "POST / a");
    EXPECT_TRUE(ends(client));
}

} // namespace
} // namespace bearerd::server::test
