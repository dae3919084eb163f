#include <bearerd/auth/token_machine.hpp>

#include "fuzz/token_machine_driver.hpp"

#include <gtest/gtest.h>

#include <ostream>
#include <random>

namespace bearerd::auth {

void PrintTo(TokenMachine::Reply::Action action, std::ostream* out) {
    constexpr std::string_view names[] = {"none", "use", "pass", "wait", "fail"};
    *out << names[static_cast<std::size_t>(action)];
}

void PrintTo(TokenMachine::Observation observation, std::ostream* out) {
    constexpr std::string_view names[] = {"adopted", "unchanged", "older", "foreign", "login_operation"};
    *out << names[static_cast<std::size_t>(observation)];
}

void PrintTo(TokenMachine::State state, std::ostream* out) {
    *out << to_string(state);
}

namespace {

using namespace std::chrono_literals;
using Action = TokenMachine::Reply::Action;
using Failure = TokenMachine::FailureKind;
using Observation = TokenMachine::Observation;
using State = TokenMachine::State;

TokenMachine::Candidate opaque(std::string_view value) {
    TokenMachine::Candidate token;
    token.value = Secret{value};
    return token;
}

TokenMachine::Candidate dated(std::string_view value, std::int64_t issued, std::int64_t expires,
                              std::string user = {}) {
    auto token = opaque(value);
    token.claims.issued_at = issued;
    token.claims.expires_at = expires;
    if (!user.empty())
        token.claims.identity = {{"username", std::move(user)}};
    return token;
}

/// The machine with a clock, from an empty store on.
struct Fixture {
    config::Auth settings;
    TokenMachine machine{settings, true};
    TimePoint now{std::chrono::hours{100}};
    double jitter = 0;

    TokenMachine::Moment at() const { return {now, jitter}; }

    TokenMachine::Reply start() { return machine.restored(std::nullopt, at()); }

    TokenMachine::Reply want() { return machine.want(at()); }

    TokenMachine::Reply refused(std::uint64_t generation, std::uint64_t document = 1) {
        return machine.refused(generation, document, at());
    }

    Observation observed(std::uint64_t generation, TokenMachine::Candidate token) {
        return machine.observed(generation, std::move(token), false, at());
    }

    TokenMachine::Reply failed(Failure kind, std::optional<Duration> retry_after = {}) {
        return machine.login_failed(kind, retry_after, at());
    }

    TokenMachine::Reply tick() { return machine.tick(at()); }

    void log_in(TokenMachine::Candidate token) {
        static_cast<void>(machine.login_done(std::move(token), at()));
    }

    /// Logged in long ago, so that the token is not fresh any more.
    void settled(TokenMachine::Candidate token) {
        static_cast<void>(start());
        log_in(std::move(token));
        now += 1min;
    }

