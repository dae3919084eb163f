#include "ops_load.hpp"
#include "scenario.hpp"

#include <algorithm>
#include <future>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bearerd::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

/// Holds apps' requests at the upstream until the test releases them.
class Gate {
public:
    Scene::Answer answer() {
        return [this](const UpstreamRequest&) {
            ++waiting_;
            opened_.get_future().wait_for(patience);
            return http_answer(some_data);
        };
    }

    void open() { opened_.set_value(); }

    void wait_for_one() {
        for (const Deadline deadline; waiting_ == 0 && !deadline.passed();)
            std::this_thread::sleep_for(std::chrono::milliseconds{1});
        EXPECT_EQ(waiting_, 1);
    }

private:
    std::promise<void> opened_;
    std::atomic<int> waiting_{0};
};

TEST(Stopping, FinishesWhatIsInFlightAndExitsWithZero) {
    for (const int signal : {SIGTERM, SIGINT}) {
        Gate gate;
        Scene scene{gate.answer()};
        auto answer = std::async(std::launch::async, [&scene] { return scene.daemon.post(some_mutation); });
        gate.wait_for_one();
        scene.daemon.process().signal(signal);
        EXPECT_TRUE(scene.daemon.notify().wait_for("STOPPING=1", scene.daemon.process()));
        for (const Deadline deadline; accepts_connections(scene.daemon.port()) && !deadline.passed();)
            std::this_thread::sleep_for(std::chrono::milliseconds{1});
        EXPECT_FALSE(accepts_connections(scene.daemon.port()));
        EXPECT_TRUE(scene.daemon.process().running());
        gate.open();
        const HttpResponse response = answer.get();
        EXPECT_EQ(response.status, 200);
        EXPECT_EQ(response.body, some_data);
        const auto exit = scene.daemon.process().wait_exit();
        ASSERT_TRUE(exit);
        EXPECT_EQ(exit->code, 0);
    }
}

TEST(Stopping, AnswersWhatTheGracePeriodCutsOff) {
    Gate gate;
    Scene scene{gate.answer(), "shutdown_grace: 100ms"};
    auto answer = std::async(std::launch::async, [&scene] { return scene.daemon.post(some_mutation); });
    gate.wait_for_one();
    scene.daemon.process().signal(SIGTERM);
    const HttpResponse response = answer.get();
    gate.open();
    expect_own_error(response, 504, "OUTCOME_UNKNOWN", "unknown");
    const auto exit = scene.daemon.process().wait_exit();
    ASSERT_TRUE(exit);
    EXPECT_EQ(exit->code, 0);
}

TEST(Stopping, EndsAtOnceAtTheSecondSignal) {
    Gate gate;
    Scene scene{gate.answer(), "shutdown_grace: 1h"};
    HttpClient client = scene.daemon.client();
    client.send(client.format("POST", "/graphql", some_mutation, {{"Content-Type", "application/json"}}));
    gate.wait_for_one();
    scene.daemon.process().signal(SIGTERM);
    ASSERT_TRUE(scene.daemon.notify().wait_for("STOPPING=1", scene.daemon.process()));
    const auto exit = scene.daemon.stop(); // the second one
    gate.open();
    ASSERT_TRUE(exit) << "an hour of grace must not be waited for";
    EXPECT_EQ(exit->code, 1);
    expect_own_error(client.read_response(), 504, "OUTCOME_UNKNOWN", "unknown");
    EXPECT_THAT(scene.daemon.output(), HasSubstr("a second signal"));
}

TEST(Stopping, LosesNoRequestUnderLoad) {
    Simulator upstream;
    Daemon daemon{{.upstream_url = upstream.url(), .ca_pem = upstream.ca_pem(), .config = "threads: 2"}};
    std::atomic<int> unanswered = 0;
    std::atomic<int> answered = 0;
    std::vector<std::thread> clients;
    for (int i = 0; i < 8; ++i)
        clients.emplace_back([&, i] {
            // A request that was sent gets an answer. Only a refused or unused connection may end the loop.
            for (int n = 0;; ++n) {
                std::optional<HttpClient> client;
                try {
                    client.emplace(daemon.port());
                } catch (const std::system_error&) {
                    return;
                }
                try {
                    const HttpResponse response =
                        client->post(redemption("load-" + std::to_string(i) + "-" + std::to_string(n)));
                    const bool served = response.status == 200 && response.complete;
                    const bool told =
                        response.status == 503 && response.body.find("SHUTTING_DOWN") != std::string::npos;
                    ++(served || told ? answered : unanswered);
                    if (!served)
                        return;
                } catch (const std::exception&) {
                    ++unanswered;
                    return;
                }
            }
        });
    for (const Deadline deadline; answered < 50 && !deadline.passed();)
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
    const auto exit = daemon.stop();
    for (std::thread& client : clients)
        client.join();
    ASSERT_TRUE(exit);
    EXPECT_EQ(exit->code, 0);
    EXPECT_EQ(unanswered, 0);
    EXPECT_GE(answered, 50);
}

