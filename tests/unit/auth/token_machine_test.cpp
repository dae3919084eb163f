#include "unit/auth/token_machine_fixture.hpp"

#include "fuzz/token_machine_driver.hpp"

#include <gtest/gtest.h>

#include <random>

namespace bearerd::auth {
namespace {

using namespace std::chrono_literals;
using namespace test;
using MachineFixture = MachineFixture;

TEST(TokenMachine, LogsInOnceForAnyNumberOfRequests) {
    MachineFixture f;
    EXPECT_EQ(f.want().action, Action::wait);
    EXPECT_FALSE(f.want().start_login) << "the store is being read";
    EXPECT_TRUE(f.start().start_login);
    for (int i = 0; i < 100; ++i) {
        const auto directive = f.want();
        EXPECT_EQ(directive.action, Action::wait);
        EXPECT_FALSE(directive.start_login);
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
            MachineFixture f;
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
    MachineFixture f;
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
    MachineFixture f;
    f.settled(opaque("a"));
    f.now = f.machine.current()->expires - 1ns;
    EXPECT_EQ(f.want().action, Action::use);
    f.now += 1ns;
    const auto directive = f.want();
    EXPECT_EQ(directive.action, Action::wait);
    EXPECT_TRUE(directive.start_login);
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
        MachineFixture f;
        f.settled(opaque("first"));
        ASSERT_EQ(f.observed(1, std::move(c.current)), Observation::adopted);
        EXPECT_EQ(f.observed(c.generation, std::move(c.token)), c.expected) << c.claim;
        EXPECT_EQ(f.machine.current()->generation, c.expected == Observation::adopted ? 3U : 2U) << c.claim;
    }
}

TEST(TokenMachine, AnotherUsersTokenIsForeignHoweverManySwapsLieBetween) {
    MachineFixture f;
    f.settled(dated("a", 10, 70, "till"));
    ASSERT_EQ(f.observed(1, dated("b", 11, 71)), Observation::adopted); // tells no identity
    EXPECT_EQ(f.observed(2, dated("c", 12, 72, "boss")), Observation::foreign);
    EXPECT_EQ(f.observed(2, dated("d", 12, 72, "till")), Observation::adopted);
    EXPECT_EQ(f.machine.observed(3, dated("e", 13, 73, "till"), true, f.at()), Observation::login_operation);
}

TEST(TokenMachine, ASwapPutsOffTheRenewal) {
    MachineFixture f;
    f.settled(opaque("a"));
    f.now += 50min;
    const auto before = *f.machine.next_wake();
    ASSERT_EQ(f.observed(1, opaque("b")), Observation::adopted);
    EXPECT_GT(*f.machine.next_wake(), before + 40min);
}

TEST(TokenMachine, RejectionOfOldGenerationStartsNoLogin) {
    MachineFixture f;
    f.settled(opaque("a"));
    ASSERT_EQ(f.observed(1, opaque("b")), Observation::adopted);
    const auto directive = f.rejected(1);
    EXPECT_EQ(directive.action, Action::use);
    EXPECT_FALSE(directive.start_login);
    EXPECT_FALSE(directive.after_login);
    EXPECT_EQ(directive.token->value.reveal(), "b");
}

TEST(TokenMachine, RejectionOfTheCurrentTokenLogsInOnceWhileOthersGoOn) {
    MachineFixture f;
    f.settled(opaque("a"));
    EXPECT_TRUE(f.rejected(1).start_login);
    EXPECT_FALSE(f.rejected(1, 2).start_login);
    EXPECT_EQ(f.want().action, Action::use) << "it may have been a denied permission only";
    f.log_in(opaque("b"));
    const auto late = f.rejected(1);
    EXPECT_EQ(late.action, Action::use);
    EXPECT_TRUE(late.after_login);
}

TEST(TokenMachine, ATokenFreshFromALoginIsNotDoubted) {
    MachineFixture f;
    static_cast<void>(f.start());
    f.log_in(opaque("a"));
    f.now += f.settings.fresh_for - 1ns;
    EXPECT_EQ(f.rejected(1).action, Action::pass);
    f.now += 1ns;
    EXPECT_TRUE(f.rejected(1).start_login);
}

TEST(TokenMachine, AStoredTokenIsNotFresh) {
    MachineFixture f;
    static_cast<void>(f.machine.restored(TokenMachine::Restored{opaque("a"), {}, 60min, 50min}, f.at()));
    EXPECT_EQ(f.want().action, Action::use);
    EXPECT_TRUE(f.rejected(1).start_login);
}

TEST(TokenMachine, ADeniedDocumentPassesUntilTheNextLoginHoweverOftenTheTokenIsSwapped) {
    MachineFixture f;
    f.settled(opaque("a"));
    f.machine.accepted(1, 0);
    f.machine.denied(1, 7);
    for (std::uint64_t i = 1; i < 1000; ++i) {
        f.now += 1s;
        const auto directive = f.rejected(i, 7);
        ASSERT_EQ(directive.action, Action::pass);
        ASSERT_FALSE(directive.start_login);
        ASSERT_EQ(f.observed(i, opaque("swap" + std::to_string(i))), Observation::adopted);
    }
    EXPECT_TRUE(f.rejected(1000, 8).start_login) << "another document";
    f.log_in(opaque("z"));
    f.now += 1min;
    EXPECT_TRUE(f.rejected(1001, 7).start_login) << "forgotten with the login";
}

/// The login's token is revoked before the resend arrives: the till must not stay refused until the renewal.
TEST(TokenMachine, AnUnprovenDenialLapsesAndTheDocumentCausesALoginAgain) {
    MachineFixture f;
    f.settled(opaque("a"));
    ASSERT_TRUE(f.rejected(1, 7).start_login);
    f.log_in(opaque("b"));
    const TimePoint login = f.now;
    f.machine.denied(2, 7); // "b" was revoked meanwhile
    f.now = login + f.settings.denied_for - 1ns;
    const auto held = f.rejected(2, 7);
    EXPECT_EQ(held.action, Action::pass);
    EXPECT_FALSE(held.start_login);
    f.now += 1ns;
    const auto lapsed = f.rejected(2, 7);
    EXPECT_EQ(lapsed.action, Action::wait);
    EXPECT_TRUE(lapsed.start_login);
    f.log_in(opaque("c"));
    const auto healed = f.rejected(2, 7);
    EXPECT_EQ(healed.action, Action::use);
    EXPECT_EQ(healed.token->value.reveal(), "c");
}

TEST(TokenMachine, OnlyARequestAcceptedSinceTheLoginProvesItsToken) {
    struct Case {
        const char* claim;
        std::uint64_t generation; ///< of the accepted request's token; 0: none was accepted
        bool proven;
    };

    for (const auto& c : {Case{"none", 0, false}, Case{"sent before the login", 1, false},
                          Case{"sent with the login's token", 2, true}, Case{"a swap since", 3, true}}) {
        MachineFixture f;
        f.settled(opaque("a"));
        f.machine.accepted(1, 0); // speaks of the login before
        ASSERT_TRUE(f.rejected(1, 7).start_login);
        f.log_in(opaque("b"));
        EXPECT_EQ(f.machine.unproven_login(), 2U) << c.claim;
        ASSERT_EQ(f.observed(2, opaque("c")), Observation::adopted);
        f.machine.denied(2, 7);
        if (c.generation != 0)
            f.machine.accepted(c.generation, 0);
        EXPECT_EQ(f.machine.unproven_login(), 2U) << c.claim << ": 7 may be accepted yet";
        f.now += f.settings.denied_for;
        EXPECT_EQ(f.rejected(3, 7).start_login, !c.proven) << c.claim;
    }
}

/// It speaks of the token by then, not of the document.
TEST(TokenMachine, ADoubtLongAfterTheLoginThatItCausedCausesAnotherOne) {
    MachineFixture f;
    f.settled(opaque("a"));
    f.now += f.settings.fresh_for;
    ASSERT_TRUE(f.machine.rejected_in_doubt(1, 7, f.at()).start_login);
    f.log_in(opaque("b"));
    f.machine.accepted(2, 8);
    f.now += f.settings.denied_for;
    EXPECT_TRUE(f.machine.rejected_in_doubt(2, 7, f.at()).start_login);
}

/// A gateway that answers one mutation so whatever the token is. Its app gets no resend that could tell.
TEST(TokenMachine, ADocumentThatIsRejectedInDoubtAgainAfterItsLoginIsDenied) {
    MachineFixture f;
    f.settled(opaque("a"));
    f.now += f.settings.fresh_for;
    ASSERT_TRUE(f.machine.rejected_in_doubt(1, 7, f.at()).start_login);
    f.log_in(opaque("b"));
    f.machine.accepted(2, 8);
    std::size_t logins = 0;
    for (int i = 0; i < 20; ++i) {
        f.now += f.settings.fresh_for;
        logins += f.machine.rejected_in_doubt(2, 7, f.at()).start_login ? 1 : 0;
    }
    EXPECT_EQ(logins, 0U);
    EXPECT_TRUE(f.rejected(2, 8).start_login) << "another document";
}

/// The token that its login brought has worked for it, so it has become stale since.
TEST(TokenMachine, ADocumentThatWasAcceptedAfterItsLoginCausesAnotherOne) {
    MachineFixture f;
    f.settled(opaque("a"));
    f.now += f.settings.fresh_for;
    ASSERT_TRUE(f.machine.rejected_in_doubt(1, 7, f.at()).start_login);
    f.log_in(opaque("b"));
    f.machine.accepted(2, 8);
    EXPECT_EQ(f.machine.unproven_login(), 2U) << "the document itself has not been accepted";
    f.machine.accepted(2, 7);
    EXPECT_EQ(f.machine.unproven_login(), 0U);
    f.now += f.settings.fresh_for;
    EXPECT_TRUE(f.machine.rejected_in_doubt(2, 7, f.at()).start_login);
}

/// Only a replica that lagged behind had rejected the resend.
TEST(TokenMachine, ADeniedDocumentThatIsAcceptedAfterwardsCausesALoginAgain) {
    struct Case {
        const char* claim;
        std::uint64_t generation; ///< of the accepted request's token
        std::uint64_t document;
        bool lapses;
    };

    for (const auto& c :
         {Case{"the same token", 2, 7, true}, Case{"a swap since", 3, 7, true},
          Case{"sent before the login", 1, 7, false}, Case{"another document", 2, 8, false}}) {
        MachineFixture f;
        f.settled(opaque("a"));
        ASSERT_TRUE(f.rejected(1, 7).start_login);
        f.log_in(opaque("b"));
        f.machine.denied(2, 7);
        f.machine.accepted(2, 9); // the login's token works, so the denial is proven
        ASSERT_EQ(f.observed(2, opaque("c")), Observation::adopted);
        f.machine.accepted(c.generation, c.document);
        EXPECT_EQ(f.machine.unproven_login() == 0, c.lapses) << c.claim;
        f.now += f.settings.denied_for - 1ns;
        EXPECT_EQ(f.rejected(3, 7).action, Action::pass) << c.claim << ": once in denied_for";
        f.now += 1ns;
        EXPECT_EQ(f.rejected(3, 7).start_login, c.lapses) << c.claim;
    }
}

TEST(TokenMachine, ADocumentThatWaversCausesOneLoginInEachDeniedFor) {
    MachineFixture f;
    f.settings.fresh_for = 0s;
    f.machine.configure(f.settings);
    f.settled(opaque("a"));
    std::uint64_t generation = 1;
    std::size_t logins = 0;
    for (int i = 0; i < 1800; ++i) { // three minutes
        f.now += 100ms;
        if (f.rejected(generation, 7).start_login) {
            ++logins;
            f.log_in(opaque("b" + std::to_string(++generation)));
            f.machine.denied(generation, 7);
        }
        f.machine.accepted(generation, 7);
    }
    EXPECT_EQ(logins, 3U);
}

/// Whatever is accepted and rejected by turns, in any order, and whether or not the apps stay.
TEST(TokenMachine, DocumentsThatWaverCauseOneLoginInEachDeniedForTogether) {
    constexpr std::uint64_t documents = 20;
    std::mt19937 random{7};
    for (int round = 0; round < 50; ++round) {
        MachineFixture f;
        f.settings.fresh_for = 0s;
        f.machine.configure(f.settings);
        f.settled(opaque("a"));
        std::uint64_t generation = 1;
        const auto log_in = [&](std::uint64_t document) {
            f.log_in(opaque("b" + std::to_string(++generation)));
            if (random() % 4 != 0)
                f.machine.denied(generation, document);
        };
        for (std::uint64_t document = 0; document < documents; ++document) {
            ASSERT_TRUE(f.rejected(generation, document).start_login);
            f.log_in(opaque("b" + std::to_string(++generation)));
            f.machine.denied(generation, document);
            f.machine.accepted(generation, document);
        }
        std::size_t logins = 0;
        for (int i = 0; i < 6000; ++i) { // ten minutes
            f.now += 100ms;
            const std::uint64_t document = random() % documents;
            if (random() % 3 == 0) {
                f.machine.accepted(generation, document);
            } else if (f.rejected(generation, document).start_login) {
                ++logins;
                log_in(document);
            }
        }
        EXPECT_LE(logins, 10U) << "round " << round;
        EXPECT_GE(logins, 9U) << "round " << round;
    }
}

TEST(TokenMachine, ManyDeniedRequestsCauseOneLoginInEachDeniedFor) {
    for (const std::uint64_t documents : {1U, 3U, 200U}) {
        for (const bool apps_stay : {true, false}) {
            MachineFixture f;
            f.settings.fresh_for = 0s;
            f.machine.configure(f.settings);
            f.settled(opaque("a"));
            // Each document is denied once, by a login of its own.
            std::uint64_t generation = 1;
            for (std::uint64_t document = 0; document < documents; ++document) {
                ASSERT_TRUE(f.rejected(generation, document).start_login);
                f.log_in(opaque("x" + std::to_string(++generation)));
                f.machine.denied(generation, document);
            }
            TimePoint last = f.now;
            std::size_t logins = 0;
            for (std::uint64_t i = 1; i <= 2000; ++i) {
                f.now += 100ms;
                if (!f.rejected(generation, i % documents).start_login)
                    continue;
                EXPECT_GE(f.now - last, f.settings.denied_for);
                last = f.now;
                ++logins;
                f.log_in(opaque("y" + std::to_string(++generation)));
                if (apps_stay) // else no resend shows that it is denied
                    f.machine.denied(generation, i % documents);
            }
            EXPECT_LE(logins, 3U) << documents << " documents in 200 s";
            EXPECT_GE(logins, apps_stay ? 3U : 1U) << documents;
            EXPECT_TRUE(f.rejected(generation, 999).start_login) << "another document is not affected";
        }
    }
}

TEST(TokenMachine, ALoginWhoseOwnDocumentIsDeniedHasProvedNothing) {
    MachineFixture f;
    f.settled(opaque("a"));
    f.machine.denied(1, 7);
    ASSERT_TRUE(f.rejected(1, 8).start_login);
    EXPECT_FALSE(f.rejected(1, 9).start_login) << "waits for the same login";
    f.log_in(opaque("b"));
    f.now += 30s;
    f.machine.denied(2, 9);
    EXPECT_EQ(f.rejected(2, 9).action, Action::pass);
    EXPECT_NE(f.rejected(1, 7).action, Action::pass) << "the login was not made for 9";
    f.machine.denied(2, 8);
    for (const std::uint64_t document : {7U, 8U, 9U})
        EXPECT_EQ(f.rejected(2, document).action, Action::pass) << document;
    EXPECT_TRUE(f.rejected(2, 10).start_login);
}

TEST(TokenMachine, ALoginForAnotherReasonForgetsWhatWasDenied) {
    for (const bool credentials : {false, true}) {
        MachineFixture f;
        f.settled(opaque("a"));
        ASSERT_TRUE(f.rejected(1, 8).start_login);
        f.log_in(opaque("b"));
        f.machine.denied(2, 8);
        f.now = *f.machine.next_wake();
        ASSERT_TRUE((credentials ? f.machine.credentials_changed(true, true, f.at()) : f.tick()).start_login);
        f.log_in(opaque("c"));
        f.machine.denied(2, 8); // of the login before: late
        f.now += 1min;
        EXPECT_TRUE(f.rejected(3, 8).start_login) << credentials;
    }
}

TEST(TokenMachine, AStoredTokenNearItsEndIsUsedAndRenewedAtOnce) {
    MachineFixture f;
    const auto directive = f.machine.restored(TokenMachine::Restored{opaque("a"), {}, 60min, 1min}, f.at());
    EXPECT_TRUE(directive.start_login);
    EXPECT_EQ(f.want().action, Action::use);
}

TEST(TokenMachine, ALoginThatRepeatsATokenDoesNotProlongItsLife) {
    MachineFixture f;
    f.settled(dated("a", 1000, 1600));
    const auto expires = f.machine.current()->expires;
    ASSERT_TRUE(f.rejected(1).start_login);
    f.log_in(dated("a", 1000, 1600));
    EXPECT_EQ(f.machine.current()->expires, expires);
    EXPECT_GE(*f.machine.next_wake(), f.now + 1s);
    f.now = expires;
    ASSERT_TRUE(f.want().start_login);
    const auto directive = f.machine.login_done(dated("a", 1000, 1600), f.at());
    EXPECT_EQ(directive.action, Action::fail) << "it has expired";
    EXPECT_EQ(directive.failure.reason, NoToken::Reason::login_unavailable);
}

/// A server that hands out one token until it ends tells less of its life each time.
TEST(TokenMachine, ATokenThatComesAgainWithLessLifeIsAskedForOnceASecondAtMost) {
    MachineFixture f;
    const auto again = [](Duration life) {
        auto token = opaque("a");
        token.life = life;
        return token;
    };
    f.settled(again(10s));
    for (const Duration left : {2s, 1s}) {
        f.now = std::max(f.now, *f.machine.next_wake());
        ASSERT_TRUE(f.tick().start_login);
        f.log_in(again(left));
        EXPECT_EQ(f.machine.current()->expires, f.now + left);
        EXPECT_GE(*f.machine.next_wake(), f.now + 1s);
    }
}

TEST(TokenMachine, ATokenOfWhichNothingIsLeftIsUsedToItsEndAndThenReplaced) {
    MachineFixture f;
    auto token = opaque("a");
    token.life = 90s;
    f.settled(std::move(token));
    const auto expires = f.machine.current()->expires;
    ASSERT_TRUE(f.rejected(1).start_login);
    token = opaque("a");
    token.life = 0s;
    EXPECT_EQ(f.machine.login_done(std::move(token), f.at()).action, Action::use);
    EXPECT_EQ(f.machine.current()->expires, expires);
    EXPECT_EQ(f.machine.next_wake(), expires);
    EXPECT_FALSE(f.machine.next_try());
    f.now = expires;
    ASSERT_TRUE(f.tick().start_login);
    token = opaque("a");
    token.life = 0s;
    EXPECT_EQ(f.machine.login_done(std::move(token), f.at()).action, Action::fail);
    f.now = *f.machine.next_wake();
    ASSERT_TRUE(f.tick().start_login);
    token = opaque("b");
    token.life = 0s;
    EXPECT_EQ(f.machine.login_done(std::move(token), f.at()).action, Action::fail) << "another one";
}

TEST(TokenMachine, NewCredentialsThatTheRunningLoginIsYetToSendAreTriedOnce) {
    for (const bool same_user : {true, false}) {
        MachineFixture f;
        f.settled(opaque("a"));
        f.now += 2h;
        ASSERT_TRUE(f.want().start_login);
        EXPECT_FALSE(f.machine.credentials_changed(same_user, false, f.at()).start_login);
        EXPECT_TRUE(f.machine.login_counts());
        const auto directive = f.failed(Failure::rejected);
        EXPECT_EQ(directive.action, Action::fail);
        EXPECT_FALSE(directive.start_login);
        EXPECT_EQ(f.machine.rejections(), 1U);
    }
}

TEST(TokenMachine, NothingStartsAfterStopButAGoodTokenIsStillUsed) {
    MachineFixture f;
    f.settled(opaque("a"));
    f.machine.stop();
    EXPECT_EQ(f.want().action, Action::use);
    EXPECT_EQ(f.rejected(1).failure.reason, NoToken::Reason::shutting_down);
    f.now += 2h;
    const auto directive = f.want();
    EXPECT_EQ(directive.action, Action::fail);
    EXPECT_FALSE(directive.start_login);
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

/// What another replica received so long ago.
TokenMachine::Candidate of_the_fleet(std::string_view value, Duration age) {
    auto token = opaque(value);
    token.age = age;
    return token;
}

TEST(TokenMachine, AnotherReplicasLoginProvesOnlySomethingWhileItIsFresh) {
    for (const Duration age : {Duration{1s}, Duration{59s}, Duration{60s}}) {
        MachineFixture f;
        const bool fresh = age < f.settings.denied_for;
        static_cast<void>(f.start());
        static_cast<void>(f.machine.login_done(opaque("own"), f.at()));
        f.now += 1min;
        EXPECT_TRUE(f.rejected(1).start_login);
        const auto adopted = f.machine.login_done(of_the_fleet("of-the-fleet", age), f.at());
        EXPECT_EQ(adopted.action, Action::use);
        EXPECT_EQ(adopted.after_login, fresh);
        EXPECT_EQ(f.machine.login_since(1), fresh);
        const auto again = f.rejected(2);
        EXPECT_EQ(again.action, fresh ? Action::pass : Action::wait);
        EXPECT_EQ(again.start_login, !fresh) << "it may have been revoked, too";
        if (fresh) {
            const bool doubted = age >= f.settings.fresh_for;
            EXPECT_EQ(f.rejected(2, 9).start_login, doubted) << "another document";
            continue;
        }
        EXPECT_TRUE(f.machine.login_done(opaque("own-2"), f.at()).after_login);
        EXPECT_EQ(f.rejected(3).action, Action::pass);
    }
}

TEST(TokenMachine, ATokenOfTheFleetThatADocumentCausedForgetsNoDenial) {
    for (const Duration age : {Duration{30s}, Duration{5min}}) {
        MachineFixture f;
        f.settled(opaque("a"));
        ASSERT_TRUE(f.rejected(1, 7).start_login);
        f.log_in(opaque("b"));
        f.machine.denied(2, 7);
        f.machine.accepted(2, 9);
        f.now += age + 20s;
        ASSERT_TRUE(f.rejected(2, 8).start_login);
        static_cast<void>(f.machine.login_done(of_the_fleet("of-the-fleet", age), f.at()));
        if (age < f.settings.denied_for) {
            f.machine.denied(3, 8);
        } else {
            ASSERT_TRUE(f.rejected(3, 8).start_login) << "it may have been revoked";
            f.log_in(opaque("c"));
            f.now += 20s;
            EXPECT_EQ(f.rejected(4, 8).action, Action::pass) << "its own login did not help";
        }
        const auto generation = f.machine.current()->generation;
        for (const std::uint64_t document : {7U, 8U})
            EXPECT_EQ(f.rejected(generation, document).action, Action::pass) << document;
    }
}

TEST(TokenMachine, ADocumentThatIsRejectedWithTheTokenOfItsOwnLoginCausesNoOther) {
    MachineFixture f;
    f.settled(opaque("a"));
    ASSERT_TRUE(f.rejected(1, 7).start_login);
    f.log_in(opaque("b"));
    f.now += 30s; // its app has gone before the resend
    EXPECT_EQ(f.rejected(2, 7).action, Action::pass);
    EXPECT_TRUE(f.rejected(2, 8).start_login) << "another document";
}

TEST(TokenMachine, ALockOutOfTheFleetDoesNotLowerItsOwnCount) {
    MachineFixture f;
    static_cast<void>(f.start());
    for (int i = 0; i < 3; ++i) {
        static_cast<void>(f.machine.login_failed(Failure::rejected, std::nullopt, f.at()));
        f.now += 1h;
        ASSERT_TRUE(f.machine.tick(f.at()).start_login);
    }
    static_cast<void>(f.machine.locked_out(1, 10s, f.at()));
    EXPECT_EQ(f.machine.rejections(), 3U);
}

} // namespace
} // namespace bearerd::auth
