#include "scenario.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <set>
#include <utility>

namespace bearerd::test {
namespace {

using testing::HasSubstr;

/// Echoes bodies, but sends 408 for one that contains `name`, whose answer comes with the next request.
Script serve_and_say_408_to(const std::string& name) {
    return [name](UpstreamConnection& connection) {
        std::string owed;
        while (true) {
            const UpstreamRequest request = connection.read();
            if (request.is_login()) {
                connection.write(login_answer(first_token));
            } else if (request.body.find(name) != std::string::npos) {
                connection.write("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n");
                owed = http_answer(request.body);
            } else {
                connection.write(owed.empty() ? http_answer(request.body)
                                              : std::exchange(owed, http_answer(request.body)));
            }
        }
    };
}

TEST(Connections, AreKeptOnBothSides) {
    Scene scene{plain_answer};
    HttpClient client = scene.daemon.client();
    for (int i = 0; i < 10; ++i)
        EXPECT_EQ(client.post(i % 2 == 0 ? some_query : some_mutation).body, some_data);
    std::set<int> used;
    for (const auto& request : scene.upstream.app_requests())
        used.insert(request.connection);
    EXPECT_EQ(used.size(), 1U);
    EXPECT_THROW((void)client.ended(Deadline{std::chrono::milliseconds{0}}), TimedOut) << "it was closed";
}

/// A server may send 408 on a connection that it finds idle, just as a request arrives.
TEST(Connections, OnWhichTheUpstreamSaid408CarryNoOtherRequest) {
    Scene scene{serve_and_say_408_to("late")};
    for (const bool mutation : {false, true}) {
        const auto ask = [&](const std::string& name) {
            const std::string operation = mutation ? "mutation{" : "{";
            return scene.daemon.post("{\"query\":\"" + operation + name + "}\"}");
        };
        EXPECT_THAT(ask("first").body, HasSubstr("first"));
        EXPECT_EQ(ask("late").status, 408);
        EXPECT_THAT(ask("next").body, HasSubstr("next"));
        EXPECT_THAT(ask("last").body, HasSubstr("last"));
    }
}

TEST(Connections, OfAnAppMayBePipelined) {
    Scene scene{[](const UpstreamRequest& request) { return http_answer(request.body); }};
    HttpClient client = scene.daemon.client();
    std::string all;
    for (int i = 0; i < 20; ++i)
        all += client.format("POST", "/graphql", "{\"query\":\"{a" + std::to_string(i) + "}\"}");
    client.send(all);
    for (int i = 0; i < 20; ++i)
        EXPECT_EQ(client.read_response().body, "{\"query\":\"{a" + std::to_string(i) + "}\"}");
}

TEST(Connections, EndAfterAnAnswerWhereTheAppWantsIt) {
    Scene scene{plain_answer};
    HttpClient closing = scene.daemon.client();
    const HttpResponse response = closing.post(some_query, {{"Connection", "close"}});
    EXPECT_EQ(response.body, some_data);
    EXPECT_EQ(response.header("Connection"), "close");
    EXPECT_TRUE(closing.ended());
    HttpClient old = scene.daemon.client();
    old.send("POST /graphql HTTP/1.0\r\nContent-Length: " + std::to_string(some_query.size()) + "\r\n\r\n" +
             std::string{some_query});
    EXPECT_EQ(old.read_response().body, some_data);
    EXPECT_TRUE(old.ended());
}

TEST(Connections, AnswerAHalfClosedApp) {
    Scene scene{plain_answer};
    HttpClient client = scene.daemon.client();
    client.socket().send_with_end(client.format("POST", "/graphql", some_query));
    EXPECT_EQ(client.read_response().body, some_data);
    EXPECT_TRUE(client.ended());
}

TEST(Connections, SayContinueToWhomExpectsIt) {
    Scene scene{plain_answer};
    HttpClient client = scene.daemon.client();
    client.send("POST /graphql HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: " +
                std::to_string(some_query.size()) + "\r\n\r\n");
    EXPECT_EQ(client.socket().receive_some(), "HTTP/1.1 100 Continue\r\n\r\n");
    client.send(some_query);
    EXPECT_EQ(client.read_response().body, some_data);
    const auto requests = scene.upstream.app_requests();
    ASSERT_EQ(requests.size(), 1U);
    EXPECT_EQ(requests[0].header("Expect"), std::nullopt);
}

TEST(Connections, SkipInterimAnswersOfTheUpstream) {
    Scene scene{[](const UpstreamRequest&) {
        return "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" +
               http_answer(some_data);
    }};
    HttpClient client = scene.daemon.client();
    for (int i = 0; i < 2; ++i) {
        const HttpResponse response = client.post(some_mutation);
        EXPECT_EQ(response.body, some_data);
        EXPECT_TRUE(response.interim.empty());
    }
}

class Threads : public testing::TestWithParam<int> {};

TEST_P(Threads, ServeManyAppsAtOnce) {
    const Simulator simulator;
    // So many handshakes at once take a busy machine longer than the usual 5 s, under the thread sanitizer.
    const Daemon daemon{
        {.upstream_url = simulator.url(),
         .ca_pem = simulator.ca_pem(),
         .config = "{upstream: {connect_timeout: 1m}, threads: " + std::to_string(GetParam()) + "}"}};
    constexpr std::size_t apps = 32;
    constexpr int each = 20;
    const auto fine = in_parallel(apps, [&](std::size_t app) {
        HttpClient client = daemon.client();
        int count = 0;
        for (int i = 0; i < each; ++i) {
            const std::string reference = std::to_string(app) + "-" + std::to_string(i);
            count +=
                client.post(redemption(reference)).body.find("\"value\":-1") != std::string::npos ? 1 : 0;
        }
        return count;
    });
    EXPECT_EQ(std::count(fine.begin(), fine.end(), each), apps);
    EXPECT_EQ(simulator.stat("executed"), static_cast<std::int64_t>(apps) * each);
    EXPECT_EQ(simulator.stat("logins_ok"), 1);
    EXPECT_LE(simulator.stat("connections"), 64 + GetParam());
}

INSTANTIATE_TEST_SUITE_P(OneAndFour, Threads, testing::Values(1, 4));

} // namespace
} // namespace bearerd::test
