#include "ingress.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

namespace bearerd::test {
namespace {

std::string sized(std::string_view body) {
    return "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string{body};
}

TEST(OldClients, OfHttp10MayLeaveOutTheHost) {
    Scene scene{plain_answer};
    for (const std::string host : {"", "Host: localhost\r\n", "Host: 127.0.0.1:8080\r\n"}) {
        HttpClient client = scene.daemon.client();
        client.send("POST / HTTP/1.0\r\n" + host + "Content-type: application/json\r\n" + sized(some_query));
        const HttpResponse response = client.read_response();
        EXPECT_EQ(response.body, some_data);
        EXPECT_EQ(response.header("Transfer-Encoding"), std::nullopt);
        EXPECT_EQ(response.header("Content-Length"), std::to_string(some_data.size()));
        EXPECT_TRUE(client.ended());
    }
    EXPECT_EQ(scene.upstream.app_requests().size(), 3U);
}

TEST(OldClients, OfHttp10KeepTheConnectionWhereTheyAskForIt) {
    Scene scene{plain_answer};
    HttpClient client = scene.daemon.client();
    for (const std::string wish : {"keep-alive", "Keep-Alive", "KEEP-ALIVE, x"}) {
        client.send("POST / HTTP/1.0\r\nConnection: " + wish + "\r\n" + sized(some_mutation));
        const HttpResponse response = client.read_response();
        EXPECT_EQ(response.body, some_data);
        EXPECT_EQ(response.header("Connection"), "keep-alive");
    }
    client.send("GET /nowhere HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    expect_own_error(client.read_response(), 404, "NOT_FOUND", "no");
    client.send("POST / HTTP/1.0\r\n" + sized(some_query));
    EXPECT_EQ(client.read_response().body, some_data);
    EXPECT_TRUE(client.ended());
}

TEST(OldClients, OfHttp10NeverSeeChunks) {
    const std::string body(200'000, 'x');
    Scene scene{[&](const UpstreamRequest&) {
        return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" +
               std::string{"30d40\r\n"} + body + "\r\n0\r\n\r\n";
    }};
    HttpClient client = scene.daemon.client();
    client.send("POST / HTTP/1.0\r\nConnection: keep-alive\r\n" + sized(some_query));
    const HttpResponse response = client.read_response();
    EXPECT_EQ(response.header("Transfer-Encoding"), std::nullopt);
    EXPECT_EQ(response.header("Connection"), "close");
    EXPECT_TRUE(response.body == body) << response.body.size();
}

TEST(OldClients, WhoExpectContinueMayWaitForItOrNot) {
    Scene scene{plain_answer};
    const std::string head =
        "POST / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-Continue\r\nContent-Length: " +
        std::to_string(some_mutation.size()) + "\r\n\r\n";
    HttpClient mono = scene.daemon.client();
    for (int i = 0; i < 3; ++i) {
        mono.send(head + std::string{some_mutation});
        const HttpResponse response = mono.read_response();
        EXPECT_EQ(response.body, some_data);
        EXPECT_TRUE(response.interim.empty()) << "the body was there";
    }
    for (int i = 0; i < 3; ++i) {
        mono.send(head);
        EXPECT_EQ(mono.socket().receive_some(), "HTTP/1.1 100 Continue\r\n\r\n");
        mono.send(some_mutation);
        EXPECT_EQ(mono.read_response().body, some_data);
    }
    HttpClient old = scene.daemon.client(); // HTTP/1.0 has no interim answers
    old.send("POST / HTTP/1.0\r\nExpect: 100-continue\r\n");
    old.send(sized(some_query));
    const HttpResponse response = old.read_response();
    EXPECT_EQ(response.body, some_data);
    EXPECT_TRUE(response.interim.empty());
    for (const auto& request : scene.upstream.app_requests())
        EXPECT_EQ(request.header("Expect"), std::nullopt);
}

TEST(OldClients, WhoExpectContinueAreRefusedBeforeTheySendTheBody) {
    Scene scene{plain_answer, "limits: {request_body: 1KiB}"};
    const auto refused = [&](const std::string& path, const std::string& more, std::size_t length, int status,
                             std::string_view code) {
        HttpClient client = scene.daemon.client();
        client.send("POST " + path + " HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n" + more +
                    "Content-Length: " + std::to_string(length) + "\r\n\r\n");
        const HttpResponse response = client.read_response();
        expect_own_error(response, status, code, "no");
        EXPECT_TRUE(response.interim.empty());
        EXPECT_TRUE(client.ended());
    };
    refused("/", "", 2'000, 413, "PAYLOAD_TOO_LARGE");
    refused("/", "Origin: http://evil.example\r\n", 10, 403, "FORBIDDEN_ORIGIN");
    refused("/nowhere", "", 10, 404, "NOT_FOUND");
    EXPECT_TRUE(scene.upstream.app_requests().empty());
}

TEST(OldClients, WhoPipelineAreAnsweredInOrderWhateverTheyAsk) {
    Scene scene{[](const UpstreamRequest& request) { return http_answer(request.body); }};
    HttpClient client = scene.daemon.client();
    const std::string large(100'000, 'x');
    const auto query = [&](int i) {
        return "{\"query\":\"{a" + std::to_string(i) + "}\",\"x\":\"" + large + "\"}";
    };
    std::string all;
    for (int i = 0; i < 4; ++i)
        all += client.format("POST", "/", query(i)) + client.format("GET", "/nowhere") +
               client.format("POST", "/graphql", some_mutation) +
               client.format("GET", "/?query=mutation%7Ba%7D");
    std::thread sender{[&] { client.socket().send(all); }};
    for (int i = 0; i < 4; ++i) {
        EXPECT_TRUE(client.read_response().body == query(i));
        EXPECT_EQ(client.read_response().status, 404);
        EXPECT_EQ(client.read_response().body, some_mutation);
        EXPECT_EQ(client.read_response().status, 405);
    }
    sender.join();
}

TEST(OldClients, WhoEndTheirDirectionGetAllTheirAnswers) {
    Scene scene{plain_answer};
    HttpClient client = scene.daemon.client();
    client.socket().send_with_end(client.format("POST", "/", some_mutation) +
                                  client.format("POST", "/", some_query) + client.format("GET", "/nowhere"));
    EXPECT_EQ(client.read_response().body, some_data);
    EXPECT_EQ(client.read_response().body, some_data);
    EXPECT_EQ(client.read_response().status, 404);
    EXPECT_TRUE(client.ended());
    EXPECT_EQ(scene.upstream.app_requests().size(), 2U);
}

TEST(OldClients, MayNameAnyContentType) {
    Scene scene{plain_answer};
    for (const std::string type : {"", "text/plain", "text/json", "application/x-www-form-urlencoded",
                                   "APPLICATION/JSON", "application/json;charset=UTF-8",
                                   "application/json; charset=\"utf-8\"; odd", "garbage", ";", "/"}) {
        HttpClient client = scene.daemon.client();
        client.send("POST / HTTP/1.1\r\nhost: localhost\r\ncontent-type: " + type + "\r\ncontent-length: " +
                    std::to_string(some_mutation.size()) + "\r\n\r\n" + std::string{some_mutation});
        EXPECT_EQ(client.read_response().body, some_data) << type;
        const auto requests = scene.upstream.app_requests();
        ASSERT_FALSE(requests.empty());
        EXPECT_EQ(requests.back().body, some_mutation);
        EXPECT_EQ(requests.back().header("Content-Type"), type);
    }
    HttpClient client = scene.daemon.client();
    client.send("POST / HTTP/1.1\r\nHost: localhost\r\n" + sized(some_query));
    EXPECT_EQ(client.read_response().body, some_data);
    EXPECT_EQ(scene.upstream.app_requests().back().header("Content-Type"), std::nullopt);
}

TEST(OldClients, MaySendAByteOrderMark) {
    Shop shop;
    const std::string query = "\xef\xbb\xbf" + balance_query();
    HttpClient client = shop.daemon.client();
    EXPECT_EQ(client.post(query).status, 200);
    EXPECT_EQ(client.post("\xef\xbb\xbf" + redemption("bom")).status, 200);
    const auto requests = shop.simulator.requests();
    EXPECT_TRUE(requests.at(requests.size() - 2).at("body_base64").get<std::string>().starts_with("77u/"));
    EXPECT_TRUE(shop.daemon.process().wait_for_line("operation=query"));
    EXPECT_TRUE(shop.daemon.process().wait_for_line("operation=mutation"));
}

TEST(OldClients, OfferHttp2AndGetHttp1) {
    Scene scene{plain_answer};
    HttpClient java = scene.daemon.client();
    for (int i = 0; i < 3; ++i) {
        const HttpResponse response =
            java.post(some_mutation, {{"Connection", "Upgrade, HTTP2-Settings"},
                                      {"Upgrade", "h2c"},
                                      {"HTTP2-Settings", "AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA"}});
        EXPECT_EQ(response.status, 200);
        EXPECT_EQ(response.body, some_data);
        EXPECT_EQ(response.header("Upgrade"), std::nullopt);
    }
    HttpClient perl = scene.daemon.client();
    EXPECT_EQ(perl.post(some_query, {{"TE", "deflate,gzip;q=0.3"}, {"Connection", "TE"}}).body, some_data);
    EXPECT_EQ(perl.post(some_query, {{"Proxy-Connection", "Keep-Alive"}, {"Keep-Alive", "300"}}).body,
              some_data);
    EXPECT_EQ(perl.post(some_query, {{"TE", "trailers"}, {"Connection", "TE, close"}}).body, some_data);
    EXPECT_TRUE(perl.ended());
    for (const auto& request : scene.upstream.app_requests())
        for (const std::string name :
             {"Upgrade", "HTTP2-Settings", "TE", "Proxy-Connection", "Keep-Alive", "Connection"})
            EXPECT_EQ(request.header(name), std::nullopt) << name;
}

TEST(OldClients, WhoAskForTheHeadOfWhatIsNotServedStayInStep) {
    Scene scene{plain_answer};
    HttpClient client = scene.daemon.client();
    const HttpResponse response = client.request("HEAD", "/graphql");
    EXPECT_EQ(response.status, 405);
    EXPECT_NE(response.header("Allow"), std::nullopt);
    EXPECT_EQ(client.post(some_query).body, some_data);
}

/// Sends the text byte by byte, until it is answered.
HttpResponse drip(HttpClient& client, std::string_view text) {
    pollfd waiting{client.socket().descriptor(), POLLIN, 0};
    while (!text.empty() && ::poll(&waiting, 1, 20) == 0) {
        client.send(text.substr(0, 1));
        text.remove_prefix(1);
    }
    EXPECT_FALSE(text.empty()) << "it took all of it";
    return client.read_response();
}

TEST(OldClients, WhoSendAByteNowAndThenAreTimedOut) {
    Scene scene{plain_answer, "{limits: {header_timeout: 400ms, body_timeout: 400ms, idle_timeout: 400ms}}"};
    const std::string head = "POST / HTTP/1.1\r\nHost: localhost\r\nX-Long: " + std::string(4'000, 'x');
    HttpClient slow_head = scene.daemon.client();
    expect_own_error(drip(slow_head, head), 408, "REQUEST_TIMEOUT", "no");
    EXPECT_TRUE(slow_head.ended());
    const std::string start = "POST / HTTP/1.1\r\nHost: localhost\r\n";
    HttpClient slow_body = scene.daemon.client();
    slow_body.send(start + "Content-Length: 4000\r\n\r\n");
    expect_own_error(drip(slow_body, std::string(4'000, ' ')), 408, "REQUEST_TIMEOUT", "no");
    EXPECT_TRUE(slow_body.ended());
    HttpClient slow_chunks = scene.daemon.client();
    slow_chunks.send(start + "Transfer-Encoding: chunked\r\n\r\n");
    std::string chunks;
    for (int i = 0; i < 1'000; ++i)
        chunks += "1\r\n \r\n";
    expect_own_error(drip(slow_chunks, chunks), 408, "REQUEST_TIMEOUT", "no");
    EXPECT_TRUE(slow_chunks.ended());
    HttpClient waiting = scene.daemon.client();
    waiting.send(start + "Expect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    const HttpResponse response = waiting.read_response();
    EXPECT_EQ(response.interim, std::vector{100});
    expect_own_error(response, 408, "REQUEST_TIMEOUT", "no");
    HttpClient silent = scene.daemon.client();
    EXPECT_TRUE(silent.ended()) << "it never asked, so it is not answered";
    EXPECT_TRUE(scene.upstream.app_requests().empty());
    EXPECT_TRUE(scene.daemon.wait_for_metric(refused_metric("request_timeout"), 4));
}

TEST(OldClients, WhoReadNothingHoldNoMemoryAndAreCut) {
    const std::string answer(20'000, 'x');
    const CertificateAuthority authority;
    ScriptedUpstream upstream{
        authority.issue(),
        serve_with(std::string{first_token}, [&](const UpstreamRequest&) { return http_answer(answer); })};
    Daemon daemon{{.upstream_url = upstream.url(),
                   .ca_pem = authority.pem(),
                   .config = "limits: {body_timeout: 1s}",
                   .environment = little_kept_memory()}};
    ASSERT_EQ(daemon.post(some_query).status, 200);
    const long before = memory_kib(daemon.process().pid());
    std::vector<HttpClient> clients;
    for (int i = 0; i < 20; ++i)
        clients.push_back(daemon.client());
    std::string many;
    for (int i = 0; i < 2'000; ++i)
        many += clients.front().format("POST", "/", some_query);
    for (HttpClient& client : clients) // as much as it takes: it stops reading if nobody reads its answers
        (void)!::send(client.socket().descriptor(), many.data(), many.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    EXPECT_TRUE(falls_to(daemon, "bearerd_client_connections", 1)) << "the rest is cut";
    EXPECT_LT(memory_kib(daemon.process().pid(), "VmHWM:") - before, memory_factor * (12 << 10));
    EXPECT_EQ(daemon.post(some_query).status, 200);
}

} // namespace
} // namespace bearerd::test
