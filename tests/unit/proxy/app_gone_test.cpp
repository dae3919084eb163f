#include "forwarder_fixture.hpp"

#include "unit/journal/folder.hpp"

#include <bearerd/base/cause.hpp>
#include <bearerd/journal/files.hpp>

#include <climits>

namespace bearerd::proxy::test {
namespace {

using outcome::ErrorCode;
using outcome::Executed;

/// What the app may be gone behind.
enum class Wait : std::uint8_t { login, journal, connection, login_before_resend };

struct LeavingApp {
    Wait wait;
    std::size_t sent; ///< requests
};

class AppGoneTest : public ForwarderTest, public testing::WithParamInterface<LeavingApp> {
protected:
    void wait_for(Wait what) {
        if (what == Wait::login) {
            tokens.now = nullptr;
            tokens.later = make_token("token-2", 2);
        }
        if (what == Wait::connection)
            transport.connects = true;
        if (what == Wait::login_before_resend) {
            answer(unauthorized());
            tokens.advice.push_back(resend_with("token-2", true));
        }
        if (what == Wait::journal) {
            journal::Journal::Events events;
            events.opened = [](const std::vector<journal::JournalEntry>&) {};
            journal = std::make_unique<journal::Journal>(journal::Journal::Settings{place.path(), 1U << 20U},
                                                         std::move(events));
        }
    }

    journal::test::Place place;
};

TEST_P(AppGoneTest, NothingIsSentForAnAppThatLeftMeanwhile) {
    for (const auto& body : {query, mutation}) {
        if (GetParam().wait == Wait::journal && body == query)
            continue; // a query is not journalled
        transport.sent.clear();
        wait_for(GetParam().wait);
        gone_at_look = 1;
        request(body);
        EXPECT_EQ(transport.sent.size(), GetParam().sent);
        EXPECT_EQ(report.outcome.label(), "client_closed");
        EXPECT_EQ(report.executed, Executed::no);
        EXPECT_TRUE(app.has(R"("executed":"no")")) << app.received();
        EXPECT_TRUE(app.closed);
        EXPECT_EQ(app.notes, 1U);
        EXPECT_FALSE(report.detail.empty());
    }
}

TEST_P(AppGoneTest, AnAppThatStaysIsServed) {
    wait_for(GetParam().wait);
    answer(json(std::string{data}));
    request(mutation);
    EXPECT_EQ(transport.sent.size(), GetParam().sent + 1);
    EXPECT_EQ(report.outcome.label(), "ok");
    EXPECT_EQ(app.notes, 1U);
    EXPECT_GE(app.looks, 1U);
}

INSTANTIATE_TEST_SUITE_P(Waits, AppGoneTest,
                         testing::Values(LeavingApp{Wait::login, 0}, LeavingApp{Wait::journal, 0},
                                         LeavingApp{Wait::connection, 0},
                                         LeavingApp{Wait::login_before_resend, 1}));

TEST_F(AppGoneTest, TheJournalSaysThatItWasNotExecuted) {
    for (const bool at_once : {false, true}) {
        wait_for(Wait::journal);
        gone_at_look = at_once ? SIZE_MAX : 1;
        gone_at_once = at_once;
        request(mutation);
        EXPECT_EQ(transport.sent.size(), 0U);
        journal.reset();
        const auto reading = journal::read_journal(place.path());
        ASSERT_TRUE(reading);
        ASSERT_EQ(reading->index.entries().size(), at_once ? 2U : 1U);
        const auto& outcome = reading->index.entries().rbegin()->second.outcome;
        ASSERT_TRUE(outcome);
        EXPECT_EQ(outcome->code, "client_closed");
        EXPECT_EQ(outcome->executed, Executed::no);
    }
}

/// A reset that arrived together with the request, without any wait.
TEST_F(AppGoneTest, AMutationWhoseAppIsGoneFromTheStartIsNotSent) {
    gone_at_once = true;
    context.keep_alive = true;
    request(mutation);
    EXPECT_EQ(transport.sent.size(), 0U);
    EXPECT_EQ(report.outcome.label(), "client_closed");
    EXPECT_EQ(report.executed, Executed::no);
    EXPECT_TRUE(app.has("Connection: close\r\n")) << app.received();
    EXPECT_TRUE(app.closed);
}

/// A query costs nothing, so its app is not looked at unless it has to wait.
TEST_F(AppGoneTest, AQueryWhoseAppIsGoneFromTheStartIsNotSentIfItHasToWait) {
    gone_at_once = true;
    for (const Wait wait : {Wait::login, Wait::connection}) {
        wait_for(wait);
        request(query);
        EXPECT_EQ(transport.sent.size(), 0U);
        EXPECT_EQ(report.outcome.label(), "client_closed");
    }
}

/// Says that another replica has sent the request, after it was asked or after some looks.
struct ClosingGate final : server::SendGate {
    State check() noexcept override {
        const bool closes = ++looks >= closed_at_look || (has_been_asked && closes_if_asked);
        return closes ? State::closed : closes_if_asked ? State::ask : State::open;
    }

    net::Task<void> ask() override {
        has_been_asked = true;
        co_return;
    }

    [[nodiscard]] bool others_may_have_executed() const noexcept override { return is_in_doubt; }

    [[nodiscard]] ErrorCode closed_as() const noexcept override { return reason; }

