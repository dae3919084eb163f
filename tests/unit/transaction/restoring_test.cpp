#include <bearerd/transaction/restoring.hpp>
#include <bearerd/transaction/secret_file.hpp>

#include "unit/journal/folder.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

namespace bearerd::transaction {
namespace {

using outcome::Executed;

struct RestoringTest : testing::Test {
    RestoringTest() {
        settings.upstream.url.text = "https://api.example.com/graphql";
        settings.credentials.user = "till";
        settings.transactions.rules = {{"pay", "ref", "", "", "", config::Repeats::replay}};
        identifier.emplace(secret, settings);
        entry.intent.account = 7;
        entry.intent.request_id = "first";
        entry.intent.fields = {{"pay", "ref", "k"}};
        entry.intent.fingerprint = identifier->text_of(Digest{});
    }

    [[nodiscard]] std::optional<Restored> restored(std::uint32_t account = 7) const {
        return restored_from(entry, *identifier, account, {"boot", 100}, 0);
    }

    void outcome(Executed executed) {
        entry.outcome.emplace();
        entry.outcome->executed = executed;
        entry.outcome->boot = "boot";
        entry.outcome->up_s = 40;
    }

    config::Settings settings;
    Secret secret{std::string_view{"0123456789abcdef0123456789abcdef"}};
    std::optional<Identifier> identifier;
    journal::JournalEntry entry;
};

TEST_F(RestoringTest, TakesAnIntentWithoutAnOutcomeForUnknown) {
    const auto found = restored();
    ASSERT_TRUE(found);
    EXPECT_EQ(found->executed, Executed::unknown);
    EXPECT_EQ(found->identities, std::vector<Digest>{identifier->identity("pay", "k")});
    EXPECT_EQ(found->fingerprint, Digest{});
    EXPECT_EQ(found->request_id, "first");
}

TEST_F(RestoringTest, KnowsWhatEachOutcomeMeans) {
    outcome(Executed::yes);
    EXPECT_EQ(restored()->executed, Executed::yes);
    EXPECT_EQ(restored()->age, std::chrono::seconds{60});
    outcome(Executed::no);
    EXPECT_EQ(restored()->executed, Executed::no) << "for people who ask";
    outcome(Executed::unknown);
    EXPECT_EQ(restored()->executed, Executed::unknown);
    outcome(Executed::answered);
    EXPECT_EQ(restored()->executed, Executed::answered);
    entry.outcome->nothing_ran = true;
    EXPECT_EQ(restored()->executed, Executed::no);
    EXPECT_TRUE(restored()->nothing_ran);
}

TEST_F(RestoringTest, KnowsNothingOfWhatAnotherEntrySettled) {
    for (const Executed executed : {Executed::answered, Executed::yes}) {
        outcome(executed);
        EXPECT_TRUE(restored());
        entry.outcome->source = journal::Source::repeat; // the other entry has the outcome
        EXPECT_FALSE(restored());
    }
}

TEST_F(RestoringTest, TakesAPersonsWord) {
    outcome(Executed::unknown);
    entry.close = journal::Close{0, 0, Executed::no, "maria", "seen"};
    EXPECT_EQ(restored()->executed, Executed::no);
    entry.close->executed = Executed::yes;
    EXPECT_EQ(restored()->executed, Executed::yes);
}

TEST_F(RestoringTest, CountsTheAgeFromAPersonsWord) {
    outcome(Executed::unknown);
    entry.close = journal::Close{0, 0, Executed::yes, "maria", "seen", "boot", 99};
    EXPECT_EQ(restored()->age, std::chrono::seconds{1});
}

TEST_F(RestoringTest, KnowsHowARequestEndedThatWasSentWithoutAGuard) {
    entry.intent.fingerprint.clear();
    const auto ended = [this] { return outcome_from(entry, *identifier, 7, {"boot", 100}, 0); };
    outcome(Executed::no);
    EXPECT_FALSE(restored());
    outcome(Executed::yes);
    EXPECT_FALSE(restored());
    EXPECT_EQ(ended()->executed, Executed::yes);
    EXPECT_EQ(ended()->fingerprint, std::nullopt);
    outcome(Executed::answered);
    EXPECT_EQ(ended()->executed, Executed::answered);
    entry.outcome->nothing_ran = true;
    EXPECT_EQ(ended()->executed, Executed::no);
    entry.intent.account = 8;
    EXPECT_FALSE(ended());
}

TEST_F(RestoringTest, CrossesNoAccountAndNoRule) {
    EXPECT_FALSE(restored(8));
    entry.intent.fields = {{"other", "ref", "k"}};
    EXPECT_FALSE(restored());
    entry.intent.fields = {{"pay", "", ""}};
    EXPECT_FALSE(restored());
}

TEST_F(RestoringTest, ComparesNoFingerprintOfAnotherSecret) {
    entry.intent.fingerprint = Identifier{random_secret(), settings}.text_of(Digest{});
    EXPECT_EQ(restored()->fingerprint, std::nullopt);
}

TEST(SecretFile, IsMadeOnceAndForItsOwnerOnly) {
    const journal::test::Place place;
    const auto first = load_or_make_secret(place.path());
    ASSERT_TRUE(first);
    EXPECT_EQ(first->size(), 32U);
    EXPECT_TRUE(load_or_make_secret(place.path())->equals(*first));
    struct stat status{};
    ASSERT_EQ(::stat((place.path() + "/transactions.key").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST(SecretFile, IsMadeAgainIfItIsDamaged) {
    const journal::test::Place place;
    const auto first = load_or_make_secret(place.path());
    ASSERT_TRUE(first);
    std::ofstream{place.path() + "/transactions.key", std::ios::trunc} << "short";
    const auto second = load_or_make_secret(place.path());
    ASSERT_TRUE(second);
    EXPECT_EQ(second->size(), 32U);
    EXPECT_FALSE(second->equals(*first));
    EXPECT_TRUE(load_or_make_secret(place.path())->equals(*second));
}

} // namespace
} // namespace bearerd::transaction
