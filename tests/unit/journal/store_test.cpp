#include "store.hpp"

#include "unit/journal/folder.hpp"
#include "unit/journal/full_disk.hpp"

#include <bearerd/journal/journal_client.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <optional>

namespace bearerd::journal {
namespace {

using outcome::Executed;
using test::FullDisk;
using test::Place;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::uint64_t small = 64U << 10U;

std::int64_t days_ago(int days) {
    using namespace std::chrono;
    return duration_cast<milliseconds>((wall_now() - hours{24 * days}).time_since_epoch()).count();
}

class StoreTest : public testing::Test {
protected:
    StoreTest() { open(); }

    /// As a new process.
    void open() {
        store.reset();
        store.emplace(Journal::Settings{place.path(), small});
        EXPECT_EQ(store->open(), std::nullopt);
    }

    error_code append(const std::vector<Record>& records) {
        std::string bytes;
        for (const Record& record : records)
            bytes += encode(record);
        return store->append(bytes, records);
    }

    /// Its number.
    std::uint64_t begin(int days = 0, std::string key = "key") {
        const std::uint64_t number = store->index().next_number();
        EXPECT_FALSE(append({Intent{number, days_ago(days), "id", "", 0, {{"f", "a", std::move(key)}}}}));
        return number;
    }

    void end(std::uint64_t number, Executed executed) {
        EXPECT_FALSE(append({Outcome{number, 0, executed, 200, "ok", Source::answer}}));
    }

    /// Writes until a new file is begun.
    void fill() {
        const std::size_t before = place.files();
        const std::string first = Place::read(place.file(1));
        for (std::size_t i = 0; i < 2 * small / 300 && place.files() == before &&
                                std::filesystem::exists(place.file(1)) == !first.empty();
             ++i)
            end(begin(0, std::string(256, 'k')), Executed::yes);
    }

    [[nodiscard]] std::vector<std::uint64_t> unresolved() const {
        std::vector<std::uint64_t> numbers;
        for (const auto& [number, entry] : store->index().entries())
            numbers.push_back(number);
        return numbers;
    }

