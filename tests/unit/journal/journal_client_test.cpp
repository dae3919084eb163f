#include <bearerd/base/file.hpp>
#include <bearerd/journal/journal_client.hpp>

#include "unit/journal/folder.hpp"
#include "unit/journal/full_disk.hpp"
#include "unit/run_task.hpp"

#include <bearerd/journal/files.hpp>
#include <bearerd/net/spawn.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>

#include <fcntl.h>
#include <future>
#include <memory>

namespace bearerd::journal {
namespace {

using outcome::Executed;
using test::Place;
using testing::ElementsAre;
using testing::IsEmpty;
using namespace std::chrono_literals;

constexpr std::string_view card = "6301190019990640662";

graphql::RequestView request_of(std::string_view body) {
    graphql::RequestView view;
    view.content_type = "application/json";
    view.body = body;
    return view;
}

/// Guards what is named so.
struct FingerprintingReader final : FieldReader {
    [[nodiscard]] std::optional<std::vector<graphql::RootField>>
    read_fields(const graphql::RequestView& request, std::span<const std::string_view> header_keys,
                std::string& fingerprint) const override {
        if (request.body.find("guarded") != std::string_view::npos)
            fingerprint = "print";
        return graphql::mutation_fields(request, {}, {nullptr, header_keys});
    }
};

class JournalClientTest : public testing::Test {
protected:
    JournalClientTest() {
        settings.upstream.url.text = "https://api.example.com/graphql";
        settings.credentials.user = "till-042";
        settings.transactions.rules = {{"redeem", "reference", "", "", ""}};
        settings.journal.max_size = 64U << 10U;
    }

    /// A new process.
    void start() {
        client.reset();
        journal.reset();
        opened = {};
        Journal::Events events;
        events.opened = [this](std::vector<JournalEntry> entries) { opened.set_value(std::move(entries)); };
        journal = std::make_unique<Journal>(Journal::Settings{place.path(), settings.journal.max_size},
                                            std::move(events));
        client = std::make_unique<JournalClient>(*journal, settings, loop.get_executor(), clock, reader);
    }

    void stop() {
        client.reset();
        journal.reset();
    }

    PendingIntentPtr record_intent(std::string_view body, std::string_view name = "Redeem",
                                   std::string_view trace_id = "") {
        return bearerd::test::run_task(loop, client->record_intent(request_of(body), name, "id-1", trace_id));
    }