/// Sends SIGHUP and waits for READY=1, which ends the reload.
void reload(Daemon& daemon) {
    daemon.process().signal(SIGHUP);
    ASSERT_TRUE(daemon.notify().wait_for("RELOADING=1", daemon.process()));
    ASSERT_TRUE(daemon.notify().wait_for("READY=1", daemon.process()));
}

TEST(Reloading, TakesUpAnotherUpstream) {
    Scene scene{[](const UpstreamRequest&) { return http_answer(some_data); }};
    ScriptedUpstream other{std::nullopt, serve_with(std::string{second_token}, [](const UpstreamRequest&) {
                               return http_answer(R"({"data":{"from":"the other"}})");
                           })};
    HttpClient kept = scene.daemon.client();
    EXPECT_EQ(kept.post(some_query).body, some_data);
    scene.daemon.write_config("upstream: {url: \"" + other.url("127.0.0.1") + "\"}");
    reload(scene.daemon);
    const HttpResponse response = kept.post(some_query);
    EXPECT_EQ(response.status, 200);
    EXPECT_THAT(response.body, HasSubstr("the other")) << "on the connection that was open before";
    for (const UpstreamRequest& request : other.app_requests())
        EXPECT_EQ(request.token(), second_token) << "the first upstream's token must not reach the second";
}

TEST(Reloading, ToAnotherUpstreamGivesTheOldOneNoTokenOfTheNew) {
    const CertificateAuthority authority;
    std::promise<void> reloaded;
    const auto over = reloaded.get_future().share();
    ScriptedUpstream old{
        authority.issue(), [over](UpstreamConnection& connection) {
            if (connection.read().is_login())
                over.wait_for(std::chrono::seconds{20}); // and close: then the login at the other one begins
            else
                connection.write(http_answer(some_data));
        }};
    ScriptedUpstream other{std::nullopt, serve_with(std::string{second_token}, [](const UpstreamRequest&) {
                               return http_answer(some_data);
                           })};
    Daemon daemon{{.upstream_url = old.url(), .ca_pem = authority.pem(), .wait_until_ready = false}};
    ASSERT_TRUE(daemon.process().wait_for_line("listening"));
    HttpClient waiting = daemon.client();
    waiting.send(waiting.format("POST", "/graphql", some_mutation, {{"Content-Type", "application/json"}}));
    ASSERT_TRUE(daemon.wait_for_metric("bearerd_requests_in_flight", 1));
    daemon.write_config("upstream: {url: \"" + other.url("127.0.0.1") + "\"}");
    daemon.process().signal(SIGHUP); // before the first login was tried, systemd is not notified
    ASSERT_TRUE(daemon.process().wait_for_line("configuration reloaded"));
    reloaded.set_value();
    EXPECT_EQ(daemon.post(some_query).body, some_data);
    expect_own_error(waiting.read_response(), 503, "LOGIN_UNAVAILABLE", "no");
    EXPECT_EQ(old.app_requests().size(), 0U);
    EXPECT_EQ(old.received().find(second_token), std::string::npos);
}

TEST(Reloading, TakesUpAChangedPasswordAtOnce) {
    Simulator upstream;
    upstream.change_password("the-new-password-0815");
    Daemon daemon{{.upstream_url = upstream.url(), .ca_pem = upstream.ca_pem()}};
    expect_own_error(daemon.post(balance_query()), 502, "LOGIN_REJECTED", "no");
    daemon.directory().write("password", "the-new-password-0815");
    reload(daemon);
    EXPECT_EQ(daemon.post(balance_query()).status, 200)
        << "the back-off after the rejection ends with the reload";
}

TEST(Reloading, IsNotNeededForAChangedPasswordFile) {
    Simulator upstream;
    upstream.change_password("the-new-password-0815");
    Daemon daemon{{.upstream_url = upstream.url(),
                   .ca_pem = upstream.ca_pem(),
                   .config = "auth: {backoff: {rejected: 200ms}}"}};
    daemon.directory().write("password", "the-new-password-0815");
    EXPECT_TRUE(daemon.wait_for_metric(R"(bearerd_logins_total{result="ok"})", 1));
    EXPECT_EQ(daemon.post(balance_query()).status, 200);
    EXPECT_TRUE(daemon.process().wait_for_line("the password's file has changed"));
}

TEST(Reloading, TakesUpLimitsAndAccess) {
    Scene scene{[](const UpstreamRequest&) { return http_answer(some_data); }};
    const Headers origin{{"Origin", "https://till.example.com"}};
    HttpClient kept = scene.daemon.client();
    EXPECT_EQ(kept.post(some_query).status, 200);
    EXPECT_EQ(scene.daemon.post(some_query, origin).status, 403);
    scene.daemon.write_config("limits: {request_body: 16B}\n"
                              "access: {allowed_origins: [\"https://till.example.com\"]}");
    reload(scene.daemon);
    EXPECT_EQ(scene.daemon.post("{\"query\":\"{a}\"}", origin).status, 200);
    EXPECT_EQ(kept.post(some_query).status, 413) << "an open connection goes by the new limits from now on";
}

