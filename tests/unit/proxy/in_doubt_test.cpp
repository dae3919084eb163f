// What must not be taken for certain: a rejection that leaves open what ran before it, a body that can't be
// read, a gateway's word for its server's.
#include "forwarder_fixture.hpp"

#include "unit/gzip.hpp"

#include <gmock/gmock.h>

namespace bearerd::proxy::test {
namespace {

using bearerd::test::gzip;
using outcome::ErrorCode;
using outcome::Executed;

constexpr std::string_view two_fields =
    R"({"query":"mutation { a: redeem(x: 1) { id } b: redeem(x: 2) { id } }"})";
constexpr std::string_view two_mutations = R"([{"query":"mutation { a }"},{"query":"mutation { b }"}])";
constexpr std::string_view subscription = R"({"query":"subscription { sales { id } }"})";

constexpr std::string_view at_second = R"({"errors":[{"message":"Unauthorized","path":["b"]}],"data":null})";
constexpr std::string_view at_second_beside_null =
    R"({"errors":[{"message":"Unauthorized","path":["b"]}],"data":{"a":null,"b":null}})";

TEST_F(ForwarderTest, ARejectedRootFieldAmongSeveralIsNotSentAgain) {
    for (const std::string_view body : {two_fields, two_mutations, std::string_view{"{"}}) {
        for (const std::string_view refusal : {at_second, at_second_beside_null}) {
            const std::size_t sent_before = transport.sent.size();
            answer(json(std::string{refusal}));
            request(body);
            EXPECT_EQ(transport.sent.size() - sent_before, 1U) << body << refusal;
            EXPECT_EQ(app.body(), refusal);
            EXPECT_EQ(report.outcome.label(), "graphql_error");
            EXPECT_NE(report.executed, Executed::no);
            EXPECT_NE(report.executed, Executed::yes);
        }
    }
    EXPECT_THAT(tokens.calls, testing::IsEmpty());
}

TEST_F(ForwarderTest, ARejectionThatSpeaksForAllThatWouldRunIsSentAgain) {
    const std::string whole = unauthorized().pieces.front();
    const std::string a = R"({"message":"Unauthorized","path":["a"]})";
    const std::string b = R"({"message":"Unauthorized","path":["b"]})";
    const std::string each_null = R"(],"data":{"a":null,"b":null}})";

    const struct {
        std::string_view body;
        std::string refusal;
    } cases[] = {
        {R"({"query":"mutation { b: redeem(x: 1) { id } }"})", std::string{at_second}},
        {R"({"query":"mutation { b }"})", std::string{at_second_beside_null}},
        {two_fields, whole},
        {two_fields, R"({"errors":[)" + a + "," + b + each_null},
        {two_fields, R"({"errors":[)" + b + "," + a + R"(],"data":null})"},
        {two_fields, R"({"errors":[{"message":"Unauthorized"},)" + b + each_null},
        {two_fields, R"({"errors":[{"message":"Unauthorized","path":null}],"data":null})"},
        {R"([{"query":"mutation { b }"}])", "[" + std::string{at_second} + "]"},
        {two_mutations, R"([{"errors":[)" + a + R"(],"data":null},{"errors":[)" + b + R"(],"data":null}])"},
        {two_mutations, "[" + whole + "," + whole + "]"},
        {two_mutations, R"([{"errors":[)" + a + "]}," + whole + "]"},
        {two_mutations, whole},
        {R"({"id":"stored"})", R"({"errors":[)" + b + R"(],"data":{"b":null}})"},
        {subscription, std::string{at_second}},
        {R"({"query":"{ a b }"})", std::string{at_second_beside_null}},
    };

    for (const auto& each : cases) {
        const std::size_t sent_before = transport.sent.size();
        answer(json(each.refusal));
        answer(json(std::string{data}));
        tokens.advice = {resend_with("token-2", true)};
        request(each.body);
        EXPECT_EQ(transport.sent.size() - sent_before, 2U) << each.body << each.refusal;
        EXPECT_EQ(app.body(), data);
    }
}

TEST_F(ForwarderTest, ARejectionThatNamesAnotherFieldOrNotEachIsNotSentAgain) {
    const std::string a = R"({"message":"Unauthorized","path":["a"]})";
    const std::string a_null = R"({"errors":[)" + a + R"(],"data":{"a":null}})";
    const std::pair<std::string_view, std::string> cases[] = {
        {two_fields, a_null},
        {two_fields, R"({"errors":[)" + a + "," + a + R"(],"data":null})"},
        {two_fields, R"({"errors":[{"message":"Unauthorized","path":["redeem"]}]})"},
        {two_fields, R"({"errors":[{"message":"Unauthorized","path":[0]}]})"},
        {two_fields,
         R"({"errors":[)" + a +
             R"(,{"message":"Unauthorized","path":["b"]},{"message":"Unauthorized","path":["c"]}]})"},
        {mutation, a_null},
        {R"({"query":"mutation { z: a }"})", a_null},
        {R"({"query":"mutation($c:Boolean!){a @include(if:$c) b @include(if:$c)}","variables":{"c":false}})",
         std::string{at_second}},
        {two_mutations, a_null},
        {two_mutations, "[" + a_null + "," + a_null + "]"},
    };
    for (const auto& [body, refusal] : cases) {
        const std::size_t sent_before = transport.sent.size();
        for (const std::uint16_t status : {std::uint16_t{200}, std::uint16_t{401}}) {
            Answer refused = json(refusal);
            refused.status = status;
            answer(std::move(refused));
            request(body);
            EXPECT_EQ(app.body(), refusal) << body;
            EXPECT_NE(report.executed, Executed::no) << body << refusal;
        }
        EXPECT_EQ(transport.sent.size() - sent_before, 2U) << body << refusal;
    }
    EXPECT_THAT(tokens.calls, testing::IsEmpty());
}

TEST_F(ForwarderTest, ABatchWithAnotherNumberOfAnswersThanOperationsIsNotSentAgain) {
    const std::string one = unauthorized().pieces.front();
    const std::pair<std::string_view, std::string> cases[] = {
        {two_mutations, "[" + one + "]"},
        {two_mutations, "[" + one + "," + one + "," + one + "]"},
        {mutation, "[" + one + "," + one + "]"},
        {R"([{"query":"{ a }"},{"query":"{ b }"}])", "[" + one + "]"}};
    for (const auto& [body, refusal] : cases) {
        const std::size_t sent_before = transport.sent.size();
        answer(json(refusal));
        request(body);
        EXPECT_EQ(transport.sent.size() - sent_before, 1U) << body << refusal;
        EXPECT_EQ(app.body(), refusal);
    }
}

TEST_F(ForwarderTest, TheHeadOfAnAnswerThatBreaksOffCounts) {
    const std::pair<std::uint16_t, std::vector<std::string>> cases[] = {
        {200, {"observed swapped of token-1"}},
        {401, {"observed swapped of token-1", "in doubt token-1"}},
        {500, {"observed swapped of token-1"}}};
    for (const auto& [status, calls] : cases) {
        for (const std::string_view body : {mutation, query}) {
            tokens.calls.clear();
            transport.half = Answer{status, {{"X-Authorization", "swapped"}}, {""}, 500, {}};
            fail(errc::truncated, Stage::reading);
            request(body);
            body == mutation ? expect_error(ErrorCode::outcome_unknown, Executed::unknown)
                             : expect_error(ErrorCode::upstream_broken, Executed::no);
            EXPECT_EQ(tokens.calls, calls) << status;
        }
    }
}

TEST_F(ForwarderTest, AnAnswerOverTheInspectionLimitIsNotJudgedThoughItCameWhole) {
    settings.auth.unauthorized.inspect_limit = 16;
    answer(unauthorized());
    request(mutation);
    EXPECT_EQ(transport.sent.size(), 1U);
    EXPECT_EQ(report.outcome.label(), "ok");
}

TEST_F(ForwarderTest, SeveralLinesOfAcceptedCodingsAreOneList) {
    fields = {{"Accept-Encoding", "br"}, {"Accept-Encoding", "gzip;q=0.5"}};
    answer(json(std::string{data}));
    request(query);
    EXPECT_NE(transport.sent.at(0).head.find("Accept-Encoding: gzip;q=0.5\r\n"), std::string::npos);
}

TEST_F(ForwarderTest, AGetWhoseBodyCannotBeReadIsRefused) {
    for (const NamedFields& unclear : {NamedFields{{"Content-Encoding", "gzip"}},
                                       NamedFields{{"Content-Type", "text/a"}, {"Content-Type", "text/b"}}}) {
        fields = unclear;
        request(mutation, "GET", "/?query=%7Ba%7D");
        expect_error(ErrorCode::method_not_allowed, Executed::no);
    }
    EXPECT_THAT(transport.sent, testing::IsEmpty());
}

TEST_F(ForwarderTest, CodedBodiesThatDifferAreDifferentDocuments) {
    fields = {{"Content-Encoding", "gzip"}};
    for (const std::string_view body : {"one coded body", "another coded body", "one coded body"}) {
        answer(unauthorized());
        tokens.advice = {auth::Advice{}};
        request(body);
    }
    ASSERT_EQ(tokens.documents.size(), 3U);
    EXPECT_NE(tokens.documents[0], tokens.documents[1]);
    EXPECT_EQ(tokens.documents[0], tokens.documents[2]);
}

TEST_F(ForwarderTest, WhatAGatewaySaysOfAMutationIsNoOutcome) {
    for (const std::uint16_t status :
         {std::uint16_t{408}, std::uint16_t{500}, std::uint16_t{502}, std::uint16_t{504}}) {
        for (const std::string_view body : {query, mutation}) {
            answer(Answer{status, {{"Content-Type", "text/html"}}, {"<html>"}, std::nullopt, {}});
            request(body);
            EXPECT_EQ(app.body(), "<html>");
            EXPECT_EQ(report.status, status);
            EXPECT_EQ(report.executed, body == mutation ? Executed::unknown : Executed::yes);
        }
    }
}

/// What is larger than what is held is judged as it passes, within a bound.
TEST_F(ForwarderTest, AMutationsLargeAnswerIsJudgedByAllOfIt) {
    const std::string done =
        R"({"data":{"createReversal":{"id":1,"note":")" + std::string(70'000, 'x') + "\"}}}";
    const std::string half_done =
        R"({"data":{"createReversal":null},"x":")" + std::string(70'000, 'x') + "\"}";
    const std::string too_large =
        R"({"data":{"createReversal":{"note":")" + std::string(1UL << 20U, 'x') + "\"}}}";
    const std::pair<std::string, Executed> cases[] = {{done, Executed::yes},
                                                      {half_done, Executed::answered},
                                                      {done.substr(0, done.size() - 1), Executed::unknown},
                                                      {too_large, Executed::unknown}};
    for (const auto& [body, expected] : cases) {
        for (const std::size_t first : {body.size(), std::size_t{9}}) {
            Answer large = json(body.substr(0, first));
            if (first < body.size())
                large.pieces.push_back(body.substr(first));
            answer(large);
            request(mutation);
            EXPECT_EQ(report.executed, expected) << body.size() << " " << first;
            EXPECT_TRUE(app.has(body.substr(9, 40)));
        }
    }
}

