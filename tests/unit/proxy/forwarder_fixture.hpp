#pragma once

#include "fakes.hpp"

#include "unit/run_task.hpp"
#include "unit/server/fake_watcher.hpp"

#include <bearerd/proxy/forwarder.hpp>

#include <gtest/gtest.h>

namespace bearerd::proxy::test {

inline constexpr std::string_view query = R"({"query":"{ Cards { data { balance } } }"})";
inline constexpr std::string_view mutation =
    R"({"query":"mutation Redeem { createReversal(id: 7) { id } }"})";
inline constexpr std::string_view data = R"({"data":{"answer":42}})";
/// The answer to `mutation` that shows that it was executed.
inline constexpr std::string_view mutation_data = R"({"data":{"createReversal":{"id":7}}})";

/// What an app gets, without the framing, which is the session's.
struct Received {
    std::string head; ///< with the empty line
    std::string content;
    std::vector<std::string> pieces; ///< of a streamed body
    http::BodyFraming framing = http::BodyFraming::none;
    bool streamed = false;
    bool broken = false; ///< the body broke off
    bool closed = false; ///< the connection is to be closed
    std::size_t looks = 0;
    std::size_t notes = 0;

    [[nodiscard]] std::string received() const { return head + content; }

    [[nodiscard]] bool has(std::string_view text) const { return received().find(text) != std::string::npos; }

    [[nodiscard]] const std::string& body() const { return content; }
};

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
        const reconcile::LookupPlan lookup_plan{settings};
        net::asio::io_context loop;
        net::DeadlineClock clock{loop};
        net::TaskGroup group;
        reconcile::Reconciler reconciler{lookup_plan, transport, tokens, loop.get_executor(),
                                         clock,       group,     stats};
        std::optional<journal::JournalClient> client;
        if (journal)
            client.emplace(*journal, settings, loop.get_executor(), clock, reader);
        Forwarder forwarder{plan,
                            transport,
                            tokens,
                            pending,
                            stats,
                            lookup_plan.on() ? &reconciler : nullptr,
                            client ? &*client : nullptr};
        http::RequestHead head;
        head.method = method;
        head.target = target;
        NamedFields all{{"Host", "localhost"}};
        if (method == "POST")
            all.emplace_back("Content-Type", "application/json");
        all.insert(all.end(), fields.begin(), fields.end());
        fill(head.fields, all);
        const http::Target split = http::split_target(head.target);
        server::test::FakeWatcher watcher;
        watcher.gone_at_look = gone_at_look;
        watcher.gone_at_once = gone_at_once;
        watcher.own_gate = gate;
        app = Received{};
        const server::Request incoming{head, split, body, context, watcher};
        server::Reply reply = bearerd::test::run_task(loop, forwarder.handle(incoming));
        app.looks = watcher.looks;
        app.notes = watcher.notes;
        if (on_reply)
            on_reply(reply);
        take(std::move(reply), loop);
    }

    /// Takes the reply as a session does, until the app leaves.
    void take(server::Reply reply, net::asio::io_context& loop) {
        app.head = reply.head;
        app.content = server::whole_body(reply);
        app.framing = reply.framing;
        app.closed = reply.after != server::AfterReply::keep;
        report = reply.report;
        if (reply.delivery)
            reply.delivery->ended(leaves_after != 0);
        auto* source = std::get_if<std::unique_ptr<server::BodySource>>(&reply.body);
        if (source == nullptr)
            return;
        app.streamed = true;
        auto state = server::BodySource::State::more;
        while (state == server::BodySource::State::more) {
            const auto piece = bearerd::test::run_task(loop, (*source)->next());
            state = piece.state;
            app.broken = state == server::BodySource::State::broken;
            if (app.broken || app.pieces.size() >= fails_after)
                break;
            if (on_piece)
                on_piece();
            if (app.pieces.size() >= leaves_after) {
                bearerd::test::run_task(loop, (*source)->read_for_nobody());
                break;
            }
            app.pieces.emplace_back(piece.bytes);
            app.content += piece.bytes;
        }
        report = (*source)->finish();
    }

    /// The app got this error of ours, and the report says the same.
    void expect_error(outcome::ErrorCode code, outcome::Executed executed) {
        EXPECT_TRUE(app.head.starts_with("HTTP/1.1 " + std::to_string(outcome::natural_status(code)) + " "))
            << app.head;
        EXPECT_TRUE(app.has(R"("code":")" + std::string{outcome::code_name(code)} + R"(")")) << app.body();
        EXPECT_TRUE(app.has(R"("executed":")" + std::string{outcome::to_string(executed)} + R"(")"))
            << app.body();
        EXPECT_EQ(report.outcome.label(), outcome::code_label(code));
        EXPECT_EQ(report.executed, executed);
        EXPECT_FALSE(app.streamed);
    }

    std::unique_ptr<journal::Journal> journal;    ///< none, unless a test makes one
    const journal::FieldReader* reader = nullptr; ///< the journal's, if a rule replays repeats
    config::Settings settings;
    FakeTransport transport;
    FakeTokens tokens;
    std::atomic<std::uint32_t> pending{0};
    Stats stats;
    http::ReplyContext context{false, true, false, "id-1", {}};
    NamedFields fields;                           ///< of the request, next to Host and Content-Type
    std::size_t leaves_after = SIZE_MAX;          ///< pieces of a streamed body; 0: before any answer
    std::size_t fails_after = SIZE_MAX;           ///< likewise: an exception ends the writing
    std::function<void(server::Reply&)> on_reply; ///< before the app takes anything; or empty
    std::function<void()> on_piece;               ///< while the app takes a piece; or empty
    std::size_t gone_at_look = SIZE_MAX;          ///< see FakeWatcher
    server::SendGate* gate = nullptr;
    bool gone_at_once = false; ///< likewise
    Received app;
    server::Report report;
};

} // namespace bearerd::proxy::test
