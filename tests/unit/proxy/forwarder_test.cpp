#include "forwarder_fixture.hpp"

#include "unit/gzip.hpp"

namespace bearerd::proxy::test {
namespace {

using bearerd::test::gzip;
using outcome::ErrorCode;
using outcome::Executed;
using upstream::Stage;

TEST_F(ForwarderTest, ARequestGoesUpstreamWithTheTokenAndItsAnswerBackUnchanged) {
    answer(json(std::string{data}));
    request(query);
    ASSERT_EQ(transport.sent.size(), 1U);
    EXPECT_EQ(transport.sent[0].body, query);
    EXPECT_TRUE(transport.sent[0].head.starts_with("POST /graphql HTTP/1.1\r\nHost: api.example.com\r\n"));
    EXPECT_NE(transport.sent[0].head.find("Authorization: Bearer token-1\r\n"), std::string::npos);
    EXPECT_NE(transport.sent[0].head.find("X-Request-Id: id-1\r\n"), std::string::npos);
    EXPECT_FALSE(transport.sent[0].may_mutate);
    EXPECT_FALSE(transport.sent[0].new_connection);
    EXPECT_EQ(transport.sent[0].hold_limit, settings.auth.unauthorized.inspect_limit);
    EXPECT_EQ(app.received(),
              "HTTP/1.1 200 Reason\r\nContent-Type: application/json\r\nContent-Length: 22\r\n"
              "X-Request-Id: id-1\r\n\r\n" +
                  std::string{data});
    EXPECT_FALSE(app.closed);
    EXPECT_EQ(report.status, 200);
    EXPECT_EQ(report.outcome.label(), "ok");
    EXPECT_EQ(report.executed, Executed::yes);
    EXPECT_EQ(report.bytes_out, data.size());
    EXPECT_EQ(report.resends, 0U);
    EXPECT_TRUE(tokens.calls.empty());
    EXPECT_EQ(pending.load(), 0U);
    EXPECT_EQ(stats.requests_in_flight.get(), 0);
}

/// While a slow app takes the answer, the connection can carry the next request: the session copies what it
/// borrowed.
TEST_F(ForwarderTest, AWholeAnswerIsLentWithItsConnectionUntilItIsWritten) {
    answer(json(std::string{data}));
    on_reply = [this](server::Reply& reply) {
        EXPECT_TRUE(std::holds_alternative<server::BorrowedBody>(reply.body));
        EXPECT_EQ(transport.open, 1U);
        EXPECT_EQ(pending.load(), 1U) << "the request is in flight until its reply is written";
        reply = server::Reply{};
        EXPECT_EQ(transport.open, 0U);
        EXPECT_EQ(pending.load(), 0U);
    };
    request(query);
}

TEST_F(ForwarderTest, ASwappedTokenIsReportedWithTheTokenThatTheRequestCarriedAndNeverReachesTheApp) {
    Answer swap = json(std::string{data});
    swap.fields.emplace_back("Authorization", "Bearer old-style");
    swap.fields.emplace_back("X-Authorization", "Bearer token-2");
    answer(swap);
    request(query);
    EXPECT_EQ(tokens.calls, std::vector<std::string>{"observed token-2 of token-1"});
    EXPECT_FALSE(app.has("token-2"));
    EXPECT_FALSE(app.has("old-style"));
}

TEST_F(ForwarderTest, ATokenInTheDeprecatedHeaderAloneIsReportedToo) {
    Answer swap = json(std::string{data});
    swap.fields.emplace_back("authorization", "token-2");
    answer(swap);
    request(query);
    EXPECT_EQ(tokens.calls, std::vector<std::string>{"observed token-2 of token-1"});
    EXPECT_FALSE(app.has("token-2"));
}

TEST_F(ForwarderTest, AnAppsOwnLoginIsReportedAsSuch) {
    Answer swap = json(std::string{data});
    swap.fields.emplace_back("X-Authorization", "token-of-another");
    answer(swap);
    request(R"({"query":"{ loginUser(email:\"a\", password:\"b\") { id } }"})");
    EXPECT_EQ(tokens.calls, std::vector<std::string>{"observed token-of-another of token-1 by a login"});
}

TEST_F(ForwarderTest, WithoutATokenTheRequestWaitsForOne) {
    tokens.now = nullptr;
    tokens.later = make_token("token-9");
    answer(json(std::string{data}));
    request(mutation);
    EXPECT_EQ(tokens.calls, std::vector<std::string>{"acquire"});
    EXPECT_NE(transport.sent.at(0).head.find("Bearer token-9\r\n"), std::string::npos);
}

TEST_F(ForwarderTest, WithoutATokenToBeHadTheAppLearnsWhyAndThatNothingWasExecuted) {
    using Reason = auth::NoToken::Reason;
    const std::pair<Reason, ErrorCode> cases[] = {{Reason::login_rejected, ErrorCode::login_rejected},
                                                  {Reason::login_unavailable, ErrorCode::login_unavailable},
                                                  {Reason::overloaded, ErrorCode::overloaded},
                                                  {Reason::shutting_down, ErrorCode::shutting_down}};
    tokens.now = nullptr;
    for (const auto& [reason, code] : cases) {
        tokens.later = auth::NoToken{reason, std::chrono::milliseconds{2'500}};
        request(mutation);
        expect_error(code, Executed::no);
        EXPECT_EQ(app.has("Retry-After: 3\r\n"), outcome::natural_status(code) == 503);
    }
    EXPECT_TRUE(transport.sent.empty());
}

TEST_F(ForwarderTest, TheTillReadsWhyALoginCouldNotBeCarriedOut) {
    tokens.now = nullptr;

    const struct {
        error_code code;
        const char* reason;
        const char* says;
    } cases[] = {{errc::certificate_invalid, "certificate has expired", "date and time"},
                 {{}, "HTTP status 404", "check the path"},
                 {{}, "HTTP status 503", "please try again shortly"}};

    for (const auto& [code, reason, says] : cases) {
        auth::NoToken none;
        none.cause = &cause_of(code, reason);
        tokens.later = none;
        request(mutation);
        expect_error(ErrorCode::login_unavailable, Executed::no);
        EXPECT_TRUE(app.has(says)) << reason << ": " << app.received();
    }
}

TEST_F(ForwarderTest, ARejectedMutationIsSentAgainOnceWithTheNewerToken) {
    answer(unauthorized());
    answer(json(std::string{data}));
    tokens.advice = {resend_with("token-2", false)};
    request(mutation);
    ASSERT_EQ(transport.sent.size(), 2U);
    EXPECT_NE(transport.sent[1].head.find("Bearer token-2\r\n"), std::string::npos);
    EXPECT_EQ(transport.sent[1].body, mutation);
    EXPECT_EQ(app.body(), data);
    EXPECT_EQ(report.resends, 1U);
    EXPECT_EQ(report.outcome.label(), "ok");
    EXPECT_EQ(tokens.calls, std::vector<std::string>{"rejected token-1"});
    EXPECT_EQ(stats.resends[ResendReason::rejected].get(), 1U);
}

TEST_F(ForwarderTest, RejectedAgainAfterALoginTheDocumentIsDeniedAndTheAnswerPasses) {
    answer(unauthorized());
    answer(unauthorized());
    tokens.advice = {resend_with("token-2", true)};
    request(mutation);
    EXPECT_EQ(tokens.calls, (std::vector<std::string>{"rejected token-1", "denied token-2"}));
    ASSERT_EQ(tokens.documents.size(), 2U);
    EXPECT_EQ(tokens.documents[0], tokens.documents[1]);
    EXPECT_TRUE(app.has("Unauthorized"));
    EXPECT_EQ(report.outcome.label(), "rejected");
    EXPECT_EQ(report.executed, Executed::no);
    EXPECT_EQ(transport.sent.size(), 2U);
}

TEST_F(ForwarderTest, OnlyDataFromTheApiProvesTheTokenThatTheRequestCarried) {
    struct Sample {
        const char* claim;
        Answer answer;
        std::string_view body;
        bool proves;
    };

    const Answer page{200, {{"Content-Type", "text/html"}}, {"<p>\"data\"</p>"}, std::nullopt, {}};
    Answer not_found = json(std::string{data});
    not_found.status = 404;
    Answer larger = json(std::string{data} + std::string(70'000, ' '));
    const std::string_view login = R"({"query":"{ loginUser(username: \"u\") { id } }"})";
    const std::string batch = "[" + std::string{query} + "]";
    const Sample cases[] = {
        {"a query's data", json(std::string{data}), query, true},
        {"a mutation's data", json(std::string{data}), mutation, true},
        {"a batch's data", json("[" + std::string{data} + "]"), batch, true},
        {"an error", json(R"({"errors":[{"message":"no such card"}],"data":null})"), query, false},
        {"a page", page, query, false},
        {"a gateway's JSON", json(R"({"status":"maintenance"})"), query, false},
        {"an empty body", json(""), query, false},
        {"a status that is no success", not_found, query, false},
        {"what is too large to be judged", larger, query, false},
        {"the app's own login, which needs no token", json(std::string{data}), login, false},
    };
    for (const Sample& c : cases) {
        tokens.proofs.clear();
        answer(c.answer);
        request(c.body);
        const std::vector<std::string> expected(c.proves ? 1 : 0, "token-1");
        EXPECT_EQ(tokens.proofs, expected) << c.claim;
    }
}

TEST_F(ForwarderTest, RejectedAgainWithoutALoginTheDocumentIsNotDenied) {
    answer(unauthorized());
    answer(unauthorized());
    tokens.advice = {resend_with("token-2", false)};
    request(query);
    EXPECT_EQ(tokens.calls, std::vector<std::string>{"rejected token-1"});
    EXPECT_TRUE(app.has("Unauthorized"));
}

TEST_F(ForwarderTest, ADeniedPermissionPassesThroughAsItIs) {
    answer(unauthorized());
    tokens.advice = {auth::Advice{}};
    request(mutation);
    EXPECT_EQ(transport.sent.size(), 1U);
    EXPECT_TRUE(app.received().starts_with("HTTP/1.1 200 Reason\r\n"));
    EXPECT_TRUE(app.has("Unauthorized"));
    EXPECT_EQ(report.outcome.label(), "rejected");
    EXPECT_NE(report.detail.find("auth.fresh_for"), std::string::npos) << report.detail;
    EXPECT_FALSE(app.closed);
}

TEST_F(ForwarderTest, WhereTheLoginForAResendFailsTheAppGetsTheLoginsError) {
    answer(unauthorized());
    auth::Advice failed;
    failed.kind = auth::Advice::Kind::fail;
    failed.failure = {auth::NoToken::Reason::login_rejected, {}};
    tokens.advice = {failed};
    request(mutation);
    expect_error(ErrorCode::login_rejected, Executed::no);
    EXPECT_EQ(transport.sent.size(), 1U);
}

TEST_F(ForwarderTest, ARejectionInACompressedBodyIsSeen) {
    Answer coded = unauthorized();
    coded.pieces = {gzip(coded.pieces[0])};
    coded.fields.emplace_back("Content-Encoding", "gzip");
    answer(coded);
    answer(json(std::string{data}));
    tokens.advice = {resend_with("token-2", true)};
    request(mutation);
    EXPECT_EQ(transport.sent.size(), 2U);
    EXPECT_EQ(app.body(), data);
}

TEST_F(ForwarderTest, A401IsARejectionHoweverLargeItsBody) {
    Answer page{401,
                {{"Content-Type", "text/html"}},
                {std::string(70'000, 'x'), std::string(70'000, 'y')},
                140'000,
                {}};
    answer(page);
    tokens.advice = {auth::Advice{}};
    request(mutation);
    EXPECT_EQ(tokens.calls, std::vector<std::string>{"rejected token-1"});
    EXPECT_EQ(app.body().size(), 140'000U);
    EXPECT_EQ(report.status, 401);
    EXPECT_FALSE(app.closed);
}

TEST_F(ForwarderTest, AStatusThatTheSettingsCallUnauthorizedIsARejectionHoweverLargeItsBody) {
    settings.auth.unauthorized.statuses = {498};
    answer(Answer{498, {}, {std::string(70'000, 'x'), "y"}, 70'001, {}});
    answer(json(std::string{data}));
    tokens.advice = {resend_with("token-2", false)};
    request(mutation);
    EXPECT_EQ(transport.sent.size(), 2U);
    EXPECT_TRUE(app.has(data));
}

TEST_F(ForwarderTest, A403IsNeverARejection) {
    Answer forbidden = unauthorized();
    forbidden.status = 403;
    answer(forbidden);
    request(mutation);
    EXPECT_TRUE(tokens.calls.empty());
    EXPECT_TRUE(app.received().starts_with("HTTP/1.1 403 "));
    EXPECT_EQ(report.outcome.label(), "graphql_error");
}

TEST_F(ForwarderTest, AMutationWhoseFieldMayHaveRunIsNotSentAgain) {
    answer(json(R"({"errors":[{"message":"Unauthorized","path":["createReversal","id"]}],"data":null})"));
    request(mutation);
    EXPECT_EQ(transport.sent.size(), 1U);
    EXPECT_EQ(report.outcome.label(), "graphql_error");
    EXPECT_EQ(report.executed, Executed::answered);
}

TEST_F(ForwarderTest, AQueryOnAStaleConnectionIsSentAgainOnceOnANewOne) {
    fail(errc::closed, Stage::waiting, true);
    answer(json(std::string{data}));
    request(query);
    ASSERT_EQ(transport.sent.size(), 2U);
    EXPECT_TRUE(transport.sent[1].new_connection);
    EXPECT_EQ(app.body(), data);
    EXPECT_EQ(stats.resends[ResendReason::stale_connection].get(), 1U);
    EXPECT_EQ(report.resends, 1U);

    fail(errc::closed, Stage::waiting, true);
    fail(errc::closed, Stage::waiting, true);
    request(query);
    expect_error(ErrorCode::upstream_broken, Executed::no);
    EXPECT_EQ(transport.sent.size(), 4U);
}

TEST_F(ForwarderTest, AMutationOnAStaleConnectionIsNeverSentAgain) {
    fail(errc::closed, Stage::waiting, true);
    request(mutation);
    expect_error(ErrorCode::outcome_unknown, Executed::unknown);
    EXPECT_TRUE(transport.sent.at(0).may_mutate);
    EXPECT_EQ(transport.sent.size(), 1U);
}

TEST_F(ForwarderTest, WhatCannotBeClassifiedIsTreatedAsAMutation) {
    for (const std::string_view body : {"{", R"({"query":"{a}","query":"mutation{b}"})", ""}) {
        fail(errc::timed_out, Stage::waiting);
        request(body);
        expect_error(ErrorCode::outcome_unknown, Executed::unknown);
    }
    // A body that is coded, perhaps, or of one of two types: the upstream may read another one than we did.
    for (const NamedFields& unclear :
         {NamedFields{{"Content-Encoding", "gzip"}},
          NamedFields{{"Content-Encoding", "identity"}, {"Content-Encoding", "gzip"}},
          NamedFields{{"Content-Type", "multipart/form-data; boundary=x"}}}) {
        fields = unclear;
        fail(errc::closed, Stage::waiting, true);
        request(query);
        expect_error(ErrorCode::outcome_unknown, Executed::unknown);
    }
}

TEST_F(ForwarderTest, NoAnswerInTimeIsToldByWhatTheRequestIs) {
    fail(errc::timed_out, Stage::waiting);
    request(query);
    expect_error(ErrorCode::upstream_timeout, Executed::no);
    fail(errc::timed_out, Stage::waiting);
    request(mutation);
    expect_error(ErrorCode::outcome_unknown, Executed::unknown);
}

TEST_F(ForwarderTest, AnUpstreamThatCannotBeReachedHasExecutedNothing) {
    fail(errc::connect_failed, Stage::connecting);
    request(mutation);
    expect_error(ErrorCode::upstream_unreachable, Executed::no);
    EXPECT_FALSE(report.detail.empty());
}

TEST_F(ForwarderTest, TheTillReadsWhyTheUpstreamCannotBeReachedAndWhatToDo) {
    const struct {
        errc code;
        const char* reason;
        const char* says;
    } cases[] = {
        {errc::name_not_found, "looking up a.example: Host not found", "name could not be looked up"},
        {errc::connect_failed, "127.0.0.1:1: Connection refused", "refuses connections"},
        {errc::timed_out, "connecting took too long: no address answers", "did not answer in time"},
        {errc::certificate_invalid, "self-signed certificate", "could not prove who it is"},
        {errc::certificate_invalid, "certificate has expired", "date and time"},
        {errc::certificate_invalid, "hostname mismatch", "another name"},
        {errc::proxy_refused, "the proxy answered 407", "check upstream.proxy"},
        {errc::connect_failed, "the proxy 127.0.0.1:1: Connection refused", "check upstream.proxy"},
        {errc::tls_failed, "wrong version number", "does not speak TLS"},
        {errc::tls_failed, "tlsv1 alert protocol version", "check upstream.tls"},
        {errc::connect_failed, "127.0.0.1:1: Network is unreachable", "internet connection"},
    };

    for (const auto& [code, reason, says] : cases) {
        answer(upstream::Failure{make_error_code(code), Stage::connecting, false, reason});
        request(mutation);
        expect_error(ErrorCode::upstream_unreachable, Executed::no);
        EXPECT_TRUE(app.has(says)) << reason << ": " << app.received();
        EXPECT_TRUE(app.has("nothing was executed; ")) << reason;
    }
}

/// The scenario with the most steps, failed at each of them: a stale connection, a rejection, a login, the
/// resend.
TEST_F(ForwarderTest, AFailureAtAnyStepGivesOneAnswerAndNoFurtherRequest) {
    constexpr std::size_t steps = 3;
    for (std::size_t failing = 0; failing < steps; ++failing) {
        SCOPED_TRACE(failing);
        const std::size_t sent_before = transport.sent.size();
        transport.steps = {Step{upstream::Failure{make_error_code(errc::closed), Stage::waiting, true, {}}},
                           Step{unauthorized()}, Step{json(std::string{data})}};
        transport.steps[failing] =
            upstream::Failure{make_error_code(errc::garbled), Stage::reading, false, {}};
        tokens.advice = {resend_with("token-2", true)};
        request(query);
        expect_error(ErrorCode::upstream_broken, Executed::no);
        EXPECT_EQ(transport.sent.size() - sent_before, failing + 1);
    }
}

TEST_F(ForwarderTest, AStaleConnectionAndARejectionEachAllowOneMoreSend) {
    fail(errc::closed, Stage::waiting, true);
    answer(unauthorized());
    answer(json(std::string{data}));
    tokens.advice = {resend_with("token-2", true)};
    request(query);
    EXPECT_EQ(app.body(), data);
    EXPECT_EQ(report.resends, 2U);
}

TEST_F(ForwarderTest, AGetThatMayMutateIsRefusedUnsent) {
    request("", "GET", "/graphql?query=mutation%7Ba%7D");
    expect_error(ErrorCode::method_not_allowed, Executed::no);
    EXPECT_TRUE(app.has("Allow: POST\r\n"));
    request("", "GET", "/graphql?query=%7B");
    expect_error(ErrorCode::method_not_allowed, Executed::no);
    EXPECT_TRUE(transport.sent.empty());
}

TEST_F(ForwarderTest, AGetQueryGoesUpstreamWithItsQueryStringAndNoLength) {
    settings.upstream.url.target = "/graphql?tenant=7";
    answer(json(std::string{data}));
    request("", "GET", "/?query=%7Ba%7D");
    EXPECT_TRUE(transport.sent.at(0).head.starts_with("GET /graphql?tenant=7&query=%7Ba%7D HTTP/1.1\r\n"));
    EXPECT_EQ(transport.sent.at(0).head.find("Content-Length"), std::string::npos);
    EXPECT_EQ(app.body(), data);
}

TEST_F(ForwarderTest, TooManyRequestsInHandAreRefusedUnsent) {
    settings.limits.pending_requests = 2;
    pending = 2;
    request(mutation);
    expect_error(ErrorCode::overloaded, Executed::no);
    EXPECT_TRUE(app.has("Retry-After: "));
    EXPECT_EQ(pending.load(), 2U);
    EXPECT_TRUE(transport.sent.empty());
    pending = 1;
    answer(json(std::string{data}));
    request(mutation);
    EXPECT_EQ(app.body(), data);
}

TEST_F(ForwarderTest, AnErrorsContentTypeFollowsAccept) {
    fail(errc::connect_failed, Stage::connecting);
    request(query);
    EXPECT_TRUE(app.has("Content-Type: application/json\r\n"));
    fields = {{"Accept", "application/graphql-response+json, application/json;q=0.9"}};
    fail(errc::connect_failed, Stage::connecting);
    request(query);
    EXPECT_TRUE(app.has("Content-Type: application/graphql-response+json\r\n"));
}

TEST_F(ForwarderTest, ErrorsGoOutAs200WhereTheSettingsSaySo) {
    settings.errors.always_200 = true;
    fail(errc::timed_out, Stage::waiting);
    request(mutation);
    EXPECT_TRUE(app.received().starts_with("HTTP/1.1 200 "));
    EXPECT_TRUE(app.has(R"("code":"OUTCOME_UNKNOWN")"));
    EXPECT_EQ(report.status, 200);
}

TEST_F(ForwarderTest, TheThrottleIsNoted) {
    answer(json(R"({"data":{},"extensions":{"cost":{"throttleStatus":{"currentlyAvailable":7986}}}})"));
    request(query);
    EXPECT_EQ(stats.throttle_available.get(), 7986);
}

} // namespace
} // namespace bearerd::proxy::test
