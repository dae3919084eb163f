#include <bearerd/base/file.hpp>
#include <bearerd/journal/closing.hpp>

#include "unit/journal/folder.hpp"

#include <bearerd/journal/files.hpp>
#include <bearerd/journal/journal_client.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

namespace bearerd::journal {
namespace {

using namespace std::chrono_literals;

const auto no_time = std::chrono::milliseconds{0};

JournalEntry entry_at(const std::string& path, std::uint64_t number) {
    const auto reading = read_journal(path);
    return reading && reading->index.entries().contains(number) ? reading->index.entries().at(number)
                                                                : JournalEntry{};
}

TEST(Closing, IsWrittenByItselfWhileNoDaemonRuns) {
    const test::Place place;
    const Journal::Settings settings{place.path(), 1U << 20U, 24h};
    {
        std::promise<void> opened;
        Journal::Events events;
        events.opened = [&opened](const std::vector<JournalEntry>&) { opened.set_value(); };
        const Journal journal{settings, std::move(events)};
        opened.get_future().wait();
    }
    ASSERT_TRUE(Folder::open_to_read(place.path()));
    Intent intent;
    intent.number = 5;
    intent.request_id = "till-5";
    {
        const auto folder = Folder::open_to_write(place.path());
        const auto file = folder->open_file(1);
        ASSERT_FALSE(write_all(*file, encode(intent)));
    }
    const Close close{5, 7, outcome::Executed::no, "maria", "seen"};
    EXPECT_EQ(close_entry(settings, close, no_time), std::nullopt);
    EXPECT_EQ(entry_at(place.path(), 5).close, close);
    EXPECT_EQ(close_entry(settings, close, no_time), "it is not unresolved any more");
    EXPECT_NE(close_entry(settings, {99, 7, outcome::Executed::no, "maria", "seen"}, no_time), std::nullopt);
}

TEST(Closing, IsTakenByTheDaemonThatRuns) {
    const test::Place place;
    const Journal::Settings settings{place.path(), 1U << 20U, 24h};
    {
        const auto folder = Folder::open_to_write(place.path());
        Intent intent;
        intent.number = 5;
        intent.request_id = "till-5";
        ASSERT_FALSE(write_all(*folder->open_file(1), encode(intent)));
    }
    std::promise<JournalEntry> closed;
    std::promise<void> opened;
    Journal::Events events;
    events.opened = [&opened](const std::vector<JournalEntry>&) { opened.set_value(); };
    events.closed = [&closed](JournalEntry entry, bool) { closed.set_value(std::move(entry)); };
    const Journal journal{settings, std::move(events)};
    opened.get_future().wait();
    const Close close{5, 7, outcome::Executed::yes, "maria", "seen"};
    EXPECT_EQ(close_entry(settings, close, 30s), std::nullopt);
    EXPECT_EQ(closed.get_future().get().close, close);
    EXPECT_EQ(journal.view().unresolved, 0U);
}

TEST(Closing, IsWithdrawnIfTheDaemonDoesNotTakeItInTime) {
    const test::Place place;
    const Journal::Settings settings{place.path(), 1U << 20U, 24h};
    const auto folder = Folder::open_to_write(place.path()); // as a daemon whose disk hangs
    ASSERT_TRUE(folder);
    EXPECT_NE(close_entry(settings, {5, 7, outcome::Executed::no, "maria", "seen"}, no_time), std::nullopt);
    EXPECT_FALSE(folder->has_close_request());
}

/// Closes entry 5 while a daemon runs that has these other entries too; returns whether the result says that
/// one of them may have been executed.
bool others_of(const std::vector<Record>& more) {
    const test::Place place;
    const Journal::Settings settings{place.path(), 1U << 20U, 24h};
    {
        const auto folder = Folder::open_to_write(place.path());
        std::string bytes = encode(Intent{5, 1, "till-5", "", 0, {{"pay", "ref", "k"}}});
        for (const Record& record : more)
            bytes += encode(record);
        EXPECT_FALSE(write_all(*folder->open_file(1), bytes));
    }
    std::promise<bool> closed;
    std::promise<void> opened;
    Journal::Events events;
    events.opened = [&opened](const std::vector<JournalEntry>&) { opened.set_value(); };
    events.closed = [&closed](const JournalEntry&, bool others) { closed.set_value(others); };
    const Journal journal{settings, std::move(events)};
    opened.get_future().wait();
    EXPECT_EQ(close_entry(settings, {5, 7, outcome::Executed::no, "maria", "seen"}, 30s), std::nullopt);
    return closed.get_future().get();
}

TEST(Closing, SaysWhetherAnotherEntryOfTheTransactionMayHaveBeenExecuted) {
    using outcome::Executed;
    const auto intent = [](std::vector<MutationField> fields, std::uint32_t account = 0) {
        return Intent{6, 1, "till-6", "", account, std::move(fields)};
    };
    // An answer that shows the execution of all of entry 5's fields would settle entry 5 too.
    const auto guarded = [&intent](std::uint32_t account) {
        Intent value = intent({{"note", "", ""}, {"pay", "ref", "k"}}, account);
        value.fingerprint = "print";
        return value;
    };
    const auto outcome = [](Executed executed) { return Outcome{6, 1, executed, 200, "ok", Source::answer}; };
    const std::vector<MutationField> same{{"pay", "ref", "k"}};

    const struct {
        const char* name;
        std::vector<Record> more;
        bool others;
    } cases[] = {
        {"no other", {}, false},
        {"unknown", {intent(same)}, true},
        {"unknown, among others", {intent({{"note", "", ""}, {"pay", "ref", "k"}})}, true},
        {"another key", {intent({{"pay", "ref", "another"}})}, false},
        {"not executed", {intent(same), outcome(Executed::no)}, false},
        {"another account", {intent(same, 1)}, false},
        {"guarded, answered", {guarded(0), outcome(Executed::answered)}, true},
        {"guarded, executed", {guarded(0), outcome(Executed::yes)}, true},
        {"guarded, not executed", {guarded(0), outcome(Executed::no)}, false},
        {"guarded, answered, another account", {guarded(1), outcome(Executed::answered)}, false},
        {"guarded, executed, another account", {guarded(1), outcome(Executed::yes)}, false},
    };

    std::vector<std::future<bool>> said; // at once, because each takes a second
    for (const auto& each : cases)
        said.push_back(std::async(std::launch::async, others_of, each.more));
    for (std::size_t i = 0; i < said.size(); ++i)
        EXPECT_EQ(said[i].get(), cases[i].others) << cases[i].name;
}

TEST(Closing, DoesNotWithdrawAnotherPersonsRequest) {
    const test::Place place;
    const auto folder = Folder::open_to_write(place.path());
    ASSERT_TRUE(folder);
    const Close close{5, 7, outcome::Executed::no, "maria", "seen"};
    ASSERT_FALSE(folder->request_close(close));
    EXPECT_FALSE(folder->withdraw_close({6, 7, outcome::Executed::no, "maria", "seen"}));
    EXPECT_TRUE(folder->has_close_request());
    EXPECT_TRUE(folder->withdraw_close(close));
}

TEST(AgeOfAnItem, CountsFromAPersonsWordAndNotFromTheOutcomeBefore) {
    JournalEntry entry;
    EXPECT_EQ(age_of(entry, {"abc", 5'000}, 0), 0s);
    entry.outcome.emplace();
    entry.outcome->boot = "abc";
    entry.outcome->up_s = 100;
    EXPECT_EQ(age_of(entry, {"abc", 5'000}, 0), 4'900s);
    entry.close = Close{5, 7, outcome::Executed::yes, "maria", "seen", "abc", 4'990};
    EXPECT_EQ(age_of(entry, {"abc", 5'000}, 0), 10s);
}

TEST(AgeOfAnOutcome, IsExactWithinOneStartOfTheMachineWhateverTheWallClockSays) {
    Outcome outcome;
    outcome.at_ms = 1'000'000'000;
    outcome.boot = "abc";
    outcome.up_s = 100;
    EXPECT_EQ(age_of(outcome, {"abc", 160}, 0), 60s);
    EXPECT_EQ(age_of(outcome, {"abc", 160}, outcome.at_ms * 2), 60s);
    const std::int64_t two_days_later = outcome.at_ms + 48 * 3'600'000;
    EXPECT_EQ(age_of(outcome, {"other", 5}, two_days_later), 24h) << "a day less";
    EXPECT_EQ(age_of(outcome, {"other", 5}, outcome.at_ms), 0s);
    EXPECT_EQ(age_of(outcome, {"other", 5}, 0), 0s) << "a clock that was set back shortens nothing";
}

} // namespace
} // namespace bearerd::journal
