#include "fixture.hpp"

namespace bearerd::server::test {
namespace {

std::string with(std::string_view fields, std::string_view method = "POST", std::string_view target = "/") {
    return std::string{method} + " " + std::string{target} + " HTTP/1.1\r\n" + std::string{fields} +
           "Content-Length: 0\r\n\r\n";
}

TEST_F(SessionTest, OnlyKnownHostsMayComeIn) {
    service->access.allowed_hosts = {"till.example"};
    for (const std::string_view host : {"localhost", "localhost:99", "127.0.0.1", "[::1]:80", "TILL.example"})
        EXPECT_EQ(status_of(ask(with("Host: " + std::string{host} + "\r\n"))), "200") << host;
    for (const std::string_view host : {"evil.example", "localhost.evil.example", ""})
        EXPECT_EQ(status_of(ask(with("Host: " + std::string{host} + "\r\n"))), "403") << host;
    EXPECT_TRUE(holds(ask(with("Host: evil.example\r\n")), "FORBIDDEN_HOST"));
}

TEST_F(SessionTest, AnAbsoluteTargetIsServedWhereItsAuthorityMayComeIn) {
    EXPECT_EQ(body_of(ask(with("Host: localhost\r\n", "POST", "http://127.0.0.1:8080/graphql?a"))),
              "POST /graphql?a ");
    EXPECT_TRUE(holds(ask(with("Host: localhost\r\n", "POST", "http://evil.example/")), "FORBIDDEN_HOST"));
    EXPECT_EQ(status_of(ask(with("Host: localhost\r\n", "POST", "ftp://localhost/"))), "400");
}

TEST_F(SessionTest, WebPagesStayOutUnlessTheirOriginIsAllowed) {
    service->access.allowed_origins = {"https://till.example"};
    EXPECT_TRUE(holds(ask(with("Host: localhost\r\nOrigin: https://evil.example\r\n")), "FORBIDDEN_ORIGIN"));
    EXPECT_TRUE(holds(ask(with("Host: localhost\r\nSec-Fetch-Site: cross-site\r\n")), "FORBIDDEN_ORIGIN"));
    const std::string text = ask(with("Host: localhost\r\nOrigin: https://till.example\r\n"));
    EXPECT_EQ(status_of(text), "200");
    EXPECT_TRUE(holds(text, "Access-Control-Allow-Origin: https://till.example\r\n"));
    EXPECT_EQ(handler->handled, 1);
}

TEST_F(SessionTest, OwnErrorsCarryCorsFieldsForAllowedOrigins) {
    service->access.allowed_origins = {"https://till.example"};
    const std::string text =
        ask(with("Host: localhost\r\nOrigin: https://till.example\r\n", "POST", "/elsewhere"));
    EXPECT_EQ(status_of(text), "404");
    EXPECT_TRUE(holds(text, "Access-Control-Allow-Origin: https://till.example\r\n"));
}

TEST_F(SessionTest, WhoeverIsTurnedAwayAtTheDoorReadsWhyOnAnAllowedOrigin) {
    service->access.allowed_origins = {"https://till.example"};
    const std::string origin = "Origin: https://till.example\r\n";
    const std::string cors = "Access-Control-Allow-Origin: https://till.example\r\n";
    const std::string misnamed = ask(with("Host: evil.example\r\n" + origin));
    EXPECT_TRUE(holds(misnamed, "FORBIDDEN_HOST"));
    EXPECT_TRUE(holds(misnamed, cors));
    accepted.over_limit = true;
    const std::string above = ask(with("Host: localhost\r\n" + origin));
    EXPECT_TRUE(holds(above, "OVERLOADED"));
    EXPECT_TRUE(holds(above, cors));
    EXPECT_FALSE(holds(ask(with("Host: localhost\r\nOrigin: https://evil.example\r\n")), "Access-Control"));
}

TEST_F(SessionTest, APreflightNamesTheMethodsThatAreServed) {
    service->access.allowed_origins = {"https://till.example"};
    service->methods = {"GET"};
    EXPECT_TRUE(holds(ask(with("Host: localhost\r\nOrigin: https://till.example\r\n"
                               "Access-Control-Request-Method: GET\r\n",
                               "OPTIONS")),
                      "Access-Control-Allow-Methods: GET\r\n"));
}

TEST_F(SessionTest, APreflightIsAnsweredWithoutTheHandler) {
    service->access.allowed_origins = {"https://till.example"};
    const std::string fields =
        "Host: localhost\r\nOrigin: https://till.example\r\n"
        "Access-Control-Request-Method: POST\r\nAccess-Control-Request-Private-Network: true\r\n";
    Client client = connect();
    const std::string text = exchange(client, with(fields, "OPTIONS"));
    EXPECT_EQ(status_of(text), "204");
    EXPECT_TRUE(holds(text, "Access-Control-Allow-Private-Network: true\r\n"));
    EXPECT_FALSE(holds(text, "Content-Length"));
    EXPECT_EQ(handler->handled, 0);
    EXPECT_EQ(status_of(exchange(client, post("a", "Origin: https://till.example\r\n"))), "200");
}

TEST_F(SessionTest, OtherMethodsGetAllowAndOtherPaths404) {
    for (const std::string_view method : {"OPTIONS", "PUT", "DELETE", "post", "BREW"}) {
        const std::string text = ask(with("Host: localhost\r\n", method));
        EXPECT_EQ(status_of(text), "405") << method;
        EXPECT_TRUE(holds(text, "Allow: POST, GET\r\n"));
    }
    for (const std::string_view target : {"/graphql/", "/Graphql", "//", "/?/graphql/../x"})
        EXPECT_EQ(status_of(ask(with("Host: localhost\r\n", "POST", target))),
                  target == "/?/graphql/../x" ? "200" : "404");
}

TEST_F(SessionTest, OptionsOfTheWholeServerGetAllow) {
    service->access.allowed_origins = {"https://till.example"};
    for (const std::string_view more :
         {"", "Origin: https://till.example\r\nAccess-Control-Request-Method: POST\r\n"}) {
        const std::string text = ask(with("Host: localhost\r\n" + std::string{more}, "OPTIONS", "*"));
        EXPECT_EQ(status_of(text), "405");
        EXPECT_TRUE(holds(text, "Allow: POST, GET\r\n"));
    }
    EXPECT_TRUE(holds(ask(with("Host: evil.example\r\n", "OPTIONS", "*")), "FORBIDDEN_HOST"));
}

TEST_F(SessionTest, ARefusedHeadHasNoBodyThatTheNextAnswerWouldBeTakenFor) {
    Client client = connect();
    client.send(with("Host: localhost\r\n", "HEAD") + post("next"));
    EXPECT_TRUE(turn_until([&] {
        client.drain();
        return client.received.ends_with("POST / next");
    })) << client.received;
    EXPECT_TRUE(client.received.starts_with("HTTP/1.1 405 "));
    EXPECT_TRUE(body_of(client.received).starts_with("HTTP/1.1 200 ")) << client.received;
}

TEST_F(SessionTest, ARefusedRequestThatWasReadWholeLeavesTheConnectionOpen) {
    Client client = connect();
    EXPECT_EQ(status_of(exchange(client, "GET /elsewhere HTTP/1.1\r\nHost: localhost\r\n\r\n")), "404");
    EXPECT_EQ(status_of(exchange(client, post("a"))), "200");
}

TEST_F(SessionTest, AUnixSocketsPeerIsChecked) {
    accepted.listener = {true, {}};
    accepted.peer_uid = 1000;
    service->allowed_users = {1001};
    const std::string text = ask(with("Host: anything.example\r\n"));
    EXPECT_TRUE(holds(text, "FORBIDDEN_PEER"));
    EXPECT_TRUE(holds(text, "Connection: close\r\n"));
    service->allowed_users = {1000};
    EXPECT_EQ(status_of(ask(with("Host: anything.example\r\n"))), "200");
    service->allowed_users = {};
    EXPECT_EQ(status_of(ask(with("Host: anything.example\r\n"))), "200");
}

TEST_F(SessionTest, AClientOverTheLimitIsToldSoAndClosed) {
    accepted.over_limit = true;
    Client client = connect();
    const std::string text = exchange(client, post("a"));
    EXPECT_EQ(status_of(text), "503");
    EXPECT_TRUE(holds(text, "OVERLOADED"));
    EXPECT_TRUE(holds(text, "Retry-After: 1\r\n"));
    client.shutdown_send();
    EXPECT_TRUE(ends(client));
    EXPECT_EQ(handler->handled, 0);
}

TEST_F(SessionTest, AClientOverTheLimitMayTakeAMomentForItsRequest) {
    accepted.over_limit = true;
    Client client = connect();
    const std::string request = post("a");
    client.send(request.substr(0, 20));
    const TimePoint later = BootClock::now() + 300ms; // after the first check for idle clients
    EXPECT_TRUE(turn_until([&] { return BootClock::now() >= later; }));
    const std::string text = exchange(client, request.substr(20));
    EXPECT_EQ(status_of(text), "503");
    EXPECT_TRUE(holds(text, "OVERLOADED"));
}

TEST_F(SessionTest, TheAppsRequestIdIsKeptAndComesBack) {
    EXPECT_TRUE(holds(ask(post("a", "x-request-id: till-7/42\r\n")), "X-Request-Id: till-7/42\r\n"));
    EXPECT_TRUE(holds(ask(post("a", "X-Request-Id: till-8\r\n", "/elsewhere")), R"("request_id":"till-8")"));
    EXPECT_EQ(handler->ids, std::vector<std::string>{"till-7/42"});
}

TEST_F(SessionTest, ARequestWithoutAUsableIdGetsOneOfItsOwn) {
    Client client = connect();
    static_cast<void>(exchange(client, post("a")));
    static_cast<void>(exchange(client, post("a", "X-Request-Id: two words\r\n")));
    static_cast<void>(exchange(client, post("a", "X-Request-Id: " + std::string(129, 'x') + "\r\n")));
    ASSERT_EQ(handler->ids.size(), 3U);
    for (const std::string& id : handler->ids)
        EXPECT_EQ(id.size(), 32U);
    EXPECT_NE(handler->ids[0], handler->ids[1]);
}

TEST_F(SessionTest, AReloadHoldsFromTheNextRequestOn) {
    Client client = connect();
    EXPECT_EQ(status_of(exchange(client, post("a"))), "200");
    auto other = std::make_shared<ServiceSettings>(*service);
    other->paths = {"/graphql"};
    session_context.service = other;
    EXPECT_EQ(status_of(exchange(client, post("a", {}, "/"))), "404");
}

TEST_F(SessionTest, ErrorsGoOutAs200WhereTheSiteSaysSo) {
    service->errors_always_200 = true;
    const std::string text = ask(with("Host: evil.example\r\n"));
    EXPECT_EQ(status_of(text), "200");
    EXPECT_TRUE(holds(text, "FORBIDDEN_HOST"));
}

} // namespace
} // namespace bearerd::server::test
