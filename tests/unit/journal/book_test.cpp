#include <bearerd/journal/book.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bearerd::journal {
namespace {

using graphql::Executed;
using testing::ElementsAre;
using testing::IsEmpty;

Intent intent(std::uint64_t number) {
    return {number, 0, "id", "", 0, {}};
}

Outcome outcome(std::uint64_t number, Executed executed, Source source = Source::answer) {
    return {number, 0, executed, 200, "ok", source};
}

std::vector<std::uint64_t> unresolved(const Book& book) {
    std::vector<std::uint64_t> numbers;
    for (const auto& [number, item] : book.items())
        if (item.unresolved())
            numbers.push_back(number);
    return numbers;
}

TEST(Book, HoldsAsUnresolvedWhatHasNoOutcomeOrAnUnknownOne) {
    for (const auto keep : {Book::Keep::all, Book::Keep::unresolved}) {
        Book book{keep};
        for (std::uint64_t number = 1; number <= 5; ++number)
            book.take(intent(number));
        book.take(outcome(2, Executed::yes));
        book.take(outcome(3, Executed::no));
        book.take(outcome(4, Executed::unknown));
        book.take(outcome(99, Executed::yes));
        EXPECT_THAT(unresolved(book), ElementsAre(1, 4, 5));
        EXPECT_EQ(book.items().size(), keep == Book::Keep::all ? 5U : 3U);
        EXPECT_EQ(book.next_number(), 6U);
        book.take(outcome(4, Executed::yes, Source::recovery));
        EXPECT_THAT(unresolved(book), ElementsAre(1, 5));
        book.forget(1);
        EXPECT_THAT(unresolved(book), ElementsAre(5));
    }
}

TEST(Book, NeverUnlearnsAnOutcome) {
    Book book{Book::Keep::all};
    book.take(intent(1));
    book.take(outcome(1, Executed::yes));
    book.take(outcome(1, Executed::unknown));
    book.take(intent(1)); // copied into the next file
    EXPECT_EQ(book.items().at(1).outcome->executed, Executed::yes);
}

TEST(Book, TakesWhatANewFileRepeatsOnce) {
    Book book{Book::Keep::unresolved};
    for (int file = 0; file < 2; ++file) {
        book.take(Start{1, 0});
        book.take(intent(1));
        book.take(intent(2));
        book.take(outcome(2, Executed::unknown));
    }
    EXPECT_EQ(book.count_in_hand(), 1U);
    book.take(outcome(1, Executed::yes));
    EXPECT_THAT(unresolved(book), ElementsAre(2));
    EXPECT_EQ(book.count_in_hand(), 0U);
}

TEST(Book, TellsWhatTheLastProcessHasInHandFromWhatACrashLeft) {
    Book book{Book::Keep::unresolved};
    book.take(intent(1));
    EXPECT_EQ(book.count_in_hand(), 1U);
    book.take(Start{2, 0});
    EXPECT_EQ(book.count_in_hand(), 0U);
    book.take(intent(2));
    book.take(intent(3));
    EXPECT_FALSE(book.in_hand(book.items().at(1)));
    EXPECT_TRUE(book.in_hand(book.items().at(2)));
    EXPECT_EQ(book.count_in_hand(), 2U);
    book.take(outcome(2, Executed::unknown));
    book.forget(3);
    EXPECT_EQ(book.count_in_hand(), 0U);
    EXPECT_THAT(unresolved(book), ElementsAre(1, 2));
}

TEST(Book, GivesNumbersOnWhateverStandsInTheFile) {
    Book book{Book::Keep::all};
    book.take(intent(UINT64_MAX));
    book.take(Start{UINT64_MAX, 0});
    EXPECT_THAT(book.items(), IsEmpty());
    EXPECT_EQ(book.next_number(), 1U);
    book.take(Start{7, 0});
    EXPECT_EQ(book.next_number(), 7U);
}

} // namespace
} // namespace bearerd::journal
