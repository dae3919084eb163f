#include "fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bearerd::config {
namespace {

std::string with_journal(const std::string& section) {
    return "journal: " + section + "\n" + std::string{minimal};
}

TEST(JournalSection, IsOffByItself) {
    const Settings settings = settings_of(minimal);
    EXPECT_EQ(settings.journal.directory, "");
    EXPECT_FALSE(settings.journal.required);
    EXPECT_EQ(settings.journal.max_size, 16U << 20U);
}

TEST(JournalSection, HasItsFaults) {
    const std::pair<const char*, const char*> cases[] = {
        {"{required: true}", "1:21: journal.required: takes a folder"},
        {"{directory: /j, max_size: 63KiB}", "1:36: journal.max_size: must be"},
        {"{directory: /j, max_size: 257MiB}", "1:36: journal.max_size: must be"},
        {"{directory: /j, required: maybe}", "1:36: journal.required: must be"},
        {"{dir: /j}", "1:11: journal.dir: is not a known key"},
    };
    for (const auto& [section, fault] : cases)
        EXPECT_THAT(faults_of(with_journal(section)), testing::ElementsAre(testing::HasSubstr(fault)))
            << section;
    EXPECT_EQ(settings_of(with_journal("{directory: /j, required: true, max_size: 64KiB}")).journal.max_size,
              64U << 10U);
}

// Each of them keeps its folder locked.
TEST(Journal, TakesAFolderOfItsOwn) {
    for (const char* const folder : {"/var/lib/bearerd", "/var/lib/bearerd/", "/var/lib/./bearerd"}) {
        const std::string journal = with_journal("{directory: " + std::string{folder} + "}");
        EXPECT_THAT(faults_of("token_store: {directory: /var/lib/bearerd}\n" + journal),
                    testing::ElementsAre(testing::HasSubstr("journal.directory: takes a folder of its own")));
    }
    EXPECT_EQ(settings_of("token_store: {directory: /var/lib/bearerd}\n" +
                          with_journal("{directory: /var/lib/bearerd/journal}"))
                  .journal.directory,
              "/var/lib/bearerd/journal");
}

} // namespace
} // namespace bearerd::config