    ErrorCode reason = ErrorCode::already_executed;
    bool is_in_doubt = false;
    int closed_at_look = INT_MAX;
    int looks = 0;
    bool closes_if_asked = false;
    bool has_been_asked = false;
};

TEST_P(AppGoneTest, NothingIsSentThatAnotherReplicaHasSentMeanwhile) {
    wait_for(GetParam().wait);
    ClosingGate closing;
    closing.closed_at_look = GetParam().sent == 0 ? 2 : 3;
    gate = &closing;
    request(mutation);
    EXPECT_EQ(transport.sent.size(), GetParam().sent);
    EXPECT_EQ(report.executed, Executed::no);
    EXPECT_EQ(report.outcome.label(), "already_executed");
}

TEST_F(AppGoneTest, TheJournalSaysWhyARequestWasWithdrawn) {
    wait_for(Wait::journal);
    const ErrorCode reasons[] = {ErrorCode::already_executed, ErrorCode::key_reused,
                                 ErrorCode::outcome_unknown};
    for (const ErrorCode reason : reasons) {
        ClosingGate closing;
        closing.closed_at_look = 2;
        closing.reason = reason;
        closing.is_in_doubt = true;
        gate = &closing;
        request(mutation);
    }
    EXPECT_EQ(transport.sent.size(), 0U);
    journal.reset();
    const auto reading = journal::read_journal(place.path());
    ASSERT_TRUE(reading);
    ASSERT_EQ(reading->index.entries().size(), std::size(reasons));
    const auto* reason = std::begin(reasons);
    for (const auto& [number, entry] : reading->index.entries()) {
        ASSERT_TRUE(entry.outcome);
        EXPECT_EQ(entry.outcome->code, outcome::code_label(*reason++));
        EXPECT_EQ(entry.outcome->executed, Executed::no) << "by this replica";
    }
}

TEST_F(AppGoneTest, AGateIsAskedBeforeAMutationIsSent) {
    for (const bool closes : {true, false}) {
        ClosingGate asked;
        asked.closes_if_asked = closes;
        gate = &asked;
        if (!closes)
            answer(json(std::string{data}));
        request(mutation);
        EXPECT_EQ(asked.has_been_asked, closes);
        EXPECT_EQ(transport.sent.size(), closes ? 0U : 1U);
    }
}

TEST_F(AppGoneTest, AnErrorOfOnesOwnNamesItsCauseAndSaysThatAnotherReplicaMayHaveExecutedIt) {
    struct Case {
        const char* cause;
        const char* sentence;
        bool at_login;
    };

    const Case cases[] = {
        {"Connection refused", "refuses connections, and nothing was executed", false},
        {"looking up api.example.com: no such name", "name could not be looked up", false},
        {"the account is locked", "this till's account is locked", true},
    };
    wait_for(Wait::journal);
    for (const Case& each : cases) {
        ClosingGate unconfirmed;
        unconfirmed.is_in_doubt = true;
        gate = &unconfirmed;
        if (each.at_login) {
            tokens.now = nullptr;
            auth::NoToken missing;
            missing.cause = &cause_of({}, each.cause);
            missing.retry_after = std::chrono::seconds{17};
            tokens.later = missing;
        } else {
            answer(upstream::Failure{make_error_code(errc::connect_failed), upstream::Stage::connecting,
                                     false, each.cause});
        }
        request(mutation);
        expect_error(each.at_login ? ErrorCode::login_unavailable : ErrorCode::upstream_unreachable,
                     Executed::unknown);
        EXPECT_TRUE(app.has(each.sentence)) << app.body();
        EXPECT_TRUE(app.has("another replica may have executed an earlier request")) << app.body();
        EXPECT_EQ(app.has("Retry-After: 17\r\n"), each.at_login);
        EXPECT_EQ(report.executed_here(), Executed::no);
    }
    journal.reset();
    const auto reading = journal::read_journal(place.path());
    ASSERT_TRUE(reading);
    EXPECT_EQ(reading->index.entries().size(), 2U) << "without a token nothing is about to be sent";
    for (const auto& [number, entry] : reading->index.entries()) {
        ASSERT_TRUE(entry.outcome);
        EXPECT_EQ(entry.outcome->code, "upstream_unreachable");
        EXPECT_EQ(entry.outcome->executed, Executed::no) << "of this replica";
    }
}

/// An app that closed only its own direction later than it may can still read this.
TEST_F(AppGoneTest, AnAppThatLeftIsNotToldThatNoOtherReplicaHasExecutedItEither) {
    ClosingGate unconfirmed;
    unconfirmed.is_in_doubt = true;
    gate = &unconfirmed;
    gone_at_once = true;
    request(mutation);
    EXPECT_TRUE(app.has(R"("executed":"unknown")")) << app.received();
    EXPECT_EQ(report.outcome.label(), "client_closed");
    EXPECT_EQ(report.executed, Executed::no) << "the log says it of this replica (contract 4)";
}

TEST_F(AppGoneTest, AMutationThatDoesNotWaitIsLookedAtOnce) {
    for (const auto& body : {query, mutation}) {
        answer(json(std::string{data}));
        request(body);
        EXPECT_EQ(app.looks, 0U);
        EXPECT_EQ(app.notes, body == mutation ? 1U : 0U);
    }
    EXPECT_EQ(transport.sent.size(), 2U);
}

} // namespace
} // namespace bearerd::proxy::test
