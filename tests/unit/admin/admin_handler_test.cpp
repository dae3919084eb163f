#include <bearerd/admin/admin_handler.hpp>

#include "unit/auth/token_service_fixture.hpp"
#include "unit/run_task.hpp"
#include "unit/server/fake_watcher.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <string>

namespace bearerd::admin {
namespace {

using namespace std::chrono_literals;

struct Answer {
    std::string text;
    server::Report report;

    [[nodiscard]] int status() const { return std::stoi(text.substr(9, 3)); }

    [[nodiscard]] std::string body() const { return text.substr(text.find("\r\n\r\n") + 4); }

    [[nodiscard]] bool has(std::string_view what) const { return text.find(what) != std::string::npos; }
};

/// The handler over a real token service, whose upstream is a fake one.
class AdminHandlerTest : public testing::Test {
protected:
    AdminHandlerTest() {
        sources.version = "1.2.3";
        sources.host = "till-7";
        sources.upstream_url = "https://api.example.com/graphql?key=hidden-key";
        sources.started_at = BootClock::now();
        sources.stats = {&tokens.stats, &other_stats};
        sources.tokens = tokens.service.get();
        sources.health = &health;
        sources.phase = &phase;
        sources.reloads = &reloads;
        sources.history = &history;
    }

    Answer get(std::string_view target) {
        AdminHandler handler{sources};
        http::RequestHead head;
        head.method = "GET";
        head.target = target;
        http::ReplyContext context;
        context.request_id = "id-1";
        const http::Target split = http::split_target(target);
        server::test::FakeWatcher app;
        const server::Request request{head, split, {}, context, app};
        const server::Reply reply = test::run_task(loop, handler.handle(request));
        return {reply.head + std::string{server::whole_body(reply)}, reply.report};
    }

