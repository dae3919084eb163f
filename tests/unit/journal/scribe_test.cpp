#include <bearerd/journal/scribe.hpp>

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

using graphql::Executed;
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

class ScribeTest : public testing::Test {
protected:
    ScribeTest() {
        settings.upstream.url.text = "https://api.example.com/graphql";
        settings.credentials.user = "till-042";
        settings.transactions.rules = {{"redeem", "reference", "", "", ""}};
        settings.journal.max_size = 64U << 10U;
    }

    /// A new process.
    void start() {
        scribe.reset();
        journal.reset();
        opened = {};
        Journal::Events events;
        events.opened = [this](std::vector<Item> items) { opened.set_value(std::move(items)); };
        journal = std::make_unique<Journal>(Journal::Settings{place.path(), settings.journal.max_size},
                                            std::move(events));
        scribe = std::make_unique<Scribe>(*journal, settings, loop.get_executor(), clock);
    }

    void stop() {
        scribe.reset();
        journal.reset();
    }

    EntryPtr put_down(std::string_view body, std::string_view name = "Redeem",
                      std::string_view trace_id = "") {
        return bearerd::test::run_task(loop, scribe->put_down(request_of(body), name, "id-1", trace_id));
    }

    void conclude(EntryPtr entry, Executed executed) {
        scribe->conclude(std::move(entry), executed, 200, "ok", Source::answer);
    }

    /// What the files hold, whoever has them.
    [[nodiscard]] std::map<std::uint64_t, Item> items() const {
        const auto reading = read_journal(place.path());
        return reading ? reading->book.items() : std::map<std::uint64_t, Item>{};
    }

