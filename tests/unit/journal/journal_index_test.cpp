#include <bearerd/journal/journal_index.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bearerd::journal {
namespace {

using outcome::Executed;
using testing::ElementsAre;
using testing::IsEmpty;

Intent intent(std::uint64_t number) {
    return {number, 0, "id", "", 0, {}};
}

Outcome outcome(std::uint64_t number, Executed executed, Source source = Source::answer) {
    return {number, 0, executed, 200, "ok", source};
}

std::vector<std::uint64_t> unresolved(const JournalIndex& book) {
    std::vector<std::uint64_t> numbers;
    for (const auto& [number, item] : book.entries())
        if (item.unresolved())
            numbers.push_back(number);
    return numbers;
}

TEST(JournalIndex, HoldsAsUnresolvedWhatHasNoOutcomeOrAnUnknownOne) {
    for (const auto keep : {JournalIndex::Keep::all, JournalIndex::Keep::unresolved}) {
        JournalIndex book{keep};
        for (std::uint64_t number = 1; number <= 5; ++number)
            book.take(intent(number));
        book.take(outcome(2, Executed::yes));
        book.take(outcome(3, Executed::no));
        book.take(outcome(4, Executed::unknown));
        book.take(outcome(99, Executed::yes));
        EXPECT_THAT(unresolved(book), ElementsAre(1, 4, 5));
        EXPECT_EQ(book.entries().size(), keep == JournalIndex::Keep::all ? 5U : 3U);
        EXPECT_EQ(book.next_number(), 6U);
        book.take(outcome(4, Executed::yes, Source::recovery));
        EXPECT_THAT(unresolved(book), ElementsAre(1, 5));
        book.forget(1);
        EXPECT_THAT(unresolved(book), ElementsAre(5));
    }
}

TEST(JournalIndex, NeverUnlearnsAnOutcome) {
    JournalIndex book{JournalIndex::Keep::all};
    book.take(intent(1));
    book.take(outcome(1, Executed::yes));
    book.take(outcome(1, Executed::unknown));
    book.take(intent(1)); // copied into the next file
    EXPECT_EQ(book.entries().at(1).outcome->executed, Executed::yes);
}

TEST(JournalIndex, TakesWhatANewFileRepeatsOnce) {
    JournalIndex book{JournalIndex::Keep::unresolved};
    for (int file = 0; file < 2; ++file) {
        book.take(Start{1, 0});
        book.take(intent(1));
        book.take(intent(2));
        book.take(outcome(2, Executed::unknown));
    }
    EXPECT_EQ(book.count_in_flight(), 1U);
    book.take(outcome(1, Executed::yes));
    EXPECT_THAT(unresolved(book), ElementsAre(2));
    EXPECT_EQ(book.count_in_flight(), 0U);
}

TEST(JournalIndex, TellsWhatTheLastProcessHasInHandFromWhatACrashLeft) {
    JournalIndex book{JournalIndex::Keep::unresolved};
    book.take(intent(1));
    EXPECT_EQ(book.count_in_flight(), 1U);
    book.take(Start{2, 0});
    EXPECT_EQ(book.count_in_flight(), 0U);
    book.take(intent(2));
    book.take(intent(3));
    EXPECT_FALSE(book.in_flight(book.entries().at(1)));
    EXPECT_TRUE(book.in_flight(book.entries().at(2)));
    EXPECT_EQ(book.count_in_flight(), 2U);
    book.take(outcome(2, Executed::unknown));
    book.forget(3);
    EXPECT_EQ(book.count_in_flight(), 0U);
    EXPECT_THAT(unresolved(book), ElementsAre(1, 2));
}

TEST(JournalIndex, GivesNumbersOnWhateverStandsInTheFile) {
    JournalIndex book{JournalIndex::Keep::all};
    book.take(intent(UINT64_MAX));
    book.take(Start{UINT64_MAX, 0});
    EXPECT_THAT(book.entries(), IsEmpty());
    EXPECT_EQ(book.next_number(), 1U);
    book.take(Start{7, 0});
    EXPECT_EQ(book.next_number(), 7U);
}

Intent keyed(std::uint64_t number, std::string key, std::string print = "") {
    Intent one = intent(number);
    one.fields = {{"pay", "ref", std::move(key)}};
    one.fingerprint = std::move(print);
    return one;
}

std::vector<std::uint64_t> executed(const JournalIndex& book) {
    std::vector<std::uint64_t> numbers;
    for (const auto& [number, item] : book.entries())
        if (item.executed() == Executed::yes)
            numbers.push_back(number);
    return numbers;
}

TEST(BookOfTransactions, ShowsOneThatWasExecutedOnceAsExecutedOnce) {
    const struct {
        const char* name;
        std::vector<Outcome> outcomes;
        std::vector<std::uint64_t> executed;
        std::vector<std::uint64_t> unresolved;
    } cases[] = {
        {"a later answer settles an unknown one",
         {outcome(1, Executed::unknown), outcome(2, Executed::yes)},
         {2},
         {}},
        {"what recovery had found is the later answer's",
         {outcome(1, Executed::yes, Source::recovery), outcome(2, Executed::yes)},
         {2},
         {}},
        {"recovery finds it after the later answer",
         {outcome(1, Executed::unknown), outcome(2, Executed::yes),
          outcome(1, Executed::yes, Source::recovery)},
         {2},
         {}},
        {"recovery finds both",
         {outcome(1, Executed::unknown), outcome(2, Executed::unknown),
          outcome(1, Executed::yes, Source::recovery), outcome(2, Executed::yes, Source::recovery)},
         {1},
         {}},
        {"the look-up of a repeat finds the first",
         {outcome(1, Executed::yes), outcome(2, Executed::yes, Source::lookup)},
         {1},
         {}},
        {"two answers are two executions",
         {outcome(1, Executed::yes), outcome(2, Executed::yes)},
         {1, 2},
         {}},
        {"a later refusal proves nothing",
         {outcome(1, Executed::unknown), outcome(2, Executed::no)},
         {},
         {1}},
        {"nor does a later error of the API",
         {outcome(1, Executed::unknown), outcome(2, Executed::answered)},
         {},
         {1}},
    };

    for (const auto& each : cases) {
        JournalIndex book{JournalIndex::Keep::all};
        book.take(keyed(1, "k"));
        book.take(keyed(2, "k"));
        book.take(keyed(3, "other"));
        book.take(outcome(3, Executed::no));
        for (const Outcome& one : each.outcomes)
            book.take(one);
        EXPECT_EQ(executed(book), each.executed) << each.name;
        EXPECT_EQ(unresolved(book), each.unresolved) << each.name;
    }
}

TEST(BookOfTransactions, IsTakenByNoOtherAccountAndNoOtherKey) {
    JournalIndex book{JournalIndex::Keep::all};
    book.take(keyed(1, "k"));
    Intent other = keyed(2, "k");
    other.account = 7;
    book.take(other);
    book.take(keyed(3, "K"));
    book.take(outcome(1, Executed::unknown));
    book.take(outcome(2, Executed::yes));
    book.take(outcome(3, Executed::yes));
    EXPECT_THAT(unresolved(book), ElementsAre(1));
}

TEST(BookOfTransactions, KeepsWhatIsGuardedOrUnheardBesideWhatIsUnresolved) {
    JournalIndex book{JournalIndex::Keep::unresolved};
    for (std::uint64_t number = 1; number <= 5; ++number)
        book.take(keyed(number, std::to_string(number), number <= 3 ? "print" : ""));
    book.take(outcome(1, Executed::yes));
    book.take(outcome(2, Executed::no));
    Outcome nothing = outcome(3, Executed::answered);
    nothing.nothing_ran = true;
    book.take(nothing);
    Outcome unheard = outcome(4, Executed::yes);
    unheard.unheard = true;
    book.take(unheard);
    book.take(outcome(5, Executed::yes));
    EXPECT_EQ(book.entries().size(), 2U);
    EXPECT_TRUE(book.entries().contains(1));
    EXPECT_EQ(book.count_unheard(), 1U);
    EXPECT_EQ(book.count_unresolved(), 0U);
    book.take(Heard{4, 0});
    EXPECT_EQ(book.entries().size(), 1U);
    EXPECT_EQ(book.count_unheard(), 0U);
}

// Its app got no answer, so nobody knows what the look-up has found.
TEST(BookOfTransactions, WhatIsFoundAfterItsAppHasGoneIsUnheard) {
    JournalIndex book{JournalIndex::Keep::unresolved};
    for (std::uint64_t number = 1; number <= 3; ++number) {
        book.take(keyed(number, std::to_string(number)));
        Outcome unknown = outcome(number, Executed::unknown);
        unknown.unheard = number != 2;
        book.take(unknown);
    }
    EXPECT_EQ(book.count_unheard(), 0U);
    for (std::uint64_t number = 1; number <= 3; ++number) {
        Outcome found = outcome(number, Executed::yes);
        found.source =
            number == 3 ? Source::lookup : Source::recovery; // one for a repeat, which learns of it
        book.take(found);
    }
    EXPECT_EQ(book.count_unheard(), 1U);
    EXPECT_TRUE(book.entries().contains(1));
}

TEST(BookOfTransactions, TakesAPersonsWord) {
    JournalIndex book{JournalIndex::Keep::all};
    book.take(keyed(1, "k"));
    book.take(outcome(1, Executed::unknown));
    EXPECT_EQ(book.count_unresolved(), 1U);
    book.take(Close{1, 5, Executed::no, "maria", "not in the back office"});
    EXPECT_EQ(book.count_unresolved(), 0U);
    EXPECT_EQ(book.entries().at(1).executed(), Executed::no);
}

TEST(BookOfTransactions, FindsTheEntriesOfATransaction) {
    JournalIndex book{JournalIndex::Keep::all};
    book.take(keyed(1, "k"));
    book.take(keyed(2, "l"));
    book.take(keyed(3, "k"));
    EXPECT_THAT(book.of_transaction(0, {{"pay", "", "k"}}), ElementsAre(1, 3));
    EXPECT_THAT(book.of_transaction(1, {{"pay", "", "k"}}), IsEmpty());
    book.forget(1);
    EXPECT_THAT(book.of_transaction(0, {{"pay", "", "k"}}), ElementsAre(3));
}

} // namespace
} // namespace bearerd::journal