    PendingIntentPtr record_redeem(const std::string& key) {
        return record_intent(R"({"query":"mutation{redeem(reference:\")" + key + R"(\"){id}}"})");
    }

    void record_unheard(PendingIntentPtr pending) {
        Outcome outcome;
        outcome.executed = Executed::yes;
        outcome.unheard = true;
        client->record_outcome(std::move(pending), std::move(outcome));
    }

    void record_outcome(PendingIntentPtr pending, Executed executed) {
        Outcome outcome;
        outcome.executed = executed;
        outcome.status = 200;
        outcome.code = "ok";
        outcome.source = Source::answer;
        client->record_outcome(std::move(pending), std::move(outcome));
    }

    /// What the files hold, even while the journal has them open.
    [[nodiscard]] std::map<std::uint64_t, JournalEntry> entries() const {
        const auto reading = read_journal(place.path());
        return reading ? reading->index.entries() : std::map<std::uint64_t, JournalEntry>{};
    }

    /// Another daemon's.
    [[nodiscard]] Descriptor lock() const {
        std::filesystem::create_directory(place.path());
        Descriptor folder{::open(place.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
        EXPECT_EQ(::flock(folder.get(), LOCK_EX | LOCK_NB), 0);
        return folder;
    }

    [[nodiscard]] bool wait_until_working() {
        return bearerd::test::turn_until(loop, [this] { return journal->view().working; });
    }

    Place place;
    config::Settings settings;
    net::asio::io_context loop;
    net::DeadlineClock clock{loop};
    const FieldReader* reader = nullptr;
    std::promise<std::vector<JournalEntry>> opened;
    std::unique_ptr<Journal> journal;
    std::unique_ptr<JournalClient> client;
};

TEST_F(JournalClientTest, ACardNumberInANameIsNotPutDown) {
    start();
    const std::string stars(card.size(), '*');
    const std::string name = "Redeem_" + std::string{card};
    record_outcome(record_intent(R"({"query":"mutation { pay)" + std::string{card} + R"( { id } }"})", name),
                   Executed::yes);
    stop();
    ASSERT_EQ(entries().size(), 1U);
    const Intent intent = entries().begin()->second.intent;
    EXPECT_EQ(intent.operation, "Redeem_" + stars);
    ASSERT_EQ(intent.fields.size(), 1U);
    EXPECT_EQ(intent.fields[0].name, "pay" + stars);
}

TEST_F(JournalClientTest, PutsAnIntentOnTheDiskBeforeItGoesOn) {
    start();
    const auto pending = record_intent(
        R"({"query":"mutation Redeem($r:ID){a:redeem(reference:$r,card:\")" + std::string{card} +
        R"(\"){id}other(x:\"secret\"){id}}","variables":{"r":"sale-1","card":")" + std::string{card} +
        R"("}})");
    EXPECT_TRUE(pending->durable);
    const auto found = entries();
    ASSERT_EQ(found.size(), 1U);
    const Intent& intent = found.begin()->second.intent;
    EXPECT_EQ(intent.request_id, "id-1");
    EXPECT_EQ(intent.operation, "Redeem");
    EXPECT_EQ(intent.account, account_of("https://api.example.com/graphql", "till-042"));
    EXPECT_THAT(intent.fields,
                ElementsAre(MutationField{"redeem", "reference", "sale-1"}, MutationField{"other", "", ""}));
    const std::string bytes = Place::read(place.file(1));
    EXPECT_EQ(bytes.find(card), std::string::npos);
    EXPECT_EQ(bytes.find("secret"), std::string::npos);
}

TEST_F(JournalClientTest, PutsDownTheTraceIdEvenIfItIsAllDecimalDigits) {
    start();
    record_intent(R"({"query":"mutation{a}"})", "", "63011900199906406626301190019990");
    record_intent(R"({"query":"mutation{b}"})", "");
    std::vector<std::string> trace_ids;
    for (const auto& [number, entry] : entries())
        trace_ids.push_back(entry.intent.trace_id);
    EXPECT_THAT(trace_ids, ElementsAre("63011900199906406626301190019990", ""));
}

TEST_F(JournalClientTest, PutsDownWhatItCantRead) {
    start();
    EXPECT_TRUE(record_intent("mutation {", "")->durable);
    EXPECT_THAT(entries().at(1).intent.fields, IsEmpty());
}

TEST_F(JournalClientTest, WritesOutcomesSoonAndAtTheEnd) {
    start();
    record_outcome(record_intent(R"({"query":"mutation{a}"})"), Executed::yes);
    EXPECT_TRUE(bearerd::test::turn_until(loop, [this] { return entries().at(1).outcome.has_value(); }));
    record_outcome(record_intent(R"({"query":"mutation{a}"})"), Executed::no);
    record_outcome(record_intent(R"({"query":"mutation{a}"})"), Executed::unknown);
    stop();
    const auto all = entries();
    EXPECT_EQ(all.at(1).outcome->executed, Executed::yes);
    EXPECT_EQ(all.at(2).outcome->executed, Executed::no);
    EXPECT_EQ(all.at(3).outcome->executed, Executed::unknown);
}

TEST_F(JournalClientTest, TellsWhatFormerProcessesLeft) {
    start();
    EXPECT_THAT(opened.get_future().get(), IsEmpty());
    record_intent(R"({"query":"mutation{a}"})");
    record_outcome(record_intent(R"({"query":"mutation{b}"})"), Executed::yes);
    start();
    const auto left = opened.get_future().get();
    ASSERT_EQ(left.size(), 1U);
    EXPECT_EQ(left[0].intent.number, 1U);
    EXPECT_TRUE(bearerd::test::turn_until(loop, [this] { return journal->view().unresolved == 1; }));
    Outcome outcome;
    outcome.number = 1;
    outcome.executed = Executed::yes;
    outcome.source = Source::recovery;
    journal->resolve(outcome);
    EXPECT_TRUE(bearerd::test::turn_until(loop, [this] { return journal->view().unresolved == 0; }));
    stop();
    EXPECT_EQ(entries().at(1).outcome->source, Source::recovery);
}

TEST_F(JournalClientTest, CountsAsUnresolvedWhatEndedUnknownButNotWhatIsInHand) {
    start();
    const auto pending = record_intent(R"({"query":"mutation{a}"})");
    record_intent(R"({"query":"mutation{b}"})");
    EXPECT_EQ(journal->view().unresolved, 0U);
    record_outcome(pending, Executed::unknown);
    EXPECT_TRUE(bearerd::test::turn_until(loop, [this] { return journal->view().unresolved == 1; }));
}

TEST_F(JournalClientTest, SyncsTogetherWhatComesTogether) {
    settings.journal.max_size = 1U << 20U; // room for all of them, as none gets an outcome
    start();
    std::size_t durable = 0;
    const auto one = [](JournalClient& writer, std::size_t& count) -> net::Task<void> {
        const auto pending = co_await writer.record_intent(request_of("{}"), "", "id", "");
        count += pending->durable ? 1 : 0;
    };
    for (int i = 0; i < 500; ++i)
        net::spawn(loop.get_executor(), one(*client, durable), "test");
    EXPECT_TRUE(bearerd::test::turn_until(loop, [&durable] { return durable == 500; }));
    EXPECT_EQ(entries().size(), 500U);
}

TEST_F(JournalClientTest, GoesOnWithoutWhereItCantWriteAndMendsItself) {
    {
        const Descriptor other = lock();
        start();
        const auto lost = record_intent(R"({"query":"mutation{a}"})");
        EXPECT_FALSE(lost->durable);
        EXPECT_EQ(journal->view().missed, 1U);
        EXPECT_FALSE(journal->view().working);
        record_outcome(lost, Executed::yes); // of what is not there, nothing is written
    }
    ASSERT_TRUE(wait_until_working());
    EXPECT_TRUE(record_intent(R"({"query":"mutation{b}"})")->durable);
    EXPECT_EQ(entries().size(), 1U);
    EXPECT_THAT(opened.get_future().get(), IsEmpty());
}

TEST_F(JournalClientTest, GivesNoNumberTwice) {
    start();
    EXPECT_TRUE(record_intent(R"({"query":"mutation{a}"})")->durable);
    {
        const test::FullDisk full{1};
        EXPECT_FALSE(record_intent(R"({"query":"mutation{b}"})")->durable);
    }
    const TimePoint end = BootClock::now() + 30s; // it tries again after a second
    PendingIntentPtr next;
    do
        next = record_intent(R"({"query":"mutation{c}"})");
    while (!next->durable && BootClock::now() < end);
    ASSERT_TRUE(next->durable);
    const auto all = entries();
    ASSERT_GE(all.size(), 2U);
    EXPECT_EQ(all.begin()->first, 1U);
    EXPECT_FALSE(all.contains(2)) << "the second one was given to what could not be written";
}

TEST_F(JournalClientTest, QueuesNothingOfWhatTheQueueDidNotTake) {
    start();
    const PendingIntentPtr pending = record_intent(R"({"query":"mutation{a}"})");
    EXPECT_FALSE(pending->refused);
    pending->refused = true;
    record_outcome(pending, Executed::yes);
    stop();
    const auto all = entries();
    ASSERT_EQ(all.size(), 1U);
    EXPECT_FALSE(all.begin()->second.outcome);
}

TEST_F(JournalClientTest, IsRequiredByTheSettingsOrForWhatIsGuarded) {
    start();
    PendingIntent plain{Intent{}, loop.get_executor()};
    PendingIntent guarded{Intent{}, loop.get_executor()};
    guarded.intent.fingerprint = "print";
    EXPECT_FALSE(client->required(plain));
    EXPECT_TRUE(client->required(guarded));
    settings.journal.required = true;
    start();
    EXPECT_TRUE(client->required(plain));
}

TEST_F(JournalClientTest, KnowsThatARepeatHasHeardBeforeItKnowsThatTheFirstAppWasGone) {
    start();
    const PendingIntentPtr pending = record_intent(R"({"query":"mutation{redeem(reference:\"k\"){id}}"})");
    const std::vector<MutationField> fields = pending->intent.fields;
    journal->heard(pending->intent.account, fields, true);
    Outcome outcome;
    outcome.executed = Executed::yes;
    outcome.unheard = true;
    client->record_outcome(pending, outcome);
    stop();
    ASSERT_EQ(entries().size(), 1U);
    EXPECT_FALSE(entries().begin()->second.unheard());
}

TEST_F(JournalClientTest, WritesNothingOfReplaysWhileNothingIsUnheard) {
    start();
    const PendingIntentPtr pending = record_intent(R"({"query":"mutation{redeem(reference:\"k\"){id}}"})");
    const std::vector<MutationField> fields = pending->intent.fields;
    record_outcome(pending, Executed::yes);
    for (int i = 0; i < 10'000; ++i)
        journal->heard(pending->intent.account, fields, false);
    stop();
    ASSERT_EQ(entries().size(), 1U);
    EXPECT_FALSE(entries().begin()->second.heard);
}

TEST_F(JournalClientTest, TellsHowEachEndsOnceItIsAsked) {
    std::vector<std::string> ended;
    std::promise<void> reported;
    Journal::Events events;
    events.opened = [](const std::vector<JournalEntry>&) {};
    events.outcome_recorded = [&](const JournalEntry& entry) {
        ended.push_back(entry.intent.fields.front().key +
                        (entry.executed() == Executed::yes ? " yes" : " no"));
        if (ended.size() == 2)
            reported.set_value();
    };
    journal = std::make_unique<Journal>(Journal::Settings{place.path(), settings.journal.max_size},
                                        std::move(events));
    client = std::make_unique<JournalClient>(*journal, settings, loop.get_executor(), clock);
    const auto record = [this](const std::string& key) {
        return record_intent(R"({"query":"mutation{redeem(reference:\")" + key + R"(\"){id}}"})");
    };
    const PendingIntentPtr first = record("a");
    record_outcome(record("before"), Executed::yes);
    static_cast<void>(record("barrier")); // durable before its batch is reported
    static_cast<void>(record("next batch"));
    journal->begin_guard();
    record_outcome(first, Executed::yes);
    record_outcome(record("b"), Executed::no);
    reported.get_future().wait();
    stop();
    EXPECT_THAT(ended, ElementsAre("a yes", "b no"));
}

TEST_F(JournalClientTest, LetsNothingBeSentOnceAGuardHasBegunThatDoesNotKnowIt) {
    start();
    EXPECT_TRUE(client->may_be_sent(*record_redeem("before")));
    journal->begin_guard();
    const PendingIntentPtr late = record_redeem("late");
    EXPECT_TRUE(late->durable);
    EXPECT_FALSE(client->may_be_sent(*late));
    client = std::make_unique<JournalClient>(*journal, settings, loop.get_executor(), clock);
    EXPECT_TRUE(client->may_be_sent(*record_redeem("new")));
    stop();
}

TEST_F(JournalClientTest, SettlesTheNewestUnresolvedEntryThatIsNotInFlight) {
    start();
    record_outcome(record_redeem("k"), Executed::unknown);
    record_outcome(record_redeem("k"), Executed::unknown);
    const PendingIntentPtr in_flight = record_redeem("k");
    const std::vector<MutationField> fields{{"redeem", "reference", "k"}};
    journal->settle(in_flight->intent.account, fields, found_outcome(Source::lookup));
    record_outcome(in_flight, Executed::no);
    stop();
    const auto all = entries();
    ASSERT_EQ(all.size(), 3U);
    EXPECT_EQ(all.at(1).executed(), Executed::answered);
    EXPECT_EQ(all.at(1).outcome->source, Source::repeat);
    EXPECT_EQ(all.at(2).executed(), Executed::yes);
    EXPECT_EQ(all.at(2).outcome->source, Source::lookup);
    EXPECT_EQ(all.at(3).executed(), Executed::no);
    EXPECT_EQ(all.at(3).outcome->source, Source::answer);
}

TEST_F(JournalClientTest, SettlesNothingThatIsOnlyInFlight) {
    start();
    const PendingIntentPtr in_flight = record_redeem("k");
    const std::vector<MutationField> fields{{"redeem", "reference", "k"}};
    journal->settle(in_flight->intent.account, fields, found_outcome(Source::lookup));
    record_outcome(in_flight, Executed::unknown);
    stop();
    EXPECT_EQ(entries().at(1).executed(), Executed::unknown);
}

TEST_F(JournalClientTest, StampsOutcomesByAClockThatNobodySetsIfRepeatsAreReplayed) {
    const auto expect_now = [](const Outcome& outcome, const Uptime& before) {
        EXPECT_EQ(outcome.boot, before.boot);
        EXPECT_FALSE(outcome.boot.empty());
        EXPECT_GE(outcome.up_s + 1, before.up_s); // rounded down twice
        EXPECT_LE(outcome.up_s, uptime().up_s);
    };
    const Uptime before = uptime();
    expect_now(found_outcome(Source::lookup), before);
    for (const bool replays : {false, true}) {
        const FingerprintingReader fingerprints;
        reader = replays ? &fingerprints : nullptr;
        start();
        record_outcome(record_redeem("k"), Executed::yes);
        stop();
        const Outcome outcome = entries().rbegin()->second.outcome.value_or(Outcome{});
        if (replays)
            expect_now(outcome, before);
        else
            EXPECT_EQ(outcome.boot, "");
    }
}

TEST_F(JournalClientTest, KeepsAGuardedOneOverNewFilesAsLongAsItWasToldMeanwhile) {
    const FingerprintingReader fingerprints;
    reader = &fingerprints;
    settings.journal.max_size = 16U << 10U;
    start();
    journal->set_remember(24h); // it began with none
    record_outcome(record_intent(R"({"query":"mutation{guarded}"})"), Executed::yes);
    int others = 0;
    for (; others < 1000 && std::filesystem::exists(place.file(1)); ++others)
        record_outcome(record_intent(R"({"query":"mutation{plain}"})"), Executed::yes);
    stop();
    ASSERT_FALSE(std::filesystem::exists(place.file(1))) << others;
    const auto all = entries();
    ASSERT_TRUE(all.contains(1));
    EXPECT_TRUE(all.at(1).guarded());
    EXPECT_FALSE(all.contains(2));
}

TEST_F(JournalClientTest, HearsAfterARestartOfWhatWasUnheardBefore) {
    start();
    const PendingIntentPtr pending = record_redeem("k");
    record_unheard(pending);
    start();
    EXPECT_EQ(opened.get_future().get().size(), 1U);
    EXPECT_TRUE(bearerd::test::turn_until(loop, [this] { return journal->view().unheard == 1; }));
    journal->heard(pending->intent.account, {{"redeem", "reference", "k"}}, false);
    EXPECT_TRUE(bearerd::test::turn_until(loop, [this] { return journal->view().unheard == 0; }));
    start();
    EXPECT_THAT(opened.get_future().get(), IsEmpty());
}

/// While the folder can't be opened.
class QueuedHearingTest : public JournalClientTest {
protected:
    static constexpr std::size_t bound = 4096; ///< of what is queued

    /// Unheard entries with the keys 1, 2, ...
    void fill(std::size_t number) {
        settings.journal.max_size = 16U << 20U;
        const auto folder = Folder::open_to_write(place.path());
        std::string bytes;
        for (std::uint64_t i = 1; i <= number; ++i) {
            bytes += encode(Intent{i, 1, "id", "", 0, {{"redeem", "reference", std::to_string(i)}}});
            Outcome outcome{i, 1, Executed::yes, 200, "ok", Source::answer};
            outcome.unheard = true;
            bytes += encode(outcome);
        }
        EXPECT_FALSE(write_all(*folder->open_file(1), bytes));
    }

    void hear(std::uint64_t key) { journal->heard(0, {{"redeem", "reference", std::to_string(key)}}, false); }

    [[nodiscard]] bool wait_until_unheard(std::size_t number) {
        return wait_until_working() &&
               bearerd::test::turn_until(loop, [this, number] { return journal->view().unheard == number; });
    }
};

TEST_F(QueuedHearingTest, IsBounded) {
    constexpr std::size_t number = bound + 100;
    fill(number);
    {
        const Descriptor other = lock();
        start();
        for (std::uint64_t key = 1; key <= number; ++key)
            hear(key);
    }
    EXPECT_TRUE(wait_until_unheard(number - bound)) << journal->view().unheard;
}

TEST_F(QueuedHearingTest, TakesTheSameOnceSoThatAnotherHasRoom) {
    fill(3);
    {
        const Descriptor other = lock();
        start();
        for (std::size_t i = 0; i <= bound; ++i)
            hear(1);
        hear(2);
    }
    EXPECT_TRUE(wait_until_unheard(1)) << journal->view().unheard;
}

} // namespace
} // namespace bearerd::journal