/// A shutdown may begin while a login is waited for.
TEST_F(ForwarderTest, ARejectionThatIsPassedOnSaysWhatHoldsOfTheConnectionThen) {
    context.keep_alive = true;
    tokens.on_rejected = [this] { context.keep_alive = false; };
    tokens.advice.emplace_back().kind = auth::Advice::Kind::pass;
    answer(unauthorized());
    request(mutation);
    EXPECT_TRUE(app.head.starts_with("HTTP/1.1 200 Reason\r\n")) << app.head;
    EXPECT_TRUE(app.has("Connection: close\r\n")) << app.head;
    EXPECT_TRUE(app.has("X-Request-Id: id-1\r\n")) << app.head;
    EXPECT_TRUE(app.has("Content-Length: " + std::to_string(app.content.size()) + "\r\n")) << app.head;
}

TEST_F(ForwarderTest, ARejectionThatProvesNothingIsLoggedWithTheReason) {
    const auto rejected = [](std::vector<std::string> pieces, error_code end = {}) {
        return Answer{401, {{"Content-Type", "application/json"}}, std::move(pieces), std::nullopt, end};
    };
    Answer coded = rejected({"no gzip"});
    coded.fields.emplace_back("Content-Encoding", "gzip");

    const struct {
        Answer answer;
        bool resend = true;
        std::string_view reason;
    } cases[] = {
        {rejected({"{"}, make_error_code(errc::truncated)), true, "broke off"},
        {rejected({"{"}, make_error_code(errc::timed_out)), true, "did not end in time"},
        {rejected({"{", std::string(1'100'000, ' ')}), true, "exceeds 1 MiB"},
        {coded, true, "can't be decoded"},
        {rejected({"<html>"}), true, "can't be read or may hide data"},
        {rejected({"{}"}), false, "proves nothing about a mutation"},
    };

    for (const auto& each : cases) {
        settings.auth.unauthorized.resend_mutations = each.resend;
        answer(each.answer);
        request(mutation);
        EXPECT_EQ(report.outcome.label(), "outcome_unknown");
        EXPECT_THAT(report.detail, testing::HasSubstr(each.reason));
    }
}

