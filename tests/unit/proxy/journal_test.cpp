#include "forwarder_fixture.hpp"

#include "unit/journal/folder.hpp"

#include <bearerd/journal/files.hpp>

#include <gmock/gmock.h>

namespace bearerd::proxy::test {
namespace {

using journal::Source;
using outcome::ErrorCode;
using outcome::Executed;
using upstream::Stage;

class PutDownTest : public ForwarderTest {
protected:
    PutDownTest() { begin(place.path()); }

    void begin(const std::string& directory) {
        journal::Journal::Events events;
        events.opened = [](const std::vector<journal::JournalEntry>&) {};
        journal.reset();
        journal = std::make_unique<journal::Journal>(journal::Journal::Settings{directory, 1U << 20U},
                                                     std::move(events));
    }

    /// All that was recorded, once the last of it is written. The loops of the requests are gone by now, so
    /// nothing may be posted to them any more.
    [[nodiscard]] std::vector<journal::JournalEntry> entries() {
        journal.reset();
        const auto reading = journal::read_journal(place.path());
        std::vector<journal::JournalEntry> all;
        if (reading)
            for (const auto& [number, entry] : reading->index.entries())
                all.push_back(entry);
        return all;
    }

    void expect_outcome(Executed executed, std::uint16_t status, std::string_view code,
                        Source source = Source::answer) {
        const auto all = entries();
        ASSERT_EQ(all.size(), 1U);
        ASSERT_TRUE(all[0].outcome);
        EXPECT_EQ(all[0].outcome->executed, executed);
        EXPECT_EQ(all[0].outcome->status, status);
        EXPECT_EQ(all[0].outcome->code, code);
        EXPECT_EQ(all[0].outcome->source, source);
    }

