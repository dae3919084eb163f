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

std::vector<std::uint64_t> unresolved(const JournalIndex& index) {
    std::vector<std::uint64_t> numbers;
    for (const auto& [number, entry] : index.entries())
        if (entry.unresolved())
            numbers.push_back(number);
    return numbers;
}

TEST(JournalIndex, HoldsAsUnresolvedWhatHasNoOutcomeOrAnUnknownOne) {
    for (const auto keep : {JournalIndex::Keep::all, JournalIndex::Keep::unresolved}) {
        JournalIndex index{keep};
        for (std::uint64_t number = 1; number <= 5; ++number)
            index.take(intent(number));
        index.take(outcome(2, Executed::yes));
        index.take(outcome(3, Executed::no));
        index.take(outcome(4, Executed::unknown));
        index.take(outcome(99, Executed::yes));
        EXPECT_THAT(unresolved(index), ElementsAre(1, 4, 5));
        EXPECT_EQ(index.entries().size(), keep == JournalIndex::Keep::all ? 5U : 3U);
        EXPECT_EQ(index.next_number(), 6U);
        index.take(outcome(4, Executed::yes, Source::recovery));
        EXPECT_THAT(unresolved(index), ElementsAre(1, 5));
        index.forget(1);
        EXPECT_THAT(unresolved(index), ElementsAre(5));
    }
}

TEST(JournalIndex, NeverUnlearnsAnOutcome) {
    JournalIndex index{JournalIndex::Keep::all};
    index.take(intent(1));
    index.take(outcome(1, Executed::yes));
    index.take(outcome(1, Executed::unknown));
    index.take(intent(1)); // copied into the next file
    EXPECT_EQ(index.entries().at(1).outcome->executed, Executed::yes);
}

TEST(JournalIndex, TakesWhatANewFileRepeatsOnce) {
    JournalIndex index{JournalIndex::Keep::unresolved};
    for (int file = 0; file < 2; ++file) {
        index.take(Start{1, 0});
        index.take(intent(1));
        index.take(intent(2));
        index.take(outcome(2, Executed::unknown));
    }
    EXPECT_EQ(index.count_in_flight(), 1U);
    index.take(outcome(1, Executed::yes));
    EXPECT_THAT(unresolved(index), ElementsAre(2));
    EXPECT_EQ(index.count_in_flight(), 0U);
}

TEST(JournalIndex, TellsWhatTheLastProcessHasInFlightFromWhatACrashLeft) {
    JournalIndex index{JournalIndex::Keep::unresolved};
    index.take(intent(1));
    EXPECT_EQ(index.count_in_flight(), 1U);
    index.take(Start{2, 0});
    EXPECT_EQ(index.count_in_flight(), 0U);
    index.take(intent(2));
    index.take(intent(3));
    EXPECT_FALSE(index.in_flight(index.entries().at(1)));
    EXPECT_TRUE(index.in_flight(index.entries().at(2)));
    EXPECT_EQ(index.count_in_flight(), 2U);
    index.take(outcome(2, Executed::unknown));
    index.forget(3);
    EXPECT_EQ(index.count_in_flight(), 0U);
    EXPECT_THAT(unresolved(index), ElementsAre(1, 2));
}

TEST(JournalIndex, GivesNumbersOnWhateverStandsInTheFile) {
    JournalIndex index{JournalIndex::Keep::all};
    index.take(intent(UINT64_MAX));
    index.take(Start{UINT64_MAX, 0});
    EXPECT_THAT(index.entries(), IsEmpty());
    EXPECT_EQ(index.next_number(), 1U);
    index.take(Start{7, 0});
    EXPECT_EQ(index.next_number(), 7U);
}

Intent keyed(std::uint64_t number, std::string key, std::string print = "") {
    Intent one = intent(number);
    one.fields = {{"pay", "ref", std::move(key)}};
    one.fingerprint = std::move(print);
    return one;
}