TEST_F(ForwarderTest, AStreamWhoseAppHasGoneIsReadOnForAMutationOnlyAndNotForEver) {
    const Answer stream{
        200, {{"Content-Type", "text/event-stream"}}, {"one", "two", "three"}, std::nullopt, {}};
    leaves_after = 0;
    answer(stream);
    request(subscription);
    EXPECT_THAT(transport.give_ups, testing::IsEmpty());
    EXPECT_EQ(transport.read_whole, 0U);

    leaves_after = 1; // the head with the first piece
    settings.upstream.response_timeout = std::chrono::seconds{7};
    const TimePoint begin = BootClock::now();
    answer(stream);
    request(mutation);
    ASSERT_EQ(transport.give_ups.size(), 2U);
    EXPECT_EQ(transport.give_ups[0], TimePoint::max());
    EXPECT_GE(transport.give_ups[1], begin + std::chrono::seconds{7});
    EXPECT_LE(transport.give_ups[1], BootClock::now() + std::chrono::seconds{7});
    EXPECT_EQ(transport.read_whole, 1U);
}

/// By its status it is a rejection until its end has arrived, and then its body shows that something was
/// done.
TEST_F(ForwarderTest, A401WhoseLongBodyShowsDataIsNoRejection) {
    const std::string body = R"({"data":{"createReversal":{"id":1}},"errors":[{"message":"Unauthorized"}]})";
    answer(Answer{401, {}, {body.substr(0, 30), body.substr(30)}, body.size(), {}});
    request(mutation);
    EXPECT_EQ(transport.sent.size(), 1U);
    EXPECT_THAT(tokens.calls, testing::IsEmpty());
    EXPECT_EQ(app.body(), body);
    EXPECT_EQ(report.status, 401);
    EXPECT_EQ(report.executed, Executed::yes);
    EXPECT_EQ(report.outcome.label(), "graphql_error");
}

