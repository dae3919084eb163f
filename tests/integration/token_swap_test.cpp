#include "scenario.hpp"

#include <gtest/gtest.h>

namespace bearerd::test {
namespace {

/// Answers have these headers; logins return the first token.
Scene::Answer bringing(Headers headers) {
    return [headers = std::move(headers)](const UpstreamRequest&) { return http_answer(some_data, headers); };
}

TEST(TokenSwap, IsUsedFromTheNextRequestOn) {
    const std::string second{second_token};
    const std::vector<Headers> forms{
        {{"X-Authorization", second}},
        {{"x-authorization", "Bearer " + second}},
        {{"Authorization", "bearer " + second}},
        {{"Authorization", "an-older-form-of-it"}, {"X-Authorization", second}},
    };
    for (const Headers& form : forms) {
        Scene scene{bringing(form)};
        HttpClient client = scene.daemon.client();
        for (int i = 0; i < 3; ++i) {
            const HttpResponse response = client.post(some_query);
            EXPECT_EQ(response.body, some_data);
            EXPECT_EQ(response.header("X-Authorization"), std::nullopt);
            EXPECT_EQ(response.header("Authorization"), std::nullopt);
        }
        const auto requests = scene.upstream.app_requests();
        ASSERT_EQ(requests.size(), 3U);
        EXPECT_EQ(requests[0].token(), first_token);
        EXPECT_EQ(requests[1].token(), second_token);
        EXPECT_EQ(requests[2].token(), second_token);
        EXPECT_EQ(scene.upstream.logins(), 1);
    }
}

TEST(TokenSwap, ByALoginOfTheAppsOwnIsIgnored) {
    Scene scene{[](UpstreamConnection& connection) {
        for (;;) {
            const UpstreamRequest request = connection.read();
            const bool ours = request.body.find(std::string{password}) != std::string::npos;
            connection.write(ours ? login_answer(first_token) : login_answer(second_token));
        }
    }};
    HttpClient client = scene.daemon.client();
    const std::string login = R"({"query":"{ loginUser(username:\"x\", password:\"y\") { id } }"})";
    const HttpResponse response = client.post(login);
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.header("X-Authorization"), std::nullopt);
    client.post(some_query);
    EXPECT_EQ(scene.upstream.requests().back().token(), first_token);
}

TEST(TokenSwap, ToAnotherIdentityOrAnOlderTokenIsIgnored) {
    Simulator simulator;
    const Daemon daemon{{.upstream_url = simulator.url(), .ca_pem = simulator.ca_pem()}};
    simulator.set_faults(R"([{"kind":"foreign_token","next":1}])");
    EXPECT_EQ(daemon.post(balance_query()).status, 200);
    simulator.set_faults(R"([{"kind":"older_token","next":1}])");
    EXPECT_EQ(daemon.post(balance_query()).status, 200);
    EXPECT_EQ(daemon.post(balance_query()).status, 200);
    EXPECT_EQ(simulator.stat("foreign_tokens"), 0);
    EXPECT_EQ(simulator.stat("unauthorized"), 0);
}

TEST(TokenSwap, WithEveryAnswerNeverShowsToAnApp) {
    const Simulator simulator{{"--rotate-every", "1", "--rotate-revokes"}};
    const Daemon daemon{{.upstream_url = simulator.url(), .ca_pem = simulator.ca_pem()}};
    HttpClient client = daemon.client();
    for (int i = 0; i < 20; ++i) {
        const HttpResponse response = client.post(redemption("swap-" + std::to_string(i)));
        EXPECT_NE(response.body.find("\"value\":-1"), std::string::npos) << response.body;
        EXPECT_EQ(response.header("X-Authorization"), std::nullopt);
        EXPECT_EQ(response.header("Authorization"), std::nullopt);
    }
    EXPECT_EQ(simulator.stat("logins_ok"), 1);
    EXPECT_EQ(simulator.stat("revoked_tokens"), 0);
}

} // namespace
} // namespace bearerd::test