    Place place;
    std::optional<Store> store;
};

TEST_F(StoreTest, KeepsWhatIsUnresolvedAcrossProcesses) {
    const auto lost = begin();
    end(begin(), Executed::yes);
    end(begin(), Executed::no);
    const auto unknown = begin();
    end(unknown, Executed::unknown);
    open();
    EXPECT_THAT(unresolved(), ElementsAre(lost, unknown));
    EXPECT_EQ(store->index().count_in_flight(), 0U);
    EXPECT_EQ(store->damage(), Damage{});
    EXPECT_EQ(place.files(), 1U);
    end(lost, Executed::yes);
    open();
    EXPECT_THAT(unresolved(), ElementsAre(unknown));
}

TEST_F(StoreTest, IsItsOwnersAlone) {
    struct stat status{};

    ASSERT_EQ(::stat(place.path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777U, 0700U);
    ASSERT_EQ(::stat(place.file(1).c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777U, 0600U);
}

TEST_F(StoreTest, KeepsAnotherDaemonOut) {
    Store other{{place.path(), small}};
    EXPECT_EQ(other.open(), "another bearerd writes there");
    EXPECT_FALSE(other.is_open());
    EXPECT_TRUE(other.is_held());
    store.reset();
    EXPECT_EQ(other.open(), std::nullopt);
    EXPECT_FALSE(other.is_held());
}

TEST_F(StoreTest, SaysWhyItCantBeOpened) {
    Store other{{place.file(1), small}};
    EXPECT_EQ(other.open(), "Not a directory");
    EXPECT_FALSE(other.is_held());
    Store nowhere{{place.path() + "/a/b", small}};
    EXPECT_EQ(nowhere.open(), "No such file or directory");
}

TEST_F(StoreTest, CutsOffWhatACrashTore) {
    const auto lost = begin();
    store.reset();
    const std::string whole = Place::read(place.file(1));
    Place::write(place.file(1), whole + encode(Intent{9, 0, "", "", 0, {}}).substr(0, 30));
    open();
    EXPECT_EQ(store->damage(), (Damage{0, 30}));
    EXPECT_THAT(unresolved(), ElementsAre(lost));
    const auto next = begin();
    EXPECT_EQ(next, lost + 1);
    open();
    EXPECT_EQ(store->damage(), Damage{});
    EXPECT_THAT(unresolved(), ElementsAre(lost, next));
}

TEST_F(StoreTest, CountsWhatIsDamagedInTheMiddle) {
    const auto first = begin();
    begin();
    const auto third = begin();
    store.reset();
    std::string bytes = Place::read(place.file(1));
    bytes[bytes.find("\"n\":2,")] = '!';
    Place::write(place.file(1), bytes);
    open();
    EXPECT_EQ(store->damage(), (Damage{1, 0}));
    EXPECT_THAT(unresolved(), ElementsAre(first, third));
}

TEST_F(StoreTest, BeginsANewFileInTimeAndCarriesOverWhatIsUnresolved) {
    const auto lost = begin();
    fill();
    ASSERT_EQ(place.files(), 2U);
    EXPECT_LE(std::filesystem::file_size(place.file(1)), small / 2);
    fill();
    EXPECT_EQ(place.files(), 2U);
    EXPECT_FALSE(std::filesystem::exists(place.file(1)));
    EXPECT_THAT(unresolved(), ElementsAre(lost));
    std::filesystem::remove(place.file(2));
    open();
    EXPECT_THAT(unresolved(), ElementsAre(lost)) << "the last file alone tells all of it";
    EXPECT_EQ(store->index().count_in_flight(), 0U);
}

TEST_F(StoreTest, KeepsInHandWhatIsInHandWhenANewFileBegins) {
    const auto mine = begin();
    fill();
    const auto reading = read_journal(place.path());
    ASSERT_TRUE(reading);
    EXPECT_TRUE(reading->written);
    EXPECT_TRUE(reading->index.in_flight(reading->index.entries().at(mine)));
    store.reset();
    EXPECT_FALSE(read_journal(place.path())->written);
}

TEST_F(StoreTest, StaysWithinItsSizeHoweverMuchIsUnresolved) {
    for (std::size_t i = 0; i < 3 * small / 300; ++i)
        begin(i < 20 ? 31 : 1, std::string(256, 'k'));
    std::uintmax_t size = 0;
    for (const auto& entry : std::filesystem::directory_iterator{place.path()})
        size += entry.file_size();
    EXPECT_LE(size, small);
    const std::size_t dropped = 3 * small / 300 - store->index().entries().size();
    EXPECT_EQ(store->take_forgotten(), dropped - 20) << "those older than 30 days need no telling";
    EXPECT_EQ(store->take_forgotten(), 0U);
    EXPECT_EQ(store->index().entries().rbegin()->first, 3 * small / 300) << "the newest stay";
}

TEST_F(StoreTest, ReadsOnlyFilesOfItsOwn) {
    const auto lost = begin();
    store.reset();
    for (const char* name : {"/journal-2.log", "/journal-00000000002.log", "/journal-000000000x.log",
                             "/journal-0000000002.log~", "/notes"})
        Place::write(place.path() + name, "no journal\n");
    open();
    EXPECT_EQ(store->damage(), Damage{});
    EXPECT_THAT(unresolved(), ElementsAre(lost));
}

TEST_F(StoreTest, FollowsNoLink) {
    store.reset();
    std::filesystem::rename(place.file(1), place.path() + "/elsewhere");
    std::filesystem::create_symlink(place.path() + "/elsewhere", place.file(1));
    Store other{{place.path(), small}};
    EXPECT_NE(other.open(), std::nullopt);
}

TEST_F(StoreTest, LeavesNoHalfRecordWhereTheDiskIsFull) {
    const auto lost = begin();
    const auto size = std::filesystem::file_size(place.file(1));
    {
        const FullDisk full{size + 40};
        EXPECT_TRUE(append({Intent{lost + 1, 0, "id", "", 0, {}}}));
        EXPECT_EQ(std::filesystem::file_size(place.file(1)), size);
        EXPECT_THAT(unresolved(), ElementsAre(lost));
    }
    EXPECT_EQ(begin(), lost + 1);
    open();
    EXPECT_EQ(store->damage(), Damage{});
    EXPECT_THAT(unresolved(), ElementsAre(lost, lost + 1));
}

TEST_F(StoreTest, KeepsTheOldFilesWhereANewOneCantBeWritten) {
    const auto lost = begin();
    while (std::filesystem::file_size(place.file(1)) < small / 2 - 700)
        end(begin(0, std::string(256, 'k')), Executed::yes);
    {
        const FullDisk full{30};
        EXPECT_TRUE(append(
            {Intent{store->index().next_number(), 0, "id", "", 0, {{"f", "a", std::string(900, 'k')}}}}));
    }
    EXPECT_EQ(place.files(), 1U);
    fill();
    EXPECT_EQ(place.files(), 2U);
    open();
    EXPECT_THAT(unresolved(), ElementsAre(lost));
}

TEST_F(StoreTest, WritesAgainWhatSomebodyHasRemoved) {
    const auto first = begin();
    std::filesystem::remove(place.file(1));
    const auto second = begin();
    EXPECT_EQ(store->take_removals(), 1U);
    std::filesystem::remove_all(place.path());
    const auto third = begin();
    EXPECT_EQ(store->take_removals(), 1U);
    EXPECT_FALSE(store->sync());
    EXPECT_TRUE(read_journal(place.path())->written) << "it holds the new folder";
    const auto fourth = begin();
    EXPECT_EQ(store->take_removals(), 0U);
    open();
    EXPECT_THAT(unresolved(), ElementsAre(first, second, third, fourth));
}

TEST_F(StoreTest, TakesNoOtherJournalForItsOwn) {
    const auto mine = begin();
    std::filesystem::remove_all(place.path());
    std::uint64_t others = 0;
    {
        Store other{{place.path(), small}};
        ASSERT_EQ(other.open(), std::nullopt);
        others = other.index().next_number();
        ASSERT_FALSE(
            other.append(encode(Intent{others, 0, "id", "", 0, {}}), {Intent{others, 0, "id", "", 0, {}}}));
    }
    EXPECT_TRUE(append({Intent{mine + 1, 0, "id", "", 0, {}}}));
    EXPECT_EQ(store->take_removals(), 0U);
    EXPECT_TRUE(read_journal(place.path())->index.entries().contains(others));
}

TEST(Reading, TellsWhyThereIsNothingToRead) {
    const Place place;
    EXPECT_EQ(read_journal(place.path()).error(), boost::system::errc::no_such_file_or_directory);
    std::filesystem::create_directory(place.path());
    const auto reading = read_journal(place.path());
    ASSERT_TRUE(reading);
    EXPECT_THAT(reading->index.entries(), IsEmpty());
    EXPECT_FALSE(reading->written);
}

TEST_F(StoreTest, CarriesWhatTheGuardMustNotForget) {
    store.reset();
    store.emplace(Journal::Settings{place.path(), small, std::chrono::hours{1}});
    ASSERT_EQ(store->open(), std::nullopt);
    const Uptime now = uptime();
    const auto guarded = [this](Executed executed, std::optional<Close> close) {
        const std::uint64_t number = store->index().next_number();
        Intent intent{number, days_ago(3), "id", "", 0, {{"f", "a", "key"}}};
        intent.fingerprint = "print";
        EXPECT_FALSE(append({intent, Outcome{number, days_ago(3), executed, 200, "ok", Source::answer}}));
        if (close) {
            close->number = number;
            EXPECT_FALSE(append({*close}));
        }
        return number;
    };
    const auto old = guarded(Executed::yes, std::nullopt);
    const auto half = guarded(Executed::answered, std::nullopt);
    const auto closed = guarded(Executed::unknown, Close{0, 0, Executed::yes, "", "", now.boot, now.up_s});
    const auto given_up = guarded(Executed::unknown, Close{0, days_ago(3), Executed::unknown, "", "", "", 0});
    fill();
    const auto left = unresolved();
    EXPECT_THAT(left, testing::Not(testing::Contains(old)));
    for (const auto number : {half, closed, given_up})
        EXPECT_THAT(left, testing::Contains(number));
    EXPECT_EQ(store->take_forgotten_guarded(), 0U);
}

TEST_F(StoreTest, CountsTheGuardedOnesThatHaveToGoForLackOfRoom) {
    for (int i = 0; i < 100; ++i) {
        const std::uint64_t number = store->index().next_number();
        Intent intent{number, days_ago(0), "id", "", 0, {{"f", "a", std::string(256, 'k')}}};
        intent.fingerprint = "print";
        Outcome outcome{number, days_ago(0), Executed::yes, 200, "ok", Source::answer};
        ASSERT_FALSE(append({intent, outcome}));
    }
    store->set_remember(std::chrono::hours{1});
    fill();
    EXPECT_GT(store->take_forgotten_guarded(), 0U);
    EXPECT_EQ(store->take_forgotten_guarded(), 0U);
}

TEST_F(StoreTest, TakesNoCloseThatNobodyWaitsFor) {
    const auto folder = Folder::open_to_read(place.path());
    const Uptime now = uptime();

    const struct {
        Close close;
        std::size_t taken;
    } cases[] = {{{1, 0, Executed::no, "", "", now.boot, now.up_s}, 1},
                 {{1, 0, Executed::no, "", "", "", 0}, 1},
                 {{1, 0, Executed::no, "", "", "another", now.up_s}, 0}};

    for (const auto& each : cases) {
        ASSERT_FALSE(folder->request_close(each.close));
        EXPECT_EQ(store->take_closes().size(), each.taken) << each.close.boot;
        EXPECT_FALSE(folder->has_close_request());
    }
}

} // namespace
} // namespace bearerd::journal