    journal::test::Place place;
};

/// Takes every mutation for one whose repeats are replayed.
struct GuardingReader final : journal::FieldReader {
    [[nodiscard]] std::optional<std::vector<graphql::RootField>>
    read_fields(const graphql::RequestView& request, std::span<const std::string_view> header_keys,
                std::string& fingerprint) const override {
        fingerprint = "print";
        return graphql::mutation_fields(request, {}, {nullptr, header_keys});
    }
};

TEST_F(PutDownTest, AMutationHasItsIntentAndOutcome) {
    answer(json(std::string{data}));
    request(mutation);
    const auto all = entries();
    ASSERT_EQ(all.size(), 1U);
    EXPECT_EQ(all[0].intent.operation, "Redeem");
    EXPECT_EQ(all[0].intent.request_id, "id-1");
    EXPECT_EQ(all[0].intent.fields[0].name, "createReversal");
    EXPECT_EQ(all[0].outcome->code, "ok");
    EXPECT_EQ(all[0].outcome->status, 200);
}

TEST_F(PutDownTest, AQueryHasNone) {
    answer(json(std::string{data}));
    request(query);
    EXPECT_THAT(entries(), testing::IsEmpty());
}

TEST_F(PutDownTest, WhatIsRefusedUnsentHasNone) {
    request("", "GET", "/?query=mutation%7Ba%7D");
    settings.limits.pending_requests = 0;
    request(mutation);
    EXPECT_THAT(entries(), testing::IsEmpty());
}

TEST_F(PutDownTest, AResendAfterARejectionGoesOnTheSameRecord) {
    answer(unauthorized());
    tokens.advice = {resend_with("token-2", true)};
    answer(json(std::string{mutation_data}));
    request(mutation);
    EXPECT_EQ(report.resends, 1U);
    expect_outcome(Executed::yes, 200, "ok");
}

TEST_F(PutDownTest, EachEndIsTold) {
    const struct {
        errc code;
        Stage stage;
        Executed executed;
        std::uint16_t status;
        const char* label;
    } cases[] = {
        {errc::connect_failed, Stage::connecting, Executed::no, 502, "upstream_unreachable"},
        {errc::closed, Stage::waiting, Executed::unknown, 504, "outcome_unknown"},
    };

    for (const auto& each : cases) {
        begin(place.path());
        fail(each.code, each.stage);
        request(mutation);
        expect_outcome(each.executed, each.status, each.label);
        std::filesystem::remove_all(place.path());
    }
}

TEST_F(PutDownTest, AnAnswerThatBreaksOffUnderWayLeavesItUnknown) {
    Answer broken = json(R"({"data":)");
    broken.pieces.emplace_back("more");
    broken.breaks_with = errc::truncated;
    answer(std::move(broken));
    request(mutation);
    expect_outcome(Executed::unknown, 200, "outcome_unknown");
}

TEST_F(PutDownTest, AnExceptionLeavesAnUnknownOutcomeAndAReportWithItsName) {
    request(mutation); // the transport has no step for it, and throws
    EXPECT_EQ(app.head, "");
    EXPECT_EQ(report.name, "Redeem");
    EXPECT_EQ(report.outcome.label(), "outcome_unknown");
    EXPECT_EQ(report.executed, Executed::unknown);
    expect_outcome(Executed::unknown, 0, "outcome_unknown");
}

TEST_F(PutDownTest, AnExceptionDuringTheAnswerLeavesAnUnknownOutcome) {
    fails_after = 0;
    Answer answer_in_parts = json(R"({"data":)");
    answer_in_parts.pieces.emplace_back(R"({"createReversal":{"id":7}}})");
    answer(std::move(answer_in_parts));
    request(mutation);
    EXPECT_EQ(report.name, "Redeem");
    EXPECT_EQ(report.executed, Executed::unknown);
    expect_outcome(Executed::unknown, 200, "outcome_unknown");
}

/// Held, large, in pieces, and looked up.
TEST_F(PutDownTest, AnAppThatLeavesWhileItsAnswerIsWrittenHasNotHeardOfIt) {
    const std::string text{mutation_data};
    const std::string large = text + std::string(128 * 1024, ' ');
    Answer in_pieces = json(text.substr(0, 9));
    in_pieces.pieces.push_back(text.substr(9));
    for (const Answer& each : {json(text), json(large), in_pieces}) {
        for (const bool leaves : {true, false}) {
            begin(place.path());
            leaves_after = leaves ? 0 : SIZE_MAX;
            answer(each);
            request(mutation);
            const auto all = entries();
            ASSERT_EQ(all.size(), 1U);
            ASSERT_TRUE(all[0].outcome);
            EXPECT_EQ(all[0].outcome->executed, Executed::yes);
            EXPECT_EQ(all[0].outcome->unheard, leaves) << each.pieces.size() << " " << each.pieces[0].size();
            std::filesystem::remove_all(place.path());
        }
    }
}

TEST_F(PutDownTest, AnAppThatLeavesBeforeItLearnsThatTheOutcomeIsUnknownHasNotHeardOfIt) {
    for (const bool leaves : {true, false}) {
        begin(place.path());
        leaves_after = leaves ? 0 : SIZE_MAX;
        fail(errc::closed, Stage::waiting);
        request(mutation);
        const auto all = entries();
        ASSERT_EQ(all.size(), 1U);
        ASSERT_TRUE(all[0].outcome);
        EXPECT_EQ(all[0].outcome->executed, Executed::unknown);
        EXPECT_EQ(all[0].outcome->unheard, leaves);
        std::filesystem::remove_all(place.path());
    }
}

TEST_F(PutDownTest, WhatWasLookedUpSaysSo) {
    settings.transactions.look_up_for = Duration{0};
    settings.transactions.rules = {
        {"createReversal", "id", "", "query($key:ID!){Items(id:$key){id}}", "/data/Items"}};
    fail(errc::closed, Stage::waiting);
    answer(json(R"({"data":{"Items":{"id":7}}})"));
    request(mutation);
    expect_outcome(Executed::yes, 504, "outcome_unknown", Source::lookup);
}

TEST_F(PutDownTest, WithoutAJournalThatWorksItGoesOnUnlessThatIsRequired) {
    begin(place.path() + "/missing/deeply");
    answer(json(std::string{data}));
    request(mutation);
    EXPECT_EQ(report.status, 200);
    settings.journal.required = true;
    request(mutation);
    expect_error(ErrorCode::overloaded, Executed::no);
    EXPECT_TRUE(app.has("journal"));
    EXPECT_EQ(transport.sent.size(), 1U);
    EXPECT_EQ(journal->view().missed, 2U);
}

TEST_F(PutDownTest, WhatIsGuardedIsNotSentWithoutItsIntentWhateverIsRequired) {
    const GuardingReader guarding;
    reader = &guarding;
    begin(place.path() + "/missing/deeply");
    ASSERT_FALSE(settings.journal.required);
    request(mutation);
    expect_error(ErrorCode::overloaded, Executed::no);
    EXPECT_EQ(transport.sent.size(), 0U);
    EXPECT_EQ(journal->view().missed, 1U);
    begin(place.path());
    answer(json(std::string{mutation_data}));
    request(mutation);
    const auto all = entries();
    ASSERT_EQ(all.size(), 1U);
    EXPECT_EQ(all[0].intent.fingerprint, "print");
}

} // namespace
} // namespace bearerd::proxy::test