std::vector<std::uint64_t> executed(const JournalIndex& index) {
    std::vector<std::uint64_t> numbers;
    for (const auto& [number, entry] : index.entries())
        if (entry.executed() == Executed::yes)
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
        JournalIndex index{JournalIndex::Keep::all};
        index.take(keyed(1, "k"));
        index.take(keyed(2, "k"));
        index.take(keyed(3, "other"));
        index.take(outcome(3, Executed::no));
        for (const Outcome& one : each.outcomes)
            index.take(one);
        EXPECT_EQ(executed(index), each.executed) << each.name;
        EXPECT_EQ(unresolved(index), each.unresolved) << each.name;
    }
}

TEST(BookOfTransactions, IsTakenByNoOtherAccountAndNoOtherKey) {
    JournalIndex index{JournalIndex::Keep::all};
    index.take(keyed(1, "k"));
    Intent other = keyed(2, "k");
    other.account = 7;
    index.take(other);
    index.take(keyed(3, "K"));
    index.take(outcome(1, Executed::unknown));
    index.take(outcome(2, Executed::yes));
    index.take(outcome(3, Executed::yes));
    EXPECT_THAT(unresolved(index), ElementsAre(1));
}

TEST(BookOfTransactions, KeepsWhatIsGuardedOrUnheardBesideWhatIsUnresolved) {
    JournalIndex index{JournalIndex::Keep::unresolved};
    for (std::uint64_t number = 1; number <= 5; ++number)
        index.take(keyed(number, std::to_string(number), number <= 3 ? "print" : ""));
    index.take(outcome(1, Executed::yes));
    index.take(outcome(2, Executed::no));
    Outcome nothing = outcome(3, Executed::answered);
    nothing.nothing_ran = true;
    index.take(nothing);
    Outcome unheard = outcome(4, Executed::yes);
    unheard.unheard = true;
    index.take(unheard);
    index.take(outcome(5, Executed::yes));
    EXPECT_EQ(index.entries().size(), 2U);
    EXPECT_TRUE(index.entries().contains(1));
    EXPECT_EQ(index.count_unheard(), 1U);
    EXPECT_EQ(index.count_unresolved(), 0U);
    index.take(Heard{4, 0});
    EXPECT_EQ(index.entries().size(), 1U);
    EXPECT_EQ(index.count_unheard(), 0U);
}

// Its app got no answer, so nobody knows what the look-up has found.
TEST(BookOfTransactions, WhatIsFoundAfterItsAppHasGoneIsUnheard) {
    JournalIndex index{JournalIndex::Keep::unresolved};
    for (std::uint64_t number = 1; number <= 3; ++number) {
        index.take(keyed(number, std::to_string(number)));
        Outcome unknown = outcome(number, Executed::unknown);
        unknown.unheard = number != 2;
        index.take(unknown);
    }
    EXPECT_EQ(index.count_unheard(), 0U);
    for (std::uint64_t number = 1; number <= 3; ++number) {
        Outcome found = outcome(number, Executed::yes);
        found.source =
            number == 3 ? Source::lookup : Source::recovery; // one for a repeat, which learns of it
        index.take(found);
    }
    EXPECT_EQ(index.count_unheard(), 1U);
    EXPECT_TRUE(index.entries().contains(1));
}

TEST(BookOfTransactions, TakesAPersonsWord) {
    JournalIndex index{JournalIndex::Keep::all};
    index.take(keyed(1, "k"));
    index.take(outcome(1, Executed::unknown));
    EXPECT_EQ(index.count_unresolved(), 1U);
    index.take(Close{1, 5, Executed::no, "maria", "not in the back office"});
    EXPECT_EQ(index.count_unresolved(), 0U);
    EXPECT_EQ(index.entries().at(1).executed(), Executed::no);
}

TEST(BookOfTransactions, FindsTheEntriesOfATransaction) {
    JournalIndex index{JournalIndex::Keep::all};
    index.take(keyed(1, "k"));
    index.take(keyed(2, "l"));
    index.take(keyed(3, "k"));
    EXPECT_THAT(index.of_transaction(0, {{"pay", "", "k"}}), ElementsAre(1, 3));
    EXPECT_THAT(index.of_transaction(1, {{"pay", "", "k"}}), IsEmpty());
    index.forget(1);
    EXPECT_THAT(index.of_transaction(0, {{"pay", "", "k"}}), ElementsAre(3));
}

} // namespace
} // namespace bearerd::journal
