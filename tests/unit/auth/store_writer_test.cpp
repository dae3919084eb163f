#include "store_writer.hpp"

#include "unit/auth/temporary_directory.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

namespace bearerd::auth {
namespace {

using namespace std::chrono_literals;
using test::TemporaryDirectory;

StoreSettings settings(const std::string& directory, std::string_view password = "pw") {
    return {directory, "", "https://a/graphql", "till", Secret{password}};
}

StoreWriter::TokenInUse in_use(std::string_view value, Duration age = 0s) {
    const auto token = std::make_shared<Token>();
    token->value = Secret{value};
    token->received = TimePoint{Duration{5min}}; // by some clock
    token->expires = token->received + 60min;
    Claims login;
    login.identity = {{"sub", "7"}};
    return {token, std::make_shared<const Claims>(std::move(login)), BootClock::now() - age};
}

/// What a writer finds at its start, once it has found it.
StoreWriter::Found found_in(const std::string& directory, std::string_view password = "pw") {
    std::promise<StoreWriter::Found> promise;
    StoreWriter::Events events;
    events.found = [&promise](StoreWriter::Found found) { promise.set_value(std::move(found)); };
    events.failed = [] {};
    const StoreWriter writer{settings(directory, password), std::move(events)};
    return promise.get_future().get();
}

StoreWriter::Events deaf() {
    StoreWriter::Events events;
    events.found = [](const StoreWriter::Found&) {};
    events.failed = [] {};
    return events;
}

TEST(StoreWriter, TheLatestTokenOutlivesTheProcess) {
    const TemporaryDirectory folder;
    {
        StoreWriter writer{settings(folder.path()), deaf()};
        for (int i = 0; i < 1000; ++i)
            writer.save(in_use("token-" + std::to_string(i)));
    }
    const auto found = found_in(folder.path());
    ASSERT_TRUE(found.token);
    EXPECT_EQ(found.token->record.token.reveal(), "token-999");
    EXPECT_GE(found.token->age, 0s);
    EXPECT_LT(found.token->age, 60s);
    EXPECT_EQ(found.token->record.life, 60min);
    EXPECT_EQ(found.token->record.login.identity.at(0).second, "7");
    EXPECT_EQ(found.rejections, 0U);
}

TEST(StoreWriter, AnExpiredTokenIsNotFound) {
    const TemporaryDirectory folder;
    {
        StoreWriter{settings(folder.path()), deaf()}.save(in_use("token", 61min));
    }
    EXPECT_FALSE(found_in(folder.path()).token);
}

TEST(StoreWriter, RejectionsAreFoundWithWhatIsLeftOfTheBackOff) {
    const TemporaryDirectory folder;
    LoginRecord login;
    login.rejections = 4;
    login.failed = StoredMoment::take();
    login.failed.boot_ns -= Duration{100s}.count();
    login.backoff = 240s;
    {
        StoreWriter{settings(folder.path()), deaf()}.save(login);
    }
    const auto found = found_in(folder.path());
    EXPECT_EQ(found.rejections, 4U);
    EXPECT_LE(found.next_try, 140s);
    EXPECT_GT(found.next_try, 60s);
    EXPECT_EQ(found_in(folder.path(), "changed").rejections, 0U);
}

TEST(StoreWriter, WhatWasSavedBeforeAChangeIsSealedWithTheOldPassword) {
    const TemporaryDirectory folder;
    const TemporaryDirectory other;
    {
        StoreWriter writer{settings(folder.path()), deaf()};
        writer.save(in_use("old"));
        writer.change(settings(other.path(), "changed"));
        writer.save(in_use("new"));
    }
    EXPECT_EQ(found_in(folder.path()).token->record.token.reveal(), "old");
    EXPECT_EQ(found_in(other.path(), "changed").token->record.token.reveal(), "new");
}

TEST(StoreWriter, FailuresAreToldAndHarmNothing) {
    const TemporaryDirectory folder;
    TemporaryDirectory::write(folder.path() + "/file", "x");
    std::promise<void> failed;
    std::atomic<bool> reported = false;
    auto events = deaf();
    events.failed = [&failed, &reported] {
        if (!reported.exchange(true))
            failed.set_value();
    };
    StoreWriter writer{settings(folder.path() + "/file"), std::move(events)};
    writer.save(in_use("token"));
    failed.get_future().get();
    SUCCEED();
}

} // namespace
} // namespace bearerd::auth
