#include <bearerd/auth/token_file.hpp>

#include "unit/auth/temporary_directory.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <future>

namespace bearerd::auth {
namespace {

using namespace std::chrono_literals;
using test::TemporaryDirectory;

StoreSettings store_settings(const std::string& directory, std::string_view password = "pw") {
    return {directory, "", "https://a/graphql", "till", Secret{password}};
}

TokenRecord stored_record(std::string_view token = "a.b.c") {
    TokenRecord value;
    value.received = StoredMoment::take();
    value.life = 60min;
    value.token = Secret{token};
    value.login.identity = {{"sub", "7"}};
    return value;
}

LoginRecord rejections(std::uint32_t count) {
    LoginRecord value;
    value.rejections = count;
    value.failed = StoredMoment::take();
    value.backoff = 60s;
    return value;
}

TEST(TokenFile, WhatWasSavedIsLoadedByTheNextProcess) {
    const TemporaryDirectory folder;
    TokenFile first{store_settings(folder.path())};
    ASSERT_FALSE(first.save(stored_record("one")));
    ASSERT_FALSE(first.save(stored_record("two")));
    ASSERT_FALSE(first.save(rejections(3)));
    TokenFile second{store_settings(folder.path())};
    const auto token = second.load_token();
    ASSERT_TRUE(token.value) << token.problem;
    EXPECT_EQ(token.value->token.reveal(), "two");
    EXPECT_EQ(token.value->login.identity, stored_record().login.identity);
    const auto login = second.load_login();
    ASSERT_TRUE(login.value) << login.problem;
    EXPECT_EQ(login.value->rejections, 3U);
    EXPECT_EQ(folder.names().size(), 2U) << "no temporary file stays";
}

TEST(TokenFile, NoFileIsNoProblem) {
    const TemporaryDirectory folder;
    TokenFile file{store_settings(folder.path())};
    const auto token = file.load_token();
    EXPECT_FALSE(token.value);
    EXPECT_EQ(token.problem, "");
    EXPECT_EQ(TokenFile{store_settings(folder.path() + "/missing")}.load_token().problem, "");
}

TEST(TokenFile, AnotherPasswordOpensNothingAndCountsNoRejections) {
    const TemporaryDirectory folder;
    TokenFile first{store_settings(folder.path())};
    ASSERT_FALSE(first.save(stored_record()));
    ASSERT_FALSE(first.save(rejections(3)));
    TokenFile second{store_settings(folder.path(), "other")};
    EXPECT_FALSE(second.load_token().value);
    EXPECT_NE(second.load_token().problem, "");
    EXPECT_FALSE(second.load_login().value);
    EXPECT_TRUE(second.load_login().did_not_open);
    TemporaryDirectory::write(folder.find("login-"), "not ours");
    EXPECT_FALSE(second.load_login().did_not_open);
    EXPECT_NE(second.load_login().problem, "");
}

TEST(TokenFile, AKeyFileOutlivesAPasswordChangeForTheTokenOnly) {
    const TemporaryDirectory folder;
    const auto key_file = folder.path() + "/key";
    TemporaryDirectory::write(key_file, "0123456789abcdef0123456789abcdef");
    auto with_key = store_settings(folder.path() + "/state");
    with_key.key_file = key_file;
    TokenFile first{std::move(with_key)};
    ASSERT_FALSE(first.save(stored_record()));
    ASSERT_FALSE(first.save(rejections(3)));
    auto changed = store_settings(folder.path() + "/state", "other");
    changed.key_file = key_file;
    TokenFile second{std::move(changed)};
    EXPECT_TRUE(second.load_token().value);
    EXPECT_FALSE(second.load_login().value);
    EXPECT_FALSE(TokenFile{store_settings(folder.path() + "/state")}.load_token().value)
        << "without the key file";
}

TEST(TokenFile, AMissingOrEmptyKeyFileIsAnError) {
    const TemporaryDirectory folder;
    auto missing = store_settings(folder.path());
    missing.key_file = folder.path() + "/key";
    EXPECT_TRUE(TokenFile{std::move(missing)}.save(stored_record()));
    TemporaryDirectory::write(folder.path() + "/key", "\n");
    auto empty = store_settings(folder.path());
    empty.key_file = folder.path() + "/key";
    EXPECT_TRUE(TokenFile{std::move(empty)}.save(stored_record()));
}

TEST(TokenFile, DamageOfAnyKindIsIgnoredWithAReason) {
    const TemporaryDirectory folder;
    TokenFile file{store_settings(folder.path())};
    ASSERT_FALSE(file.save(stored_record()));
    const auto path = folder.find("token-");
    const auto whole = TemporaryDirectory::read(path);
    ASSERT_FALSE(whole.empty());
    auto flipped = whole;
    flipped.back() = static_cast<char>(flipped.back() ^ 1);
    for (const auto& bytes : {std::string{}, std::string{"{}"}, whole.substr(0, whole.size() / 2), flipped,
                              whole + "x", std::string(100'000, 'x')}) {
        TemporaryDirectory::write(path, bytes);
        const auto loaded = file.load_token();
        EXPECT_FALSE(loaded.value) << bytes.size();
        EXPECT_NE(loaded.problem, "") << bytes.size();
    }
    ASSERT_FALSE(file.save(stored_record())) << "and replaced by the next";
    EXPECT_TRUE(file.load_token().value);
}

TEST(TokenFile, LinksAndOtherThingsAreNotFollowed) {
    const TemporaryDirectory folder;
    const auto target = folder.path() + "/target";
    TemporaryDirectory::write(target, "x");
    std::filesystem::create_symlink(target, folder.path() + "/link");
    EXPECT_TRUE(read_store_file(folder.path() + "/link").has_error());
    EXPECT_TRUE(read_store_file(folder.path()).has_error());
    ASSERT_EQ(::mkfifo((folder.path() + "/fifo").c_str(), 0600), 0);
    EXPECT_TRUE(read_store_file(folder.path() + "/fifo").has_error());
    ASSERT_FALSE(write_store_file(folder.path(), "link", "y"));
    EXPECT_EQ(TemporaryDirectory::read(target), "x") << "the link is replaced, not followed";
    EXPECT_EQ(*read_store_file(folder.path() + "/link"), "y");
}

TEST(TokenFile, AKeyFileMayBeALinkAndMayEndWithANewline) {
    const TemporaryDirectory folder;
    const auto path = folder.path() + "/target";
    std::filesystem::create_symlink(path, folder.path() + "/key");
    for (const std::string_view bytes : {"0123\r4567", "0123\r4567\n", "0123\r4567\r\n",
                                         "\xef\xbb\xbf"
                                         "0123\r4567\r\n"}) {
        TemporaryDirectory::write(path, bytes);
        const auto key = read_key_file(folder.path() + "/key");
        ASSERT_TRUE(key) << key.error().message();
        EXPECT_EQ(key->reveal(), "0123\r4567");
    }
    TemporaryDirectory::write(path, "0123\n\n");
    EXPECT_EQ(read_key_file(path)->reveal(), "0123\n");
}

TEST(TokenFile, ModeIs0600WhateverTheUmask) {
    const TemporaryDirectory folder;
    for (const mode_t mask : {0000U, 0022U, 0777U}) {
        const auto before = ::umask(mask);
        const auto error = write_store_file(folder.path(), "file", "x");
        ::umask(before);
        ASSERT_FALSE(error) << error.message();

        struct stat status{};

        ASSERT_EQ(::stat((folder.path() + "/file").c_str(), &status), 0);
        EXPECT_EQ(status.st_mode & 07777, 0600U);
    }
}

TEST(TokenFile, WhatACrashLeftIsRemoved) {
    const TemporaryDirectory folder;
    TemporaryDirectory::write(folder.path() + "/.token.tmp-123", "x");
    TemporaryDirectory::write(folder.path() + "/.other.tmp-123", "x");
    remove_stale_files(folder.path(), "token");
    EXPECT_EQ(folder.names(), std::vector<std::string>{".other.tmp-123"});
}

TEST(TokenFile, WhatAnotherProcessIsWritingIsRemovedByNoReading) {
    const TemporaryDirectory folder;
    TokenFile file{store_settings(folder.path())};
    ASSERT_FALSE(file.save(RefreshRecord{Secret{std::string_view{"r-1"}}}));
    const std::string name = folder.names().front();
    const std::string temporary = "." + name + ".tmp-123";
    TemporaryDirectory::write(folder.path() + "/" + temporary, "x");
    EXPECT_TRUE(file.load_refresh().value);
    EXPECT_TRUE(file.take_refresh(Secret{std::string_view{"r-1"}}));
    const auto names = folder.names();
    EXPECT_EQ(std::count(names.begin(), names.end(), temporary), 1);
    file.clean_up();
    EXPECT_EQ(folder.names(), std::vector<std::string>{name});
}

TEST(TokenFile, ARefreshTokenThatCannotBeMarkedSaysWhy) {
    const TemporaryDirectory folder;
    TokenFile file{store_settings(folder.path() + "/missing")};
    const auto missing = file.take_refresh(Secret{std::string_view{"r-1"}});
    EXPECT_FALSE(missing.taken);
    EXPECT_TRUE(missing.problem);
    TokenFile other{store_settings(folder.path())};
    ASSERT_FALSE(other.save(RefreshRecord{Secret{std::string_view{"r-2"}}}));
    const auto another = other.take_refresh(Secret{std::string_view{"r-1"}});
    EXPECT_FALSE(another.taken);
    EXPECT_FALSE(another.problem);
}

TEST(TokenFile, GivesUpIfAnotherProcessKeepsTheFolderLocked) {
    const TemporaryDirectory folder;
    TokenFile file{store_settings(folder.path())};
    TokenFile other{store_settings(folder.path())};
    const Secret refresh{std::string_view{"r-1"}};
    ASSERT_FALSE(file.save(RefreshRecord{refresh.clone()}));
    const int holder = ::open(folder.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ASSERT_GE(holder, 0);
    ASSERT_EQ(::flock(holder, LOCK_EX), 0);
    auto saved = std::async(std::launch::async, [&other] { return other.save(stored_record()); });
    const auto taken = file.take_refresh(refresh);
    EXPECT_FALSE(taken.taken);
    EXPECT_EQ(taken.problem, boost::system::errc::timed_out);
    EXPECT_EQ(saved.get(), boost::system::errc::timed_out);
    ::close(holder);
    EXPECT_TRUE(file.take_refresh(refresh));
    EXPECT_FALSE(other.save(stored_record()));
}

TEST(TokenFile, InstancesForOtherUsersOrUpstreamsShareADirectory) {
    const TemporaryDirectory folder;
    auto other_user = store_settings(folder.path());
    other_user.user = "till-2";
    auto other_url = store_settings(folder.path());
    other_url.url = "https://b/graphql";
    TokenFile files[] = {TokenFile{store_settings(folder.path())}, TokenFile{std::move(other_user)},
                         TokenFile{std::move(other_url)}};
    for (auto& file : files)
        EXPECT_FALSE(file.load_token().value);
    ASSERT_FALSE(files[0].save(stored_record("one")));
    ASSERT_FALSE(files[1].save(stored_record("two")));
    ASSERT_FALSE(files[2].save(stored_record("three")));
    EXPECT_EQ(folder.names().size(), 3U);
    EXPECT_EQ(files[0].load_token().value->token.reveal(), "one");
}

} // namespace
} // namespace bearerd::auth
