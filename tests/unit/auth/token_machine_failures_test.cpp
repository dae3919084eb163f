#include "unit/auth/token_machine_fixture.hpp"

#include <gtest/gtest.h>

namespace bearerd::auth {
namespace {

using namespace std::chrono_literals;
using namespace test;
using FailingMachineFixture = MachineFixture;

TEST(TokenMachine, WrongCredentialsFollowTheBackOffWhateverTheLoad) {
    FailingMachineFixture f;
    ASSERT_TRUE(f.start().start_login);
    for (const auto delay : {30s, 60s, 120s, 240s, 480s, 900s, 900s}) {
        const auto directive = f.failed(Failure::rejected);
        EXPECT_EQ(directive.failure.reason, NoToken::Reason::login_rejected);
        EXPECT_EQ(directive.failure.retry_after, delay);
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

TEST(TokenMachine, CountsWhatOtherReplicasWereRejected) {
    FailingMachineFixture f;
    ASSERT_TRUE(f.start().start_login);
    const auto directive = f.machine.locked_out(3, 100s, f.at());
    EXPECT_EQ(directive.action, Action::fail);
    EXPECT_EQ(directive.failure.reason, NoToken::Reason::login_rejected);
    EXPECT_EQ(directive.failure.retry_after, 100s);
    EXPECT_EQ(f.machine.state(f.now), State::rejected);
    EXPECT_EQ(f.want().action, Action::fail);
    f.now += 100s;
    ASSERT_TRUE(f.tick().start_login);
    f.machine.learn_rejections(4); // another one tried meanwhile
    EXPECT_EQ(f.failed(Failure::rejected).failure.retry_after, 480s) << "the fifth in a row";
    f.now += 480s;
    ASSERT_TRUE(f.tick().start_login);
    EXPECT_EQ(f.machine.locked_out(5, 1000h, f.at()).failure.retry_after, 1h) << "whatever the store says";
}

TEST(TokenMachine, ATokenThatIsNotFreshAnyMoreIsRenewedAtItsFirstRejection) {
    FailingMachineFixture f;
    ASSERT_TRUE(f.start().start_login);
    auto token = opaque("of another replica");
    token.life = 20min;
    token.age = 40min;
    const auto directive = f.machine.login_done(std::move(token), f.at());
    ASSERT_EQ(directive.action, Action::use);
    EXPECT_EQ(directive.token->expires, f.now + 20min);
    EXPECT_TRUE(f.rejected(directive.token->generation).start_login);
}

TEST(TokenMachine, ARenewalIsPutOffUntilHalfOfItsTimeIsOverUnlessARequestAsksForIt) {
    for (const bool is_asked_for : {false, true}) {
        FailingMachineFixture f;
        f.settled(opaque("a"));
        const auto expires = f.machine.current()->expires;
        f.now = *f.machine.next_wake();
        const Duration window = expires - f.now;
        ASSERT_TRUE(f.tick().start_login);
        if (is_asked_for) {
            EXPECT_EQ(f.rejected(1).action, Action::wait);
            EXPECT_FALSE(f.machine.put_off_renewal(f.at()));
            EXPECT_TRUE(f.machine.login_running());
            continue;
        }
        while (f.machine.put_off_renewal(f.at())) {
            EXPECT_EQ(f.machine.state(f.now), State::valid);
            EXPECT_EQ(f.machine.next_wake(), f.now + 5s);
            f.now += 5s;
            ASSERT_TRUE(f.tick().start_login);
            ASSERT_LT(f.now, expires);
        }
        EXPECT_EQ(expires - f.now, window / 2);
        f.log_in(opaque("b"));
        EXPECT_EQ(f.current(), "b");
    }
}

TEST(TokenMachine, OnlyARenewalIsPutOff) {
    FailingMachineFixture f;
    ASSERT_TRUE(f.start().start_login);
    EXPECT_FALSE(f.machine.put_off_renewal(f.at())) << "there is no token";
    f.log_in(opaque("a"));
    f.now = *f.machine.next_wake();
    ASSERT_TRUE(f.tick().start_login);
    static_cast<void>(f.machine.credentials_changed(true, false, f.at()));
    EXPECT_FALSE(f.machine.put_off_renewal(f.at())) << "a changed password is tried at once";
}

TEST(TokenMachine, OutagesBackOffFromOneSecondToThirty) {
    FailingMachineFixture f;
    static_cast<void>(f.start());
    for (const auto delay : {1s, 2s, 4s, 8s, 16s, 30s, 30s}) {
        const auto directive = f.failed(Failure::unavailable);
        EXPECT_EQ(directive.failure.reason, NoToken::Reason::login_unavailable);
        EXPECT_EQ(directive.failure.retry_after, delay);
        f.now += delay;
        ASSERT_TRUE(f.tick().start_login);
    }
}

TEST(TokenMachine, JitterOnlyDelays) {
    for (const auto kind : {Failure::rejected, Failure::unavailable}) {
        FailingMachineFixture f;
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
        FailingMachineFixture f;
        static_cast<void>(f.start());
        EXPECT_EQ(f.failed(Failure::unavailable, c.asked).failure.retry_after, c.kept);
    }
}

TEST(TokenMachine, AShorterMaximumBoundsOutagesToo) {
    FailingMachineFixture f;
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
    FailingMachineFixture f;
    static_cast<void>(f.start());
    static_cast<void>(f.failed(Failure::rejected));
    EXPECT_TRUE(f.machine.credentials_changed(true, true, f.at()).start_login);
    EXPECT_EQ(f.failed(Failure::rejected).failure.retry_after, 30s);
}

TEST(TokenMachine, TheOutcomeOfALoginWithReplacedCredentialsIsDropped) {
    for (const bool accepted : {true, false}) {
        FailingMachineFixture f;
        static_cast<void>(f.start());
        EXPECT_FALSE(f.machine.credentials_changed(true, true, f.at()).start_login) << "one at a time";
        const auto directive =
            accepted ? f.machine.login_done(opaque("old"), f.at()) : f.failed(Failure::rejected);
        EXPECT_EQ(directive.action, Action::wait);
        EXPECT_TRUE(directive.start_login);
        EXPECT_EQ(f.machine.rejections(), 0U);
        f.log_in(opaque("new"));
        EXPECT_EQ(f.current(), "new");
    }
}

TEST(TokenMachine, AnotherUserDropsTheTokenAndWhatItsRequestsBring) {
    FailingMachineFixture f;
    f.settled(dated("a", 10, 70, "till"));
    EXPECT_TRUE(f.machine.credentials_changed(false, true, f.at()).start_login);
    EXPECT_EQ(f.want().action, Action::wait);
    EXPECT_EQ(f.observed(1, opaque("b")), Observation::foreign);
    f.log_in(dated("c", 20, 80, "boss"));
    EXPECT_EQ(f.observed(1, dated("d", 30, 90)), Observation::foreign);
    EXPECT_EQ(f.current(), "c");
}

TEST(TokenMachine, RejectionsOfAnEarlierProcessCount) {
    FailingMachineFixture f;
    f.machine.restored_rejections(3, f.now + 100s, f.at());
    EXPECT_FALSE(f.start().start_login);
    EXPECT_EQ(f.want().failure.reason, NoToken::Reason::login_rejected);
    EXPECT_EQ(f.want().failure.retry_after, 100s);
    f.now += 100s;
    ASSERT_TRUE(f.tick().start_login);
    EXPECT_EQ(f.failed(Failure::rejected).failure.retry_after, 240s);
}

} // namespace
} // namespace bearerd::auth