TEST(Reloading, TakesUpTheLog) {
    Scene scene{[](const UpstreamRequest&) { return http_answer(some_data); }};
    scene.daemon.write_config("log: {format: json}");
    reload(scene.daemon);
    EXPECT_EQ(scene.daemon.post(some_query, {{"X-Request-Id", "after-the-reload"}}).status, 200);
    const auto line = scene.daemon.process().wait_for_line("after-the-reload");
    ASSERT_TRUE(line);
    EXPECT_THAT(*line, StartsWith("{"));
}

TEST(Reloading, OpensAndClosesListenersAndKeepsAcceptedConnections) {
    Scene scene{[](const UpstreamRequest&) { return http_answer(some_data); }};
    const std::uint16_t before = scene.daemon.port();
    const std::uint16_t after = free_port();
    const std::string local = (scene.daemon.directory().path() / "apps.sock").string();
    HttpClient kept{before};
    EXPECT_EQ(kept.post(some_query).status, 200);
    scene.daemon.write_config("listen: {addresses: [\"127.0.0.1:" + std::to_string(after) +
                              "\", \"unix:" + local + "\"]}");
    reload(scene.daemon);
    EXPECT_EQ(HttpClient{after}.post(some_query).status, 200);
    EXPECT_EQ(HttpClient{Socket::connect_unix(local)}.post(some_query).status, 200);
    EXPECT_EQ(kept.post(some_query).status, 200);
    for (const Deadline deadline; accepts_connections(before) && !deadline.passed();)
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
    EXPECT_FALSE(accepts_connections(before));
}

TEST(Reloading, ReportsABadFileByPositionAndStaysAsItWas) {
    Scene scene{[](const UpstreamRequest&) { return http_answer(some_data); }};
    const std::string taken = std::to_string(scene.upstream.port());
    const std::vector<std::pair<std::string, std::string>> bad_files{
        {"shutdown_grace: soon", "shutdown_grace: "},
        {"upstream: {tls: {ca_file: /nonexistent/ca.pem}}", "upstream.tls.ca_file: "},
        {"listen: {addresses: [\"127.0.0.1:" + taken + "\"]}", "can't listen on 127.0.0.1:" + taken},
        {"admin: {address: \"127.0.0.1:" + taken + "\"}\nlimits: {request_body: 1B}", "admin.address: "}};
    for (const auto& [config, complaint] : bad_files) {
        scene.daemon.write_config(config);
        reload(scene.daemon);
        EXPECT_TRUE(scene.daemon.process().wait_for_line(complaint)) << complaint;
        EXPECT_EQ(scene.daemon.post(some_query).status, 200) << complaint;
    }
    EXPECT_EQ(scene.daemon.metric(R"(bearerd_config_reloads_total{result="failed"})"), 4);
    EXPECT_EQ(scene.daemon.metric("bearerd_config_last_reload_successful"), 0);
    const auto line = scene.daemon.process().wait_for_line("shutdown_grace: ");
    ASSERT_TRUE(line);
    EXPECT_THAT(*line, testing::ContainsRegex("bearerd.yaml:[0-9]+:[0-9]+: shutdown_grace: "));
    const auto opened = scene.daemon.process().wait_for_line("upstream.tls.ca_file: ");
    ASSERT_TRUE(opened);
    EXPECT_THAT(*opened, testing::ContainsRegex("bearerd.yaml:[0-9]+:[0-9]+: upstream.tls.ca_file: "));
    EXPECT_EQ(scene.upstream.logins(), 1);
}

TEST(Reloading, ABadFileAtTheStartIsReportedByPositionAndExitsWith78) {
    TemporaryDirectory directory;
    const std::string file = directory.write("bearerd.yaml", "listen: {adresses: []}\n");
    const Finished ended = run_bearerd({"--config", file});
    EXPECT_EQ(ended.exit.code, 78);
    EXPECT_THAT(ended.output, HasSubstr(file + ":1:10: listen.adresses: "));
}

TEST(Reloading, LosesNoRequestUnderLoad) {
    constexpr int reloads = 40;
    Simulator upstream;
    Daemon daemon{{.upstream_url = upstream.url(), .ca_pem = upstream.ca_pem(), .config = "threads: 2"}};
    Load kept{daemon.port(), 4, true};
    Load fresh{daemon.port(), 2, false};
    for (int i = 0; i < reloads; ++i) {
        daemon.write_config("threads: 2\nlimits: {idle_timeout: " + std::to_string(60 + i) + "s}");
        reload(daemon);
        EXPECT_TRUE(kept.wait_for_more(8));
        EXPECT_TRUE(fresh.wait_for_more(2));
    }
    EXPECT_THAT(kept.end(), IsEmpty());
    EXPECT_THAT(fresh.end(), IsEmpty());
    EXPECT_EQ(upstream.stat("logins_ok"), 1) << "unchanged credentials keep the token";
}

} // namespace
} // namespace bearerd::test
