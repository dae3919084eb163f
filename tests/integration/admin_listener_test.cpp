#include "scenario.hpp"

#include "unit/admin/exposition.hpp"

#include <future>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace bearerd::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

Scene::Answer always_data() {
    return [](const UpstreamRequest&) { return http_answer(some_data); };
}

nlohmann::json admin_json(const Daemon& daemon, std::string_view target) {
    return nlohmann::json::parse(daemon.admin(target).body);
}

TEST(AdminListener, ServesProbesMetricsStatusAndThePage) {
    Scene scene{always_data()};
    EXPECT_EQ(scene.daemon.admin("/livez").status, 200);
    const HttpResponse ready = scene.daemon.admin("/readyz");
    EXPECT_EQ(ready.status, 200);
    EXPECT_EQ(ready.body, "{\"ready\":true,\"reason\":\"\"}\n");
    const HttpResponse page = scene.daemon.admin("/");
    EXPECT_EQ(page.status, 200);
    EXPECT_EQ(page.header("Content-Type"), "text/html; charset=utf-8");
    EXPECT_THAT(page.header("Content-Security-Policy").value_or(""), StartsWith("default-src 'none'"));
    const HttpResponse metrics = scene.daemon.admin("/metrics");
    EXPECT_EQ(metrics.header("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
    EXPECT_THAT(admin::test::read_exposition(metrics.body).faults, IsEmpty());
    const auto status = admin_json(scene.daemon, "/status.json");
    EXPECT_EQ(status["token"]["state"], "valid");
    EXPECT_EQ(status["token"]["identity"], username);
    EXPECT_EQ(status["login"]["last_result"], "ok");
    EXPECT_EQ(status["upstream"]["reachable"], true);
    EXPECT_EQ(status["upstream"]["url"], scene.upstream.url());
}

TEST(AdminListener, CountsTheAppsRequestsOverAllThreadsAndNoneOfItsOwn) {
    Scene scene{always_data(), "threads: 2"};
    for (const auto& answer : in_parallel(20, [&](std::size_t) { return scene.daemon.post(some_query); }))
        EXPECT_EQ(answer.status, 200);
    scene.daemon.post(some_mutation);
    const Daemon& daemon = scene.daemon;
    EXPECT_TRUE(daemon.wait_for_metric(R"(bearerd_requests_total{operation="query",outcome="ok"})", 20));
    EXPECT_TRUE(daemon.wait_for_metric(R"(bearerd_requests_total{operation="mutation",outcome="ok"})", 1));
    EXPECT_TRUE(daemon.wait_for_metric("bearerd_request_duration_seconds_count", 21));
    EXPECT_EQ(daemon.metric("bearerd_upstream_duration_seconds_count"), 21);
    EXPECT_EQ(daemon.metric(R"(bearerd_logins_total{result="ok"})"), 1);
    EXPECT_EQ(daemon.metric(R"(bearerd_token_swaps_total{source="login"})"), 1);
    EXPECT_EQ(daemon.metric("bearerd_requests_in_flight"), 0);
    EXPECT_GT(daemon.metric("bearerd_token_expiry_seconds"), 3500);
    EXPECT_EQ(admin_json(daemon, "/status.json")["requests"]["total"], 21);
    EXPECT_EQ(daemon.admin("/nothing").status, 404);
    EXPECT_EQ(daemon.metric("bearerd_request_duration_seconds_count"), 21);
}

TEST(AdminListener, KeepsTheRulesOfHostAndOriginAndServesGetOnly) {
    Scene scene{always_data()};
    const auto ask = [&](std::string_view method, const Headers& headers) {
        return HttpClient{scene.daemon.admin_port()}.request(method, "/status.json", {}, headers);
    };
    expect_own_error(ask("GET", {{"Host", "evil.example"}}), 403, "FORBIDDEN_HOST", "no");
    expect_own_error(ask("GET", {{"Origin", "https://evil.example"}}), 403, "FORBIDDEN_ORIGIN", "no");
    expect_own_error(ask("GET", {{"Sec-Fetch-Site", "cross-site"}}), 403, "FORBIDDEN_ORIGIN", "no");
    const HttpResponse refused = ask("POST", {});
    expect_own_error(refused, 405, "METHOD_NOT_ALLOWED", "no");
    EXPECT_EQ(refused.header("Allow"), "GET");
    EXPECT_NE(refused.body.find("answers GET only"), std::string::npos) << refused.body;
    EXPECT_EQ(ask("HEAD", {}).status, 405);
    expect_own_error(scene.daemon.admin("/graphql"), 404, "NOT_FOUND", "no");
    EXPECT_EQ(scene.upstream.app_requests().size(), 0U);
}

TEST(AdminListener, TellsWhyItIsNotReadyWhenTheLoginIsRejected) {
    Simulator upstream;
    upstream.change_password("another one");
    const Daemon daemon{{.upstream_url = upstream.url(), .ca_pem = upstream.ca_pem()}};
    const HttpResponse ready = daemon.admin("/readyz");
    EXPECT_EQ(ready.status, 503);
    EXPECT_THAT(ready.body, StartsWith("{\"ready\":false,\"reason\":\"no token: login rejected"));
    EXPECT_THAT(ready.body, HasSubstr("next try in"));
    const auto status = admin_json(daemon, "/status.json");
    EXPECT_EQ(status["summary"]["title"], "Login rejected");
    EXPECT_EQ(status["login"]["last_result"], "rejected");
    EXPECT_GT(status["login"]["next_try_s"], 0);
    EXPECT_EQ(daemon.metric(R"(bearerd_logins_total{result="rejected"})"), 1);
    EXPECT_EQ(daemon.metric("bearerd_token_expiry_seconds"), 0);
}

TEST(AdminListener, StaysReadyWhileTheUpstreamIsDownAndSaysSo) {
    Simulator upstream;
    const Daemon daemon{{.upstream_url = upstream.url(), .ca_pem = upstream.ca_pem()}};
    upstream.refuse_connections(std::chrono::minutes{1});
    expect_own_error(daemon.post(balance_query()), 502, "UPSTREAM_UNREACHABLE", "no");
    EXPECT_EQ(daemon.admin("/readyz").status, 200);
    const auto status = admin_json(daemon, "/status.json");
    EXPECT_EQ(status["summary"]["title"], "Connection refused");
    EXPECT_EQ(status["upstream"]["reachable"], false);
    EXPECT_EQ(daemon.metric("bearerd_upstream_reachable"), 0);
    EXPECT_THAT(daemon.admin("/metrics").body, HasSubstr("\nbearerd_upstream_reachable 0\n"));
}

TEST(AdminListener, AnswersWhileItDrainsThatItIsNotReady) {
    std::promise<void> let_go;
    std::promise<void> arrived;
    Scene scene{[&](const UpstreamRequest&) {
        arrived.set_value();
        let_go.get_future().wait_for(patience);
        return http_answer(some_data);
    }};
    auto answer = std::async(std::launch::async, [&] { return scene.daemon.post(some_mutation); });
    ASSERT_EQ(arrived.get_future().wait_for(patience), std::future_status::ready);
    scene.daemon.process().signal(SIGTERM);
    ASSERT_TRUE(scene.daemon.notify().wait_for("STOPPING=1", scene.daemon.process()));
    EXPECT_EQ(scene.daemon.admin("/livez").status, 200);
    const HttpResponse ready = scene.daemon.admin("/readyz");
    EXPECT_EQ(ready.status, 503);
    EXPECT_EQ(ready.body, "{\"ready\":false,\"reason\":\"draining\"}\n");
    HttpClient browser{scene.daemon.admin_port()}; // a browser that stays connected does not delay the end
    EXPECT_EQ(browser.get("/status.json").status, 200);
    let_go.set_value();
    EXPECT_EQ(answer.get().body, some_data);
    const auto exit = scene.daemon.process().wait_exit();
    ASSERT_TRUE(exit);
    EXPECT_EQ(exit->code, 0);
}

} // namespace
} // namespace bearerd::test