    std::string_view current() const { return machine.current() ? machine.current()->value.reveal() : ""; }
};

TEST(TokenMachine, LogsInOnceForAnyNumberOfRequests) {
    Fixture f;
    EXPECT_EQ(f.want().action, Action::wait);
    EXPECT_FALSE(f.want().start_login) << "the store is being read";
    EXPECT_TRUE(f.start().start_login);
    for (int i = 0; i < 100; ++i) {
        const auto reply = f.want();
        EXPECT_EQ(reply.action, Action::wait);
        EXPECT_FALSE(reply.start_login);
    }
    EXPECT_EQ(f.machine.state(f.now), State::logging_in);
    f.log_in(opaque("a"));
    EXPECT_EQ(f.want().action, Action::use);
    EXPECT_EQ(f.want().token->value.reveal(), "a");
    EXPECT_EQ(f.machine.state(f.now), State::valid);
}

TEST(TokenMachine, RenewsBeforeExpiryAndGoesOnUsingTheOldToken) {
    struct Case {
        Duration life, refresh_before, renewal, earliest;
    };

    for (const auto& c : {Case{60min, 2min, 58min, 57min}, Case{6s, 2s, 4s, 3s}, Case{6s, 2min, 4s, 3s},
                          Case{90s, 2min, 60s, 50s}}) {
        for (const double jitter : {0.0, 0.999}) {
            Fixture f;
            f.settings.refresh_before = c.refresh_before;
            f.machine.configure(f.settings);
            f.jitter = jitter;
            static_cast<void>(f.start());
            f.log_in(dated("a", 1000, 1000 + std::chrono::floor<std::chrono::seconds>(c.life).count()));
            const auto wake = *f.machine.next_wake() - f.now;
            EXPECT_LE(wake, c.renewal);
            EXPECT_GE(wake, c.earliest);
            f.now += wake - 1ns;
            EXPECT_FALSE(f.tick().start_login);
            f.now += 1ns;
            EXPECT_TRUE(f.tick().start_login);
            EXPECT_EQ(f.machine.state(f.now), State::refreshing);
            EXPECT_EQ(f.want().action, Action::use);
        }
    }
}

TEST(TokenMachine, FailedRenewalKeepsTheTokenAndTriesAgainBeforeItExpires) {
    Fixture f;
    static_cast<void>(f.start());
    f.log_in(opaque("a"));
    f.now = *f.machine.next_wake();
    ASSERT_TRUE(f.tick().start_login);
    static_cast<void>(f.failed(Failure::unavailable));
    EXPECT_EQ(f.want().action, Action::use);
    EXPECT_EQ(*f.machine.next_wake(), f.now + 1s);
    EXPECT_LT(*f.machine.next_wake(), f.machine.current()->expires);
}

TEST(TokenMachine, AnExpiredTokenIsNotHandedOut) {
    Fixture f;
    f.settled(opaque("a"));
    f.now = f.machine.current()->expires - 1ns;
    EXPECT_EQ(f.want().action, Action::use);
    f.now += 1ns;
    const auto reply = f.want();
    EXPECT_EQ(reply.action, Action::wait);
    EXPECT_TRUE(reply.start_login);
}

TEST(TokenMachine, AdoptsOnlyWhatIsNotOlder) {
    struct Case {
        const char* claim;
        TokenMachine::Candidate current;
        std::uint64_t generation; ///< of the request; 2 is the current one
        TokenMachine::Candidate token;
        Observation expected;
    };

    Case cases[] = {
        {"newer", dated("a", 10, 70), 1, dated("b", 11, 60), Observation::adopted},
        {"older iat", dated("a", 10, 70), 2, dated("b", 9, 80), Observation::older},
        {"same iat, earlier exp", dated("a", 10, 70), 2, dated("b", 10, 69), Observation::older},
        {"same iat, later exp", dated("a", 10, 70), 1, dated("b", 10, 71), Observation::adopted},
        {"same times", dated("a", 10, 70), 1, dated("b", 10, 70), Observation::adopted},
        {"same value", dated("a", 10, 70), 2, dated("a", 10, 70), Observation::unchanged},
        {"opaque, current request", opaque("a"), 2, opaque("b"), Observation::adopted},
        {"opaque, earlier request", opaque("a"), 1, opaque("b"), Observation::older},
        {"opaque after JWT, current request", dated("a", 10, 70), 2, opaque("b"), Observation::adopted},
        {"opaque after JWT, earlier request", dated("a", 10, 70), 1, opaque("b"), Observation::older},
        {"JWT after opaque, earlier request", opaque("a"), 1, dated("b", 10, 70), Observation::older},
        {"an earlier token comes back", opaque("a"), 2, opaque("first"), Observation::older},
    };
    for (auto& c : cases) {
        Fixture f;
        f.settled(opaque("first"));
        ASSERT_EQ(f.observed(1, std::move(c.current)), Observation::adopted);
        EXPECT_EQ(f.observed(c.generation, std::move(c.token)), c.expected) << c.claim;
        EXPECT_EQ(f.machine.current()->generation, c.expected == Observation::adopted ? 3U : 2U) << c.claim;
    }
}

TEST(TokenMachine, AnotherUsersTokenIsForeignHoweverManySwapsLieBetween) {
    Fixture f;
    f.settled(dated("a", 10, 70, "till"));
    ASSERT_EQ(f.observed(1, dated("b", 11, 71)), Observation::adopted); // tells no identity
    EXPECT_EQ(f.observed(2, dated("c", 12, 72, "boss")), Observation::foreign);
    EXPECT_EQ(f.observed(2, dated("d", 12, 72, "till")), Observation::adopted);
    EXPECT_EQ(f.machine.observed(3, dated("e", 13, 73, "till"), true, f.at()), Observation::login_operation);
}

TEST(TokenMachine, ASwapPutsOffTheRenewal) {
    Fixture f;
    f.settled(opaque("a"));
    f.now += 50min;
    const auto before = *f.machine.next_wake();
    ASSERT_EQ(f.observed(1, opaque("b")), Observation::adopted);
    EXPECT_GT(*f.machine.next_wake(), before + 40min);
}

TEST(TokenMachine, RefusalOfOldGenerationStartsNoLogin) {
    Fixture f;
    f.settled(opaque("a"));
    ASSERT_EQ(f.observed(1, opaque("b")), Observation::adopted);
    const auto reply = f.refused(1);
    EXPECT_EQ(reply.action, Action::use);
    EXPECT_FALSE(reply.start_login);
    EXPECT_FALSE(reply.after_login);
    EXPECT_EQ(reply.token->value.reveal(), "b");
}

TEST(TokenMachine, RefusalOfTheCurrentTokenLogsInOnceWhileOthersGoOn) {
    Fixture f;
    f.settled(opaque("a"));
    EXPECT_TRUE(f.refused(1).start_login);
    EXPECT_FALSE(f.refused(1, 2).start_login);
    EXPECT_EQ(f.want().action, Action::use) << "it may have been a denied permission only";
    f.log_in(opaque("b"));
    const auto late = f.refused(1);
    EXPECT_EQ(late.action, Action::use);
    EXPECT_TRUE(late.after_login);
}

TEST(TokenMachine, ATokenFreshFromALoginIsNotDoubted) {
    Fixture f;
    static_cast<void>(f.start());
    f.log_in(opaque("a"));
    f.now += f.settings.fresh_for - 1ns;
    EXPECT_EQ(f.refused(1).action, Action::pass);
    f.now += 1ns;
    EXPECT_TRUE(f.refused(1).start_login);
}

TEST(TokenMachine, AStoredTokenIsNotFresh) {
    Fixture f;
    static_cast<void>(f.machine.restored(TokenMachine::Restored{opaque("a"), {}, 60min, 50min}, f.at()));
    EXPECT_EQ(f.want().action, Action::use);
    EXPECT_TRUE(f.refused(1).start_login);
}

TEST(TokenMachine, ADeniedDocumentPassesUntilTheNextLoginHoweverOftenTheTokenIsSwapped) {
    Fixture f;
    f.settled(opaque("a"));
    f.machine.denied(7);
    for (std::uint64_t i = 1; i < 1000; ++i) {
        f.now += 1s;
        const auto reply = f.refused(i, 7);
        ASSERT_EQ(reply.action, Action::pass);
        ASSERT_FALSE(reply.start_login);
        ASSERT_EQ(f.observed(i, opaque("swap" + std::to_string(i))), Observation::adopted);
    }
    EXPECT_TRUE(f.refused(1000, 8).start_login) << "another document";
    f.log_in(opaque("z"));
    f.now += 1min;
    EXPECT_TRUE(f.refused(1001, 7).start_login) << "forgotten with the login";
}

TEST(TokenMachine, WrongCredentialsFollowTheBackOffWhateverTheLoad) {
    Fixture f;
    ASSERT_TRUE(f.start().start_login);
    for (const auto delay : {30s, 60s, 120s, 240s, 480s, 900s, 900s}) {
        const auto reply = f.failed(Failure::rejected);
        EXPECT_EQ(reply.failure.reason, NoToken::Reason::login_rejected);
        EXPECT_EQ(reply.failure.retry_after, delay);
        EXPECT_EQ(f.machine.state(f.now), State::rejected);
        f.now += delay - 1ns;
        for (int i = 0; i < 50; ++i) {
            const auto answer = f.want();
            ASSERT_EQ(answer.action, Action::fail);
            ASSERT_EQ(answer.failure.retry_after, 1ns);
        }
        ASSERT_FALSE(f.tick().start_login);
        f.now += 1ns;
        ASSERT_TRUE(f.tick().start_login);
    }
    EXPECT_EQ(f.machine.rejections(), 7U);
    f.log_in(opaque("a"));
    EXPECT_EQ(f.machine.rejections(), 0U);
}

TEST(TokenMachine, OutagesBackOffFromOneSecondToThirty) {
    Fixture f;
    static_cast<void>(f.start());
    for (const auto delay : {1s, 2s, 4s, 8s, 16s, 30s, 30s}) {
        const auto reply = f.failed(Failure::unavailable);
        EXPECT_EQ(reply.failure.reason, NoToken::Reason::login_unavailable);
        EXPECT_EQ(reply.failure.retry_after, delay);
        f.now += delay;
        ASSERT_TRUE(f.tick().start_login);
    }
}

TEST(TokenMachine, JitterOnlyDelays) {
    for (const auto kind : {Failure::rejected, Failure::unavailable}) {
        Fixture f;
        f.jitter = 0.999;
        static_cast<void>(f.start());
        const auto base = kind == Failure::rejected ? Duration{30s} : Duration{1s};
        const auto delay = f.failed(kind).failure.retry_after;
        EXPECT_GT(delay, base);
        EXPECT_LT(delay, base * 5 / 4);
    }
}

TEST(TokenMachine, RetryAfterIsKeptWithinReason) {
    struct Case {
        Duration asked, kept;
    };

    for (const auto& c : {Case{7s, 7s}, Case{0s, 1s}, Case{20min, 20min}, Case{24h, 1h}}) {
        Fixture f;
        static_cast<void>(f.start());
        EXPECT_EQ(f.failed(Failure::unavailable, c.asked).failure.retry_after, c.kept);
    }
}

TEST(TokenMachine, AShorterMaximumBoundsOutagesToo) {
    Fixture f;
    f.settings.backoff = {1s, 100ms, 400ms};
    f.machine.configure(f.settings);
    static_cast<void>(f.start());
    for (const auto delay : {100ms, 200ms, 400ms, 400ms}) {
        EXPECT_EQ(f.failed(Failure::unavailable).failure.retry_after, delay);
        f.now += delay;
        ASSERT_TRUE(f.tick().start_login);
    }
}

TEST(TokenMachine, AChangedPasswordIsTriedAtOnceAndForgetsTheCount) {
    Fixture f;
    static_cast<void>(f.start());
    static_cast<void>(f.failed(Failure::rejected));
    EXPECT_TRUE(f.machine.credentials_changed(true, f.at()).start_login);
    EXPECT_EQ(f.failed(Failure::rejected).failure.retry_after, 30s);
}

TEST(TokenMachine, TheOutcomeOfALoginWithReplacedCredentialsIsDropped) {
    for (const bool accepted : {true, false}) {
        Fixture f;
        static_cast<void>(f.start());
        EXPECT_FALSE(f.machine.credentials_changed(true, f.at()).start_login) << "one at a time";
        const auto reply =
            accepted ? f.machine.login_done(opaque("old"), f.at()) : f.failed(Failure::rejected);
        EXPECT_EQ(reply.action, Action::wait);
        EXPECT_TRUE(reply.start_login);
        EXPECT_EQ(f.machine.rejections(), 0U);
        f.log_in(opaque("new"));
        EXPECT_EQ(f.current(), "new");
    }
}

TEST(TokenMachine, AnotherUserDropsTheTokenAndWhatItsRequestsBring) {
    Fixture f;
    f.settled(dated("a", 10, 70, "till"));
    EXPECT_TRUE(f.machine.credentials_changed(false, f.at()).start_login);
    EXPECT_EQ(f.want().action, Action::wait);
    EXPECT_EQ(f.observed(1, opaque("b")), Observation::foreign);
    f.log_in(dated("c", 20, 80, "boss"));
    EXPECT_EQ(f.observed(1, dated("d", 30, 90)), Observation::foreign);
    EXPECT_EQ(f.current(), "c");
}

TEST(TokenMachine, RejectionsOfAnEarlierProcessCount) {
    Fixture f;
    f.machine.restored_rejections(3, f.now + 100s, f.at());
    EXPECT_FALSE(f.start().start_login);
    EXPECT_EQ(f.want().failure.reason, NoToken::Reason::login_rejected);
    EXPECT_EQ(f.want().failure.retry_after, 100s);
    f.now += 100s;
    ASSERT_TRUE(f.tick().start_login);
    EXPECT_EQ(f.failed(Failure::rejected).failure.retry_after, 240s);
}

TEST(TokenMachine, AStoredTokenNearItsEndIsUsedAndRenewedAtOnce) {
    Fixture f;
    const auto reply = f.machine.restored(TokenMachine::Restored{opaque("a"), {}, 60min, 1min}, f.at());
    EXPECT_TRUE(reply.start_login);
    EXPECT_EQ(f.want().action, Action::use);
}

TEST(TokenMachine, ALoginThatRepeatsATokenDoesNotProlongItsLife) {
    Fixture f;
    f.settled(dated("a", 1000, 1600));
    const auto expires = f.machine.current()->expires;
    ASSERT_TRUE(f.refused(1).start_login);
    f.log_in(dated("a", 1000, 1600));
    EXPECT_EQ(f.machine.current()->expires, expires);
    EXPECT_GE(*f.machine.next_wake(), f.now + 1s);
    f.now = expires;
    ASSERT_TRUE(f.want().start_login);
    const auto reply = f.machine.login_done(dated("a", 1000, 1600), f.at());
    EXPECT_EQ(reply.action, Action::fail) << "it has expired";
    EXPECT_EQ(reply.failure.reason, NoToken::Reason::login_unavailable);
}

TEST(TokenMachine, NothingStartsAfterStopButAGoodTokenIsStillUsed) {
    Fixture f;
    f.settled(opaque("a"));
    f.machine.stop();
    EXPECT_EQ(f.want().action, Action::use);
    EXPECT_EQ(f.refused(1).failure.reason, NoToken::Reason::shutting_down);
    f.now += 2h;
    const auto reply = f.want();
    EXPECT_EQ(reply.action, Action::fail);
    EXPECT_FALSE(reply.start_login);
    EXPECT_FALSE(f.tick().start_login);
    EXPECT_FALSE(f.machine.next_wake());
}

TEST(TokenMachine, KeepsItsPromisesForAnyOrderOfEvents) {
    std::mt19937 random{42};
    std::uniform_int_distribution<int> byte{0, 255};
    for (int round = 0; round < 3000; ++round) {
        std::vector<std::uint8_t> bytes(600);
        for (auto& b : bytes)
            b = static_cast<std::uint8_t>(byte(random));
        bytes[0] = 10; // the store is read first, mostly
        const auto broken = test::TokenMachineDriver{}.run(bytes);
        ASSERT_EQ(broken, "") << "round " << round;
    }
}

} // namespace
} // namespace bearerd::auth
