#pragma once

#include "fakes.hpp"

#include "unit/run_task.hpp"

#include <gtest/gtest.h>

namespace bearerd::proxy::test {

inline constexpr std::string_view query = R"({"query":"{ Cards { data { balance } } }"})";
inline constexpr std::string_view mutation =
    R"({"query":"mutation Redeem { createReversal(id: 7) { id } }"})";
inline constexpr std::string_view data = R"({"data":{"answer":42}})";
/// The answer to `mutation` that shows that it was executed.
inline constexpr std::string_view mutation_data = R"({"data":{"createReversal":{"id":7}}})";

/// A forwarder between a fake app, a fake upstream and a fake token.
class ForwarderTest : public testing::Test {
protected:
    ForwarderTest() {
        settings.upstream.url.host = "api.example.com";
        settings.upstream.url.target = "/graphql";
        tokens.open_exchanges = &transport.open;
    }

    ~ForwarderTest() override { EXPECT_EQ(transport.open, 0U) << "an exchange was not released"; }

    void answer(Step step) { transport.steps.push_back(std::move(step)); }

    void fail(errc code, upstream::Stage stage, bool reused = false) {
        answer(upstream::Failure{make_error_code(code), stage, reused, {}});
    }

    /// One request of the app's. What it got is in `app`, what was found in `report`.
    void request(std::string_view body, const std::string& method = "POST", const std::string& target = "/") {
        const ForwardPlan plan{settings};
        const reconcile::Plan reconcile_plan{settings};
        net::asio::io_context loop;
        net::DeadlineClock clock{loop};
        net::TaskGroup group;
        reconcile::Reconciler reconciler{reconcile_plan, transport, tokens, loop.get_executor(),
                                         clock,          group,     stats};
        std::optional<journal::Scribe> scribe;
        if (journal)
            scribe.emplace(*journal, settings, loop.get_executor(), clock);
        Forwarder forwarder{plan,
                            transport,
                            tokens,
                            pending,
                            stats,
                            reconcile_plan.on() ? &reconciler : nullptr,
                            scribe ? &*scribe : nullptr};
        http::RequestHead head;
        head.method = method;
        head.target = target;
        NamedFields all{{"Host", "localhost"}};
        if (method == "POST")
            all.emplace_back("Content-Type", "application/json");
        all.insert(all.end(), fields.begin(), fields.end());
        fill(head.fields, all);
        const http::Target split = http::split_target(head.target);
        const AppRequest incoming{head, split, body, context};
        app = FakeApp{};
        app.leaves_after = leaves_after;
        app.takes_at_once = takes_at_once;
        app.before_waiting = before_waiting;
        app.gone_at_look = gone_at_look;
        app.gone_at_once = gone_at_once;
        report = Report{};
        bearerd::test::run_task(loop, forwarder.handle(incoming, app, report));
    }

    /// The app got this error of ours, and the report says the same.
    void expect_error(graphql::ErrorCode code, graphql::Executed executed) {
        EXPECT_TRUE(
            app.received.starts_with("HTTP/1.1 " + std::to_string(graphql::natural_status(code)) + " "))
            << app.received;
        EXPECT_TRUE(app.has(R"("code":")" + std::string{graphql::code_name(code)} + R"(")")) << app.received;
        EXPECT_TRUE(app.has(R"("executed":")" + std::string{graphql::to_string(executed)} + R"(")"))
            << app.received;
        EXPECT_EQ(outcome_label(report.outcome), graphql::code_label(code));
        EXPECT_EQ(report.executed, executed);
        EXPECT_EQ(app.writes.size(), 1U);
    }

    std::unique_ptr<journal::Journal> journal; ///< none, unless a test makes one
    config::Settings settings;
    FakeTransport transport;
    FakeTokens tokens;
    std::atomic<std::uint32_t> pending{0};
    Stats stats;
    http::ReplyContext context{false, true, false, "id-1", {}};
    NamedFields fields; ///< of the request, next to Host and Content-Type
    std::size_t leaves_after = SIZE_MAX;
    std::size_t takes_at_once = SIZE_MAX; ///< likewise, bytes
    std::function<void()> before_waiting; ///< before the app waits to take the rest; or empty
    std::size_t gone_at_look = SIZE_MAX;  ///< likewise
    bool gone_at_once = false;            ///< likewise
    FakeApp app;
    Report report;
};

} // namespace bearerd::proxy::test
