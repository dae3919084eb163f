#include "scenario.hpp"

#include <algorithm>
#include <condition_variable>
#include <gtest/gtest.h>
#include <mutex>

namespace bearerd::test {
namespace {

constexpr std::size_t crowd = 200;

/// Refuses the first token, but only after the whole crowd has sent it.
class CrowdScript {
public:
    Script script() {
        return [this](UpstreamConnection& connection) {
            for (;;) {
                const UpstreamRequest request = connection.read();
                if (request.is_login())
                    connection.write(login_answer(++logins_ == 1 ? first_token : second_token));
                else if (request.token() == second_token)
                    connection.write(http_answer(some_data));
                else
                    refuse_with_the_crowd(connection);
            }
        };
    }

private:
    void refuse_with_the_crowd(UpstreamConnection& connection) {
        std::unique_lock lock{mutex_};
        ++refused_;
        all_there_.notify_all();
        all_there_.wait_for(lock, patience, [this] { return refused_ >= crowd; });
        lock.unlock();
        connection.write(unauthorized_answer());
    }

    std::mutex mutex_;
    std::condition_variable all_there_;
    std::size_t refused_ = 0;
    std::atomic<int> logins_ = 0;
};

class SingleLogin : public testing::TestWithParam<int> {};

TEST_P(SingleLogin, ServesAWholeCrowdThatWasRefusedAtOnce) {
    CrowdScript crowd_script;
    Scene scene{crowd_script.script(), "threads: " + std::to_string(GetParam()) +
                                           "\nupstream: {max_connections: 512}\nauth: {fresh_for: 0s}"};
    const auto answers = in_parallel(
        crowd, [&](std::size_t i) { return scene.daemon.post(i % 2 == 0 ? some_query : some_mutation); });
    for (const HttpResponse& answer : answers)
        EXPECT_EQ(answer.body, some_data);
    EXPECT_EQ(scene.upstream.logins(), 2) << "the one at start, and one for all";
    const auto requests = scene.upstream.app_requests();
    const auto with = [&](std::string_view token) {
        return std::count_if(requests.begin(), requests.end(),
                             [&](const auto& r) { return r.token() == token; });
    };
    EXPECT_EQ(with(first_token), crowd);
    EXPECT_EQ(with(second_token), crowd);
}

INSTANTIATE_TEST_SUITE_P(Threads, SingleLogin, testing::Values(1, 4));

TEST(Login, RevokedTokensAreReplacedBehindTheAppsBack) {
    Simulator simulator;
    const Daemon daemon{
        {.upstream_url = simulator.url(), .ca_pem = simulator.ca_pem(), .config = "auth: {fresh_for: 0s}"}};
    EXPECT_EQ(daemon.post(redemption("before")).status, 200);
    simulator.revoke_tokens();
    const auto answers =
        in_parallel(50, [&](std::size_t i) { return daemon.post(redemption("after-" + std::to_string(i))); });
    for (std::size_t i = 0; i < answers.size(); ++i) {
        EXPECT_NE(answers[i].body.find("\"value\":-1"), std::string::npos) << answers[i].body;
        EXPECT_EQ(simulator.executions("after-" + std::to_string(i)), 1U);
    }
    EXPECT_EQ(simulator.stat("logins_ok"), 2);
}

TEST(Login, IsNotHeldByAnAnswerThatStreamsWithoutEnd) {
    auto logins = std::make_shared<std::atomic<int>>(0);
    const CertificateAuthority authority;
    ScriptedUpstream upstream{authority.issue(), [logins](UpstreamConnection& connection) {
                                  while (connection.read().is_login()) {
                                      if (++*logins > 1) {
                                          connection.write(login_answer(first_token));
                                          continue;
                                      }
                                      connection.write(
                                          "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n");
                                      for (;;) { // ends with the connection
                                          connection.write(": still here\n\n");
                                          std::this_thread::sleep_for(std::chrono::milliseconds{50});
                                      }
                                  }
                                  connection.write(http_answer(some_data));
                              }};
    const Daemon daemon{{.upstream_url = upstream.url(),
                         .ca_pem = authority.pem(),
                         .config = "auth: {backoff: {unavailable: 100ms}}"}};
    EXPECT_TRUE(daemon.wait_for_metric(R"(bearerd_logins_total{result="ok"})", 1));
    EXPECT_EQ(daemon.post(some_query).body, some_data);
}

TEST(Login, RequestsThatArriveMeanwhileWaitForIt) {
    const CertificateAuthority authority;
    std::mutex gate;
    gate.lock();
    ScriptedUpstream upstream{authority.issue(), [&](UpstreamConnection& connection) {
                                  for (;;) {
                                      const UpstreamRequest request = connection.read();
                                      if (request.is_login()) {
                                          const std::lock_guard wait{gate};
                                          connection.write(login_answer(first_token));
                                      } else {
                                          connection.write(http_answer(some_data));
                                      }
                                  }
                              }};
    const Daemon daemon{
        {.upstream_url = upstream.url(), .ca_pem = authority.pem(), .wait_until_ready = false}};
    ASSERT_TRUE(upstream.wait_for_requests(1));
    while (!accepts_connections(daemon.port()))
        std::this_thread::sleep_for(std::chrono::milliseconds{10});
    HttpClient early = daemon.client();
    early.send(early.format("POST", "/graphql", some_query, {{"Content-Type", "application/json"}}));
    EXPECT_THROW((void)early.read_response(Deadline{std::chrono::milliseconds{200}}), TimedOut);
    gate.unlock();
    EXPECT_EQ(early.read_response().body, some_data);
    EXPECT_EQ(upstream.logins(), 1);
}

} // namespace
} // namespace bearerd::test
