#include "forwarder_fixture.hpp"

#include "unit/gzip.hpp"

namespace bearerd::proxy::test {
namespace {

using outcome::Executed;

Answer events(std::vector<std::string> pieces) {
    return {200, {{"Content-Type", "text/event-stream"}}, std::move(pieces), std::nullopt, {}};
}

TEST_F(ForwarderTest, AStreamOfUnknownLengthGoesOutInChunks) {
    answer(events({"", "one", "", "sixteen bytes !!"}));
    request(query);
    EXPECT_TRUE(app.has("Transfer-Encoding: chunked\r\n"));
    EXPECT_EQ(app.framing, http::BodyFraming::chunked);
    EXPECT_EQ(app.pieces, (std::vector<std::string>{"", "one", "", "sixteen bytes !!"}));
    EXPECT_FALSE(app.closed);
    EXPECT_EQ(report.bytes_out, 19U);
}

/// In each form, at the head of a stream that holds nothing else, whether it has ended or not.
TEST_F(ForwarderTest, ARefusalThatBeginsAStreamIsSeenAndTheRequestIsSentAgain) {
    const std::string refusal = R"({"errors":[{"message":"Unauthorized"}]})";
    const std::pair<std::string, std::string> streams[] = {
        {"text/event-stream", "event: next\ndata: " + refusal + "\n\nevent: complete\ndata:\n\n"},
        {"multipart/mixed; boundary=\"-\"", "---\r\n\r\n" + refusal + "\r\n-----\r\n"},
        {"application/jsonl", refusal + "\n"},
        {"application/json-seq", "\x1e" + refusal + "\n"},
    };
    for (const auto& [type, body] : streams) {
        for (const auto what : {query, mutation}) {
            for (const bool ended : {true, false}) {
                tokens.calls.clear();
                tokens.advice = {resend_with("token-2", false)};
                Answer stream{200, {{"Content-Type", type}}, {body}, std::nullopt, {}};
                if (!ended)
                    stream.pieces.emplace_back("");
                tokens.open_exchanges = ended || what == mutation ? &transport.open : nullptr;
                answer(stream);
                answer(json(std::string{data}));
                request(what);
                EXPECT_EQ(tokens.calls, std::vector<std::string>{"rejected token-1"}) << type;
                EXPECT_EQ(app.body(), data) << type;
            }
        }
    }
}

/// A server that streams flushes what it packs, so that the first unit can be read before the end.
TEST_F(ForwarderTest, ARefusalThatBeginsAPackedStreamIsSeenHoweverItIsSpread) {
    const std::string refusal = "data: {\"errors\":[{\"message\":\"Unauthorized\"}]}\n\n";
    const std::string whole = bearerd::test::gzip(refusal);
    const std::string begun = bearerd::test::gzip_beginning(refusal);
    for (const auto& first : {whole, begun}) {
        for (const auto what : {query, mutation}) {
            Answer stream = events({first});
            stream.fields.emplace_back("Content-Encoding", "gzip");
            if (first == begun)
                stream.pieces.push_back(std::string("\x03\x00", 2) + whole.substr(whole.size() - 8));
            tokens.open_exchanges = nullptr;
            tokens.advice = {resend_with("token-2", false)};
            answer(stream);
            answer(json(std::string{data}));
            request(what);
            EXPECT_EQ(app.body(), data) << what;
        }
    }
}

/// It may stay open for as long as it likes, and what follows proves nothing more.
TEST_F(ForwarderTest, AnOpenStreamThatBeginsWithARefusalIsNotReadToItsEndForAQuery) {
    Answer stream = events({"data: {\"errors\":[{\"message\":\"Unauthorized\"}]}\n\n", "more"});
    tokens.open_exchanges = nullptr;
    for (const std::string_view what : {query, std::string_view{R"({"query":"subscription { sales }"})"}}) {
        transport.give_ups.clear();
        answer(stream);
        answer(json(std::string{data}));
        tokens.advice = {resend_with("token-2", false)};
        request(what);
        EXPECT_EQ(app.body(), data);
        EXPECT_EQ(transport.give_ups.size(), 0U);
    }
    answer(stream);
    tokens.advice = {auth::Advice{}};
    request(query);
    EXPECT_TRUE(app.has("Unauthorized") && app.has("more")) << "a denied permission is passed on whole";
    EXPECT_EQ(report.outcome.label(), "rejected");
}

TEST_F(ForwarderTest, AnOpenStreamThatBeginsWithARefusalIsReadOnOnlyBrieflyForAMutation) {
    Answer stream = events({"data: {\"errors\":[{\"message\":\"Unauthorized\"}]}\n\n"});
    stream.breaks_with = errc::timed_out;
    settings.upstream.response_timeout = std::chrono::seconds{30};
    answer(stream);
    request(mutation);
    ASSERT_EQ(transport.give_ups.size(), 1U);
    EXPECT_LE(transport.give_ups[0], BootClock::now() + std::chrono::seconds{1});
    expect_error(outcome::ErrorCode::outcome_unknown, Executed::unknown);
    EXPECT_EQ(tokens.calls, std::vector<std::string>{"in doubt token-1"});
}

/// The rest of a stream may show that the mutation was executed.
TEST_F(ForwarderTest, ARefusalThatMoreFollowsIsNoProofForAMutation) {
    Answer stream =
        events({"data: {\"errors\":[{\"message\":\"Unauthorized\"}]}\n\ndata: {\"data\":{\"a\":1}}\n\n"});
    answer(stream);
    tokens.advice = {resend_with("token-2", false)};
    request(mutation);
    EXPECT_EQ(transport.sent.size(), 1U);
    expect_error(outcome::ErrorCode::outcome_unknown, Executed::unknown);
}

TEST_F(ForwarderTest, AStreamTooManyIsRefusedBeforeTheAppSeesItsHead) {
    constexpr std::string_view of_a = R"({"query":"subscription { a }"})";
    transport.room_for_streams = false;
    for (const std::string_view what : {query, of_a}) {
        answer(events({"data: 1\n\n", "data: 2\n\n"}));
        request(what);
        expect_error(outcome::ErrorCode::overloaded, Executed::no);
        EXPECT_EQ(transport.open, 0U) << "its connection is free";
        EXPECT_EQ(transport.read_whole, 0U) << "and closed";
    }
    EXPECT_EQ(transport.streams, std::vector<bool>(2, false));
}

TEST_F(ForwarderTest, AMutationsStreamIsPassedOnInAnyCase) {
    transport.room_for_streams = false;
    answer(events({"data: 1\n\n", "data: 2\n\n"}));
    request(mutation);
    EXPECT_EQ(report.status, 200);
    EXPECT_EQ(app.pieces, (std::vector<std::string>{"data: 1\n\n", "data: 2\n\n"}));
    EXPECT_EQ(transport.streams, std::vector<bool>{true});
}

TEST_F(ForwarderTest, WhatIsWholeOrNoStreamTakesNoPlaceOfOne) {
    transport.room_for_streams = false;
    Answer large = json("12345");
    large.pieces = {"12345", "678"};
    answer(events({"data: 1\n\n"}));
    request(query);
    EXPECT_EQ(report.status, 200);
    answer(large);
    request(query);
    EXPECT_EQ(report.status, 200);
    EXPECT_EQ(transport.streams, std::vector<bool>{});
}

TEST_F(ForwarderTest, AStreamToAnHttp10AppEndsWithItsConnection) {
    context.http_1_0 = true;
    answer(events({"one", "two"}));
    request(query);
    EXPECT_FALSE(app.has("Transfer-Encoding"));
    EXPECT_FALSE(app.has("Content-Length"));
    EXPECT_TRUE(app.has("Connection: close\r\n"));
    EXPECT_EQ(app.framing, http::BodyFraming::until_close);
    EXPECT_EQ(app.body(), "onetwo");
    EXPECT_TRUE(app.closed);
}

TEST_F(ForwarderTest, ALargeBodyOfKnownLengthKeepsItsLength) {
    Answer large = json("12345");
    large.pieces = {"12345", "678", "90"};
    large.content_length = 10;
    answer(large);
    request(query);
    EXPECT_TRUE(app.has("Content-Length: 10\r\n"));
    EXPECT_EQ(app.body(), "1234567890");
    EXPECT_FALSE(app.closed);
}

/// The app is woken once for what is there at once; the connection is kept until the app has it, since a copy
/// for each slow app would have no bound.
TEST_F(ForwarderTest, ALargeBodyThatIsThereWholeGoesOutWithItsHead) {
    settings.auth.unauthorized.inspect_limit = 16;
    std::vector<std::size_t> open;
    on_piece = [&] { open.push_back(transport.open); };
    const std::string body(17, 'x');
    for (const bool told_length : {true, false}) {
        Answer large = json(body);
        if (told_length)
            large.content_length = body.size();
        answer(large);
        request(query);
        EXPECT_EQ(app.has("Content-Length: 17\r\n"), told_length);
        EXPECT_EQ(app.has("Transfer-Encoding: chunked\r\n"), !told_length)
            << "whether it was there whole or not";
        EXPECT_EQ(app.framing, told_length ? http::BodyFraming::length : http::BodyFraming::chunked);
        EXPECT_EQ(app.pieces, std::vector<std::string>{body});
        EXPECT_EQ(open, std::vector<std::size_t>{1});
        open.clear();
        EXPECT_EQ(report.bytes_out, 17U);
        EXPECT_FALSE(app.closed);
    }
}

/// How the app sees that is the session's part.
TEST_F(ForwarderTest, AnAnswerThatBreaksOffDuringItsBodyIsABrokenOne) {
    for (const auto body : {query, mutation}) {
        Answer broken = events({"one"});
        broken.breaks_with = errc::truncated;
        answer(broken);
        request(body);
        EXPECT_EQ(app.pieces, std::vector<std::string>{"one"});
        EXPECT_TRUE(app.broken);
        EXPECT_EQ(report.outcome.label(), body == query ? "upstream_broken" : "outcome_unknown");
        EXPECT_EQ(report.executed, body == query ? Executed::no : Executed::unknown);
    }
}

TEST_F(ForwarderTest, AMutationsAnswerIsReadToItsEndThoughTheAppHasGone) {
    leaves_after = 1;
    answer(events({"one", "two", "three"}));
    request(mutation);
    EXPECT_EQ(transport.read_whole, 1U);
    EXPECT_EQ(report.outcome.label(), "ok");
}

TEST_F(ForwarderTest, AQuerysAnswerIsDroppedWhenTheAppHasGone) {
    leaves_after = 1;
    answer(events({"one", "two", "three"}));
    request(query);
    EXPECT_EQ(transport.read_whole, 0U);
}

TEST_F(ForwarderTest, ATokenInAStreamsHeadIsReportedAlthoughTheAppHasGone) {
    leaves_after = 0;
    Answer stream = events({"one", "two"});
    stream.fields.emplace_back("X-Authorization", "token-2");
    answer(stream);
    request(mutation);
    EXPECT_EQ(tokens.calls, std::vector<std::string>{"observed token-2 of token-1"});
    EXPECT_EQ(transport.read_whole, 1U);
}

TEST_F(ForwarderTest, AnAnswerWithoutABodyHasNoFraming) {
    for (const std::uint16_t status : {std::uint16_t{204}, std::uint16_t{304}}) {
        answer(Answer{status, {}, {""}, std::nullopt, {}});
        request(query);
        EXPECT_FALSE(app.has("Content-Length"));
        EXPECT_FALSE(app.has("Transfer-Encoding"));
        EXPECT_EQ(app.body(), "");
    }
}

// A page of which half is missing must not be passed off as the whole of it (contract 4: closed during
// the response).
TEST_F(ForwarderTest, ARejectionThatBreaksOffIsABrokenAnswer) {
    Answer page{401, {}, {"first half"}, 100, errc::truncated};
    answer(page);
    request(mutation);
    EXPECT_EQ(tokens.calls, std::vector<std::string>{"in doubt token-1"}) << "the next request needs a login";
    EXPECT_EQ(report.outcome.label(), "outcome_unknown");
    EXPECT_EQ(report.executed, Executed::unknown);
    EXPECT_FALSE(app.has("first half"));
}

} // namespace
} // namespace bearerd::proxy::test