    /// Another daemon's.
    [[nodiscard]] Descriptor lock() const {
        std::filesystem::create_directory(place.path());
        Descriptor folder{::open(place.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
        EXPECT_EQ(::flock(folder.get(), LOCK_EX | LOCK_NB), 0);
        return folder;
    }

    [[nodiscard]] bool wait_until_working() {
        return bearerd::test::turn_until(loop, [this] { return journal->working(); });
    }

    Place place;
    config::Settings settings;
    net::asio::io_context loop;
    net::DeadlineClock clock{loop};
    std::promise<std::vector<Item>> opened;
    std::unique_ptr<Journal> journal;
    std::unique_ptr<Scribe> scribe;
};

TEST_F(ScribeTest, ACardNumberInANameIsNotPutDown) {
    start();
    const std::string stars(card.size(), '*');
    const std::string name = "Redeem_" + std::string{card};
    conclude(put_down(R"({"query":"mutation { pay)" + std::string{card} + R"( { id } }"})", name),
             Executed::yes);
    stop();
    ASSERT_EQ(items().size(), 1U);
    const Intent intent = items().begin()->second.intent;
    EXPECT_EQ(intent.operation, "Redeem_" + stars);
    ASSERT_EQ(intent.fields.size(), 1U);
    EXPECT_EQ(intent.fields[0].name, "pay" + stars);
}

TEST_F(ScribeTest, PutsAnIntentOnTheDiskBeforeItGoesOn) {
    start();
    const auto entry =
        put_down(R"({"query":"mutation Redeem($r:ID){a:redeem(reference:$r,card:\")" + std::string{card} +
                 R"(\"){id}other(x:\"secret\"){id}}","variables":{"r":"sale-1","card":")" +
                 std::string{card} + R"("}})");
    EXPECT_TRUE(entry->durable);
    const auto found = items();
    ASSERT_EQ(found.size(), 1U);
    const Intent& intent = found.begin()->second.intent;
    EXPECT_EQ(intent.request_id, "id-1");
    EXPECT_EQ(intent.operation, "Redeem");
    EXPECT_EQ(intent.account, account_of("https://api.example.com/graphql", "till-042"));
    EXPECT_THAT(intent.fields, ElementsAre(Field{"redeem", "reference", "sale-1"}, Field{"other", "", ""}));
    const std::string bytes = Place::read(place.file(1));
    EXPECT_EQ(bytes.find(card), std::string::npos);
    EXPECT_EQ(bytes.find("secret"), std::string::npos);
}

TEST_F(ScribeTest, PutsDownTheTraceIdEvenIfItIsAllDecimalDigits) {
    start();
    put_down(R"({"query":"mutation{a}"})", "", "63011900199906406626301190019990");
    put_down(R"({"query":"mutation{b}"})", "");
    std::vector<std::string> trace_ids;
    for (const auto& [number, item] : items())
        trace_ids.push_back(item.intent.trace_id);
    EXPECT_THAT(trace_ids, ElementsAre("63011900199906406626301190019990", ""));
}

TEST_F(ScribeTest, PutsDownWhatItCantRead) {
    start();
    EXPECT_TRUE(put_down("mutation {", "")->durable);
    EXPECT_THAT(items().at(1).intent.fields, IsEmpty());
}

TEST_F(ScribeTest, WritesOutcomesSoonAndAtTheEnd) {
    start();
    conclude(put_down(R"({"query":"mutation{a}"})"), Executed::yes);
    EXPECT_TRUE(bearerd::test::turn_until(loop, [this] { return items().at(1).outcome.has_value(); }));
    conclude(put_down(R"({"query":"mutation{a}"})"), Executed::no);
    conclude(put_down(R"({"query":"mutation{a}"})"), Executed::unknown);
    stop();
    const auto all = items();
    EXPECT_EQ(all.at(1).outcome->executed, Executed::yes);
    EXPECT_EQ(all.at(2).outcome->executed, Executed::no);
    EXPECT_EQ(all.at(3).outcome->executed, Executed::unknown);
}

TEST_F(ScribeTest, TellsWhatFormerProcessesLeft) {
    start();
    EXPECT_THAT(opened.get_future().get(), IsEmpty());
    put_down(R"({"query":"mutation{a}"})");
    conclude(put_down(R"({"query":"mutation{b}"})"), Executed::yes);
    start();
    const auto left = opened.get_future().get();
    ASSERT_EQ(left.size(), 1U);
    EXPECT_EQ(left[0].intent.number, 1U);
    EXPECT_TRUE(bearerd::test::turn_until(loop, [this] { return journal->unresolved() == 1; }));
    Outcome outcome;
    outcome.number = 1;
    outcome.executed = Executed::yes;
    outcome.source = Source::recovery;
    journal->resolve(outcome);
    EXPECT_TRUE(bearerd::test::turn_until(loop, [this] { return journal->unresolved() == 0; }));
    stop();
    EXPECT_EQ(items().at(1).outcome->source, Source::recovery);
}

TEST_F(ScribeTest, CountsAsUnresolvedWhatEndedUnknownButNotWhatIsInHand) {
    start();
    const auto entry = put_down(R"({"query":"mutation{a}"})");
    put_down(R"({"query":"mutation{b}"})");
    EXPECT_EQ(journal->unresolved(), 0U);
    conclude(entry, Executed::unknown);
    EXPECT_TRUE(bearerd::test::turn_until(loop, [this] { return journal->unresolved() == 1; }));
}

TEST_F(ScribeTest, SyncsTogetherWhatComesTogether) {
    settings.journal.max_size = 1U << 20U; // room for all of them, as none gets an outcome
    start();
    std::size_t durable = 0;
    const auto one = [](Scribe& writer, std::size_t& count) -> net::Task<void> {
        const auto entry = co_await writer.put_down(request_of("{}"), "", "id", "");
        count += entry->durable ? 1 : 0;
    };
    for (int i = 0; i < 500; ++i)
        net::spawn(loop.get_executor(), one(*scribe, durable), "test");
    EXPECT_TRUE(bearerd::test::turn_until(loop, [&durable] { return durable == 500; }));
    EXPECT_EQ(items().size(), 500U);
}

TEST_F(ScribeTest, GoesOnWithoutWhereItCantWriteAndMendsItself) {
    {
        const Descriptor other = lock();
        start();
        const auto lost = put_down(R"({"query":"mutation{a}"})");
        EXPECT_FALSE(lost->durable);
        EXPECT_EQ(journal->missed(), 1U);
        EXPECT_FALSE(journal->working());
        conclude(lost, Executed::yes); // of what is not there, nothing is written
    }
    ASSERT_TRUE(wait_until_working());
    EXPECT_TRUE(put_down(R"({"query":"mutation{b}"})")->durable);
    EXPECT_EQ(items().size(), 1U);
    EXPECT_THAT(opened.get_future().get(), IsEmpty());
}

TEST_F(ScribeTest, GivesNoNumberTwice) {
    start();
    EXPECT_TRUE(put_down(R"({"query":"mutation{a}"})")->durable);
    {
        const test::FullDisk full{1};
        EXPECT_FALSE(put_down(R"({"query":"mutation{b}"})")->durable);
    }
    const TimePoint end = BootClock::now() + 30s; // it tries again after a second
    EntryPtr next;
    do
        next = put_down(R"({"query":"mutation{c}"})");
    while (!next->durable && BootClock::now() < end);
    ASSERT_TRUE(next->durable);
    const auto all = items();
    ASSERT_GE(all.size(), 2U);
    EXPECT_EQ(all.begin()->first, 1U);
    EXPECT_FALSE(all.contains(2)) << "the second one was given to what could not be written";
}

TEST_F(ScribeTest, QueuesNothingOfWhatTheQueueDidNotTake) {
    start();
    const EntryPtr entry = put_down(R"({"query":"mutation{a}"})");
    EXPECT_FALSE(entry->refused);
    entry->refused = true;
    conclude(entry, Executed::yes);
    stop();
    const auto all = items();
    ASSERT_EQ(all.size(), 1U);
    EXPECT_FALSE(all.begin()->second.outcome);
}

TEST_F(ScribeTest, IsRequiredByTheSettingsOrForWhatIsGuarded) {
    start();
    Entry plain{Intent{}, loop.get_executor()};
    Entry guarded{Intent{}, loop.get_executor()};
    guarded.intent.fingerprint = "print";
    EXPECT_FALSE(scribe->required(plain));
    EXPECT_TRUE(scribe->required(guarded));
    settings.journal.required = true;
    start();
    EXPECT_TRUE(scribe->required(plain));
}

TEST_F(ScribeTest, KnowsThatARepeatHasHeardBeforeItKnowsThatTheFirstAppWasGone) {
    start();
    const EntryPtr entry = put_down(R"({"query":"mutation{redeem(reference:\"k\"){id}}"})");
    const std::vector<Field> fields = entry->intent.fields;
    journal->heard(entry->intent.account, fields, true);
    Outcome outcome;
    outcome.executed = Executed::yes;
    outcome.unheard = true;
    scribe->conclude(entry, outcome);
    stop();
    ASSERT_EQ(items().size(), 1U);
    EXPECT_FALSE(items().begin()->second.unheard());
}

TEST_F(ScribeTest, WritesNothingOfReplaysWhileNothingIsUnheard) {
    start();
    const EntryPtr entry = put_down(R"({"query":"mutation{redeem(reference:\"k\"){id}}"})");
    const std::vector<Field> fields = entry->intent.fields;
    conclude(entry, Executed::yes);
    for (int i = 0; i < 10'000; ++i)
        journal->heard(entry->intent.account, fields, false);
    stop();
    ASSERT_EQ(items().size(), 1U);
    EXPECT_FALSE(items().begin()->second.heard);
}

TEST_F(ScribeTest, TellsHowEachEndsOnceItIsAsked) {
    std::vector<std::string> ended;
    std::promise<void> told;
    Journal::Events events;
    events.opened = [](const std::vector<Item>&) {};
    events.concluded = [&](const Item& item) {
        ended.push_back(item.intent.fields.front().key + (item.executed() == Executed::yes ? " yes" : " no"));
        if (ended.size() == 2)
            told.set_value();
    };
    journal = std::make_unique<Journal>(Journal::Settings{place.path(), settings.journal.max_size},
                                        std::move(events));
    scribe = std::make_unique<Scribe>(*journal, settings, loop.get_executor(), clock);
    const auto entry = [this](const std::string& key) {
        return put_down(R"({"query":"mutation{redeem(reference:\")" + key + R"(\"){id}}"})");
    };
    const EntryPtr first = entry("a");
    conclude(entry("before"), Executed::yes);
    static_cast<void>(entry("barrier"));
    journal->tell_all();
    conclude(first, Executed::yes);
    conclude(entry("b"), Executed::no);
    told.get_future().wait();
    stop();
    EXPECT_THAT(ended, ElementsAre("a yes", "b no"));
}

} // namespace
} // namespace bearerd::journal