/// The same after a login: the second answer is no rejection either, and its document was not denied.
TEST_F(ForwarderTest, ASecond401WhoseLongBodyShowsDataIsNoRejection) {
    const std::string body = R"({"data":{"createReversal":{"id":1}},"errors":[{"message":"Unauthorized"}]})";
    answer(Answer{401, {}, {"no"}, std::nullopt, {}});
    tokens.advice = {resend_with("token-2", true)};
    answer(Answer{401, {}, {body.substr(0, 30), body.substr(30)}, body.size(), {}});
    request(mutation);
    EXPECT_EQ(transport.sent.size(), 2U);
    EXPECT_EQ(tokens.calls, std::vector<std::string>{"rejected token-1"});
    EXPECT_EQ(app.body(), body);
    EXPECT_EQ(report.executed, Executed::yes);
}

/// The same bytes get the same verdict, whether they came at once or in pieces. What can't be read for sure
/// may hide data, so it proves nothing about a mutation; the token was rejected all the same.
TEST_F(ForwarderTest, TheVerdictOnA401DependsOnItsBytesAloneAndNotOnHowTheyCome) {
    enum class Expected { resent, unknown, passed };
    using enum Expected;
    const std::string refusal = unauthorized().pieces.front();
    const std::string shows_data = R"({"data":{"redeem":{"id":1}},"errors":[{"message":"Unauthorized"}]})";
    const std::string page = "<html>" + std::string(70'000, 'x') + "</html>";
    const std::string json_type = "application/json";
    const std::string huge(1024UL * 1024 + 1, 'x');
    const std::string half = gzip(page).substr(0, 60);

    const struct {
        std::string name;
        NamedFields fields;
        std::string body;
        Expected expected;
    } cases[] = {
        {"a refusal", {{"Content-Type", json_type}}, refusal, resent},
        {"an unpacked refusal",
         {{"Content-Encoding", "gzip"}, {"Content-Type", json_type}},
         gzip(refusal),
         resent},
        {"a page", {{"Content-Type", "text/html"}}, page, resent},
        {"no type", {}, "no", resent},
        {"nothing at all", {}, "", resent},
        {"another JSON",
         {{"Content-Type", "application/problem+json"}},
         R"({"title":"Unauthorized"})",
         resent},
        {"twice coded, as told", {{"Content-Encoding", "gzip, gzip"}}, gzip(gzip(refusal)), resent},
        {"data", {{"Content-Type", json_type}}, shows_data, passed},
        {"packed data", {{"Content-Encoding", "gzip"}}, gzip(shows_data), passed},
        {"data after a BOM", {{"Content-Type", "text/plain"}}, "\xEF\xBB\xBF" + shows_data, passed},
        {"data after a BOM, of no type", {}, "\xEF\xBB\xBF" + shows_data, passed},
        {"data after two BOMs", {}, "\xEF\xBB\xBF\xEF\xBB\xBF" + shows_data, unknown},
        {"data after a blank and a BOM", {}, "\n\xEF\xBB\xBF" + shows_data, unknown},
        {"data after a guard against scripts", {}, ")]}',\n" + shows_data, unknown},
        {"a page that holds data", {{"Content-Type", "text/html"}}, "<pre>" + shows_data + "</pre>", unknown},
        {"a key that may be data", {{"Content-Type", "text/plain"}}, R"(x{"\u0064ata":{"a":1}})", unknown},
        {"JSON in JSON", {{"Content-Type", json_type}}, R"("{\"data\":{\"a\":1}}")", unknown},
        {"an unknown coding", {{"Content-Encoding", "br"}}, std::string(70'000, '?'), unknown},
        {"an unknown coding on a line of its own",
         {{"Content-Encoding", "gzip"}, {"Content-Encoding", "br"}},
         gzip(page),
         unknown},
        {"no such coding", {{"Content-Encoding", "gzip"}}, page, unknown},
        {"twice coded, once told", {{"Content-Encoding", "gzip"}}, gzip(gzip(shows_data)), unknown},
        {"coded and cut", {{"Content-Encoding", "gzip"}}, half, unknown},
        {"coded and followed by more", {{"Content-Encoding", "gzip"}}, gzip(refusal) + "more", unknown},
        {"unpacks to too much", {{"Content-Encoding", "gzip"}}, gzip(huge), unknown},
        {"too much", {{"Content-Type", "text/html"}}, huge, unknown},
        {"not UTF-8", {{"Content-Type", "text/html"}}, "n\xE3o", unknown},
        {"UTF-16", {{"Content-Type", "text/plain"}}, std::string("\0n\0o", 4), unknown},
        {"not the JSON of its type", {{"Content-Type", "application/graphql-response+json"}}, "no", unknown},
        {"half the JSON", {{"Content-Type", json_type}}, shows_data.substr(0, 40), unknown},
        {"JSON and more", {{"Content-Type", json_type}}, shows_data + "x", unknown},
        {"JSON and more, of another type",
         {{"Content-Type", "text/plain"}},
         shows_data + shows_data,
         unknown},
        {"a stream", {{"Content-Type", "text/event-stream"}}, "data: " + shows_data + "\n\n", unknown},
        {"parts", {{"Content-Type", "multipart/mixed; boundary=-"}}, shows_data, passed},
    };

    for (const auto& each : cases) {
        for (const std::size_t pieces : {1U, 2U, 7U}) {
            SCOPED_TRACE(each.name + " in " + std::to_string(pieces));
            Answer refused{401, each.fields, {}, each.body.size(), {}};
            const std::size_t size = each.body.size() / pieces + 1;
            for (std::size_t i = 0; i < pieces; ++i)
                refused.pieces.push_back(each.body.substr(std::min(i * size, each.body.size()), size));
            transport.steps = {Step{refused}, Step{json(std::string{data})}};
            transport.sent.clear();
            tokens.calls.clear();
            tokens.advice = {resend_with("token-2", true)};
            request(mutation);
            EXPECT_EQ(transport.sent.size(), each.expected == resent ? 2U : 1U);
            EXPECT_EQ(tokens.calls.size(), each.expected == passed ? 0U : 1U);
            if (each.expected == unknown)
                expect_error(ErrorCode::outcome_unknown, Executed::unknown);
            else
                EXPECT_EQ(app.body(), each.expected == resent ? data : each.body);
        }
    }
}

/// The part that arrived may be the beginning of an answer that shows data.
TEST_F(ForwarderTest, A401ThatCantBeKnownWholeProvesNothingOfAMutation) {
    const Answer broken{401, {}, {"first half"}, 100, errc::truncated};
    const Answer endless{
        401, {}, {"a page", std::string(1024UL * 1024, 'x'), "more", "and more"}, std::nullopt, {}};
    const Answer coded{401, {{"Content-Encoding", "br"}}, {"??", "??"}, 4, {}};
    for (const Answer& page : {broken, endless, coded}) {
        answer(page);
        tokens.advice = {resend_with("token-2", true)};
        request(mutation);
        EXPECT_EQ(transport.sent.size(), 1U);
        EXPECT_EQ(tokens.calls, std::vector<std::string>{"in doubt token-1"})
            << "the next request needs a login";
        EXPECT_EQ(report.outcome.label(), "outcome_unknown");
        EXPECT_EQ(report.executed, Executed::unknown);
        transport.sent.clear();
        tokens.calls.clear();

        answer(page);
        answer(json(std::string{data}));
        tokens.advice = {resend_with("token-2", true)};
        request(query);
        EXPECT_EQ(transport.sent.size(), 2U) << "a query may be sent again";
        EXPECT_EQ(app.body(), data);
        transport.sent.clear();
        tokens.calls.clear();
    }
}

/// The app gets its answer at once, and a second answer of that kind shows that no login helps.
TEST_F(ForwarderTest, ARejectionInDoubtAfterALoginDeniesItsDocument) {
    const Answer empty{401, {{"Content-Type", "application/json"}}, {""}, 0, {}};
    answer(unauthorized());
    answer(empty);
    tokens.advice = {resend_with("token-2", true)};
    request(mutation);
    EXPECT_EQ(tokens.calls, (std::vector<std::string>{"rejected token-1", "denied token-2"}));
    EXPECT_EQ(report.executed, Executed::unknown);
}

TEST_F(ForwarderTest, AnAcceptedDocumentIsReported) {
    answer(unauthorized());
    answer(json(std::string{data}));
    tokens.advice = {resend_with("token-2", true)};
    request(query);
    EXPECT_EQ(tokens.proofs, std::vector<std::string>{"token-2"});
    EXPECT_EQ(tokens.proof_documents, tokens.documents);
}

/// The app gets the same answer, whether the page came whole or in pieces.
TEST_F(ForwarderTest, ARejectionThatIsTooLongToHoldIsBrokenHoweverItCame) {
    const std::string page(1024UL * 1024 + 1, 'x');
    for (const std::size_t first : {page.size(), std::size_t{100}}) {
        Answer refused{401, {{"Content-Type", "text/html"}}, {page.substr(0, first)}, page.size(), {}};
        if (first < page.size())
            refused.pieces.push_back(page.substr(first));
        answer(refused);
        tokens.advice = {auth::Advice{}};
        request(query);
        expect_error(ErrorCode::upstream_broken, Executed::no);
    }
}

TEST_F(ForwarderTest, ALongRejectionIsReadWithinOneBound) {
    Answer page{401, {}, {"a page", "in", "pieces"}, std::nullopt, {}};
    answer(page);
    tokens.advice = {auth::Advice{}};
    request(mutation);
    ASSERT_EQ(transport.give_ups.size(), 2U);
    EXPECT_EQ(transport.give_ups[0], transport.give_ups[1]);
    EXPECT_NE(transport.give_ups[0], TimePoint::max());
    EXPECT_EQ(app.body(), "a pageinpieces");
}

TEST_F(ForwarderTest, AStatusThatIsConfiguredToProveNothingLeavesTheMutationUnknown) {
    const std::string refusal = R"({"errors":[{"message":"Unauthorized"}]})";
    for (const bool resend : {true, false}) {
        settings.auth.unauthorized.resend_mutations = resend;
        for (const std::string_view body : {mutation, query}) {
            const std::size_t sent_before = transport.sent.size();
            Answer refused = json(refusal);
            refused.status = 401;
            answer(refused);
            const bool unknown = !resend && body == mutation;
            tokens.advice = {resend_with("token-2", true)};
            if (!unknown)
                answer(json(std::string{body == mutation ? mutation_data : data}));
            request(body);
            EXPECT_EQ(transport.sent.size() - sent_before, unknown ? 1U : 2U) << body;
            if (unknown)
                expect_error(ErrorCode::outcome_unknown, Executed::unknown);
        }
        // Rejected by what the API itself says, it was not executed.
        tokens.advice = {resend_with("token-2", true)};
        answer(json(refusal));
        answer(json(std::string{mutation_data}));
        request(mutation);
        EXPECT_EQ(app.body(), mutation_data);
    }
}

TEST_F(ForwarderTest, ARejectionWithinDataIsSentAgainIfItSpeaksForAll) {
    settings.auth.rejected_at = {"/data/a/errors"};
    const std::string refusal = R"({"data":{"a":{"id":null,"errors":["token"]},"b":null}})";

    const struct {
        std::string_view body;
        bool again;
    } cases[] = {
        {R"({"query":"mutation { a(x: 1) { id errors } }"})", true},
        {two_fields, false},
        {R"({"query":"{ a b }"})", true},
    };

    for (const auto& each : cases) {
        const std::size_t sent_before = transport.sent.size();
        answer(json(refusal));
        tokens.advice = {resend_with("token-2", true)};
        if (each.again)
            answer(json(std::string{data}));
        request(each.body);
        EXPECT_EQ(transport.sent.size() - sent_before, each.again ? 2U : 1U) << each.body;
        EXPECT_EQ(app.body(), each.again ? data : refusal);
    }
}

} // namespace
} // namespace bearerd::proxy::test