    auth::test::ServiceFixture tokens;
    Stats other_stats;
    upstream::Health health;
    std::atomic<Phase> phase{Phase::serving};
    Reloads reloads;
    History history;
    Sources sources;
    net::asio::io_context loop;
};

TEST_F(AdminHandlerTest, IsAliveWhateverTheState) {
    phase = Phase::draining;
    EXPECT_EQ(get("/livez").status(), 200);
    EXPECT_EQ(get("/livez").body(), "{\"alive\":true}\n");
}

TEST_F(AdminHandlerTest, IsReadyBetweenTheFirstLoginAndTheDrain) {
    phase = Phase::starting;
    Answer answer = get("/readyz");
    EXPECT_EQ(answer.status(), 503);
    EXPECT_EQ(answer.body(), "{\"ready\":false,\"reason\":\"starting\"}\n");

    phase = Phase::serving;
    EXPECT_EQ(get("/readyz").status(), 503) << "no token yet";

    tokens.settle("opaque-token-0001");
    answer = get("/readyz");
    EXPECT_EQ(answer.status(), 200);
    EXPECT_EQ(answer.body(), "{\"ready\":true,\"reason\":\"\"}\n");

    health.failed(errc::timed_out, "timed out");
    EXPECT_EQ(get("/readyz").status(), 200) << "the upstream's health is no part of it";

    phase = Phase::draining;
    answer = get("/readyz");
    EXPECT_EQ(answer.status(), 503);
    EXPECT_EQ(answer.body(), "{\"ready\":false,\"reason\":\"draining\"}\n");
}

TEST_F(AdminHandlerTest, SumsTheThreadsIntoTheMetrics) {
    tokens.stats.requests.at(OperationKind::query, outcome::RequestOutcome{graphql::Verdict::ok}).add(2);
    other_stats.requests.at(OperationKind::query, outcome::RequestOutcome{graphql::Verdict::ok}).add(3);
    reloads.succeeded();
    reloads.failed("f:1:1: threads: must be a whole number");
    const Answer answer = get("/metrics?collect=all");
    EXPECT_EQ(answer.status(), 200);
    EXPECT_TRUE(answer.has("\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    EXPECT_TRUE(answer.has("\nbearerd_requests_total{operation=\"query\",outcome=\"ok\"} 5\n"));
    EXPECT_TRUE(answer.has("\nbearerd_config_reloads_total{result=\"failed\"} 1\n"));
}

TEST_F(AdminHandlerTest, TellsOfARejectedConfigurationUntilAReloadSucceeds) {
    tokens.settle("opaque-token-0001");
    const auto page = [this] { return nlohmann::json::parse(get("/status.json").body()); };
    EXPECT_TRUE(get("/metrics").has("\nbearerd_config_last_reload_successful 1\n"));
    EXPECT_EQ(page()["configuration"]["rejected"], nullptr);
    EXPECT_EQ(page()["host"], "till-7");
    reloads.failed("/f.yaml:1:1: threads: must be a whole number");
    auto status = page();
    EXPECT_TRUE(get("/metrics").has("\nbearerd_config_last_reload_successful 0\n"));
    EXPECT_EQ(status["configuration"]["last_reload_successful"], false);
    EXPECT_EQ(status["configuration"]["rejected"], "/f.yaml:1:1: threads: must be a whole number");
    EXPECT_EQ(status["summary"]["level"], "warning");
    EXPECT_NE(status["summary"]["text"].get<std::string>().find("/f.yaml:1:1: threads"), std::string::npos);
    EXPECT_TRUE(get("/readyz").has("200")) << "what ran before goes on";
    reloads.succeeded();
    status = page();
    EXPECT_EQ(status["configuration"]["last_reload_successful"], true);
    EXPECT_EQ(status["summary"]["level"], "good");
}

TEST_F(AdminHandlerTest, ShowsTheStatusButNeitherTokenNorKeys) {
    tokens.settle("opaque-token-0001");
    health.failed(errc::name_not_found, "no address");
    const Answer answer = get("/status.json");
    EXPECT_TRUE(answer.has("\r\nContent-Type: application/json\r\n"));
    const auto json = nlohmann::json::parse(answer.body(), nullptr, false);
    EXPECT_EQ(json.value("/token/state"_json_pointer, ""), "valid");
    EXPECT_EQ(json.value("/token/identity"_json_pointer, ""), "till");
    EXPECT_EQ(json.value("/login/last_result"_json_pointer, ""), "ok");
    EXPECT_EQ(json.value("/upstream/url"_json_pointer, ""), "https://api.example.com/graphql");
    EXPECT_EQ(json.value("/upstream/reachable"_json_pointer, true), false);
    EXPECT_EQ(json.value("/upstream/last_error"_json_pointer, ""), "no address");
    for (const char* target : {"/", "/status.json", "/metrics", "/readyz", "/livez", "/nothing"})
        for (const char* secret : {"opaque-token-0001", "pass-word", "hidden-key"})
            EXPECT_FALSE(get(target).has(secret)) << target;
}

TEST_F(AdminHandlerTest, ServesThePageAndItsFiles) {
    EXPECT_TRUE(get("/").has("\r\nContent-Type: text/html; charset=utf-8\r\n"));
    EXPECT_TRUE(get("/status.css").has("\r\nContent-Type: text/css; charset=utf-8\r\n"));
    EXPECT_TRUE(get("/status.js").has("\r\nContent-Type: text/javascript; charset=utf-8\r\n"));
}

TEST_F(AdminHandlerTest, HandsOutWhatTheChartsBeginWith) {
    const TimePoint now = BootClock::now();
    other_stats.requests.at(OperationKind::query, outcome::RequestOutcome{graphql::Verdict::ok}).add(3);
    other_stats.request_duration.observe(2ms);
    history.look(sources.stats, now - 20s);
    other_stats.requests.at(OperationKind::query, outcome::RequestOutcome{graphql::Verdict::ok}).add();
    history.look(sources.stats, now - 10s);
    const Answer answer = get("/history.json");
    EXPECT_TRUE(answer.has("\r\nContent-Type: application/json\r\n"));
    const auto json = nlohmann::json::parse(answer.body());
    EXPECT_EQ(json["le_ms"].size(), Histogram::bounds_us.size() + 1);
    EXPECT_EQ(json["le_ms"][0], 0.25);
    EXPECT_EQ(json["le_ms"].back(), nullptr);
    ASSERT_EQ(json["samples"].size(), 2U);
    EXPECT_GE(json["samples"][0]["age_s"], 20);
    EXPECT_EQ(json["samples"][0]["requests"], 3);
    EXPECT_EQ(json["samples"][0]["latency"][3], 1);
    EXPECT_EQ(json["samples"][0]["latency"].size(), json["le_ms"].size());
    EXPECT_EQ(json["samples"][1]["requests"], 4);
}

TEST_F(AdminHandlerTest, KnowsNoOtherPath) {
    for (const char* target : {"/graphql", "/metrics/", "//", "/status", "/livez/x", "/Metrics"}) {
        const Answer answer = get(target);
        EXPECT_EQ(answer.status(), 404) << target;
        EXPECT_TRUE(answer.has("\"code\":\"NOT_FOUND\",\"executed\":\"no\",\"request_id\":\"id-1\""))
            << target;
    }
}

TEST_F(AdminHandlerTest, GuardsEveryAnswerAndCountsNone) {
    for (const char* target :
         {"/", "/status.js", "/status.json", "/history.json", "/metrics", "/readyz", "/livez", "/nothing"}) {
        const Answer answer = get(target);
        EXPECT_TRUE(answer.report.quiet) << target;
        EXPECT_EQ(answer.report.status, answer.status()) << target;
        EXPECT_EQ(answer.report.bytes_out, answer.body().size()) << target;
        EXPECT_TRUE(answer.has("\r\nCache-Control: no-store\r\n")) << target;
        EXPECT_TRUE(answer.has("\r\nContent-Security-Policy: default-src 'none'; ")) << target;
        EXPECT_TRUE(answer.has("\r\nX-Content-Type-Options: nosniff\r\n")) << target;
        EXPECT_TRUE(answer.has("\r\nReferrer-Policy: no-referrer\r\n")) << target;
        EXPECT_FALSE(answer.has("unsafe-inline")) << target;
    }
}

} // namespace
} // namespace bearerd::admin
