#include "decision.hpp"

#include <gtest/gtest.h>

namespace bearerd::proxy {
namespace {

using outcome::ErrorCode;
using outcome::Executed;
using upstream::Stage;

constexpr Stage stages[] = {Stage::connecting, Stage::writing, Stage::waiting, Stage::reading};
constexpr errc codes[] = {
    errc::timed_out,      errc::shutting_down,  errc::overloaded,          errc::connection_limit,
    errc::name_not_found, errc::connect_failed, errc::certificate_invalid, errc::tls_failed,
    errc::proxy_refused,  errc::closed,         errc::truncated,           errc::garbled,
    errc::too_large};
constexpr bool both[] = {false, true};

template<class Check>
void for_all(Check check) {
    for (const Stage stage : stages)
        for (const errc code : codes)
            for (const bool reused : both)
                for (const bool may_mutate : both)
                    for (const bool resent : both) {
                        const FailedAttempt attempt{make_error_code(code), stage, reused, may_mutate, resent};
                        SCOPED_TRACE(testing::Message()
                                     << "stage " << static_cast<int>(stage) << ", " << attempt.code.message()
                                     << (reused ? ", reused" : "") << (may_mutate ? ", may mutate" : "")
                                     << (resent ? ", resent" : ""));
                        check(attempt, code, decide(attempt));
                    }
}

TEST(Decision, NothingThatMayMutateIsEverSentAgain) {
    for_all([](const FailedAttempt& attempt, errc, const Decision& decision) {
        EXPECT_FALSE(attempt.may_mutate && decision.kind == Decision::Kind::resend);
    });
}

TEST(Decision, AQueryIsSentAgainOnceAndOnlyWhenAKeptConnectionClosedBeforeAResponseByte) {
    for_all([](const FailedAttempt& attempt, errc code, const Decision& decision) {
        const bool before_a_byte = attempt.stage == Stage::writing || attempt.stage == Stage::waiting;
        const bool closed = code != errc::timed_out && code != errc::shutting_down;
        const bool expected =
            !attempt.may_mutate && attempt.reused && before_a_byte && closed && !attempt.resent_stale;
        EXPECT_EQ(decision.kind == Decision::Kind::resend, expected);
    });
}

TEST(Decision, WhatWasNotWrittenIsToldAsNotExecutedWhateverItIs) {
    for_all([](const FailedAttempt& attempt, errc code, const Decision& decision) {
        if (attempt.stage != Stage::connecting)
            return;
        EXPECT_EQ(decision.kind, Decision::Kind::reply);
        EXPECT_EQ(decision.executed, Executed::no);
        ErrorCode expected = ErrorCode::upstream_unreachable;
        if (code == errc::shutting_down)
            expected = ErrorCode::shutting_down;
        if (code == errc::overloaded || code == errc::connection_limit)
            expected = ErrorCode::overloaded;
        EXPECT_EQ(decision.code, expected);
    });
}

TEST(Decision, AMutationOfWhichBytesWereWrittenHasAnUnknownOutcome) {
    for_all([](const FailedAttempt& attempt, errc, const Decision& decision) {
        if (attempt.stage == Stage::connecting || !attempt.may_mutate)
            return;
        EXPECT_EQ(decision.code, ErrorCode::outcome_unknown);
        EXPECT_EQ(decision.executed, Executed::unknown);
    });
}

TEST(Decision, AQueryOfWhichBytesWereWrittenTimesOutOrIsBroken) {
    for_all([](const FailedAttempt& attempt, errc code, const Decision& decision) {
        if (attempt.stage == Stage::connecting || attempt.may_mutate ||
            decision.kind == Decision::Kind::resend)
            return;
        ErrorCode expected = ErrorCode::upstream_broken;
        if (code == errc::shutting_down)
            expected = ErrorCode::shutting_down;
        if (code == errc::timed_out)
            expected = ErrorCode::upstream_timeout;
        EXPECT_EQ(decision.code, expected);
    });
}

} // namespace
} // namespace bearerd::proxy
