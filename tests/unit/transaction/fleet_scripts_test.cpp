#include "fleet_store.hpp"
#include "support/redis_server.hpp"
#include "unit/run_task.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace bearerd::transaction {
namespace {

/// The scripts in a real redis-server, and what stands in for them in the other tests.
class FleetScriptsTest : public testing::TestWithParam<bool> {
protected:
    void SetUp() override {
        if (!GetParam()) {
            store_ = std::make_unique<fleet_test::FakeStore>(database_);
        } else if (test::RedisServer::is_installed()) {
            server_ = std::make_unique<test::RedisServer>();
            store_ = std::make_unique<fleet_test::RedisStore>(server_->port());
        } else {
            GTEST_SKIP() << "neither redis-server nor valkey-server is there";
        }
    }

    fleet::Value call(fleet::Command command) {
        const auto values = test::run_task(loop_, store_->call_all({std::move(command)}, Duration{}));
        EXPECT_TRUE(values.front());
        return values.front().value_or(fleet::Value{});
    }

    /// The answer in one line. A lease of "0" ends at once.
    std::string claim(const std::string& owner, const std::string& known = "",
                      const std::string& lease = "60000", const std::string& sent = "") {
        const fleet::Value value = call({"EVAL", std::string{claim_script}, "1", "key", owner, lease, "60000",
                                         "print " + owner, "id " + owner, "17", known, sent});
        std::string line;
        for (const fleet::Value& each : value.list)
            line += (line.empty() ? "" : "|") + each.text;
        return value.kind == fleet::Value::Kind::list ? line : "not a list: " + value.text;
    }

    /// As the owner does with what it has forwarded.
    std::string renew(const std::string& owner) { return claim(owner, "", "60000", "sent"); }

    std::int64_t settle(const std::string& owner, const std::string& state, const std::string& found = "") {
        const fleet::Value value = call({"EVAL", std::string{settle_script}, "1", "key", owner, state,
                                         "60000", "print " + owner, "id " + owner, "17", found});
        EXPECT_EQ(value.kind, fleet::Value::Kind::integer) << value.text;
        return value.integer;
    }

    static std::string seen(const std::string& state, const std::string& owner, const std::string& found = "",
                            const std::string& known_freed = "") {
        return state + "|" + owner + "|print " + owner + "|id " + owner + "|17|" + found + "|" + known_freed;
    }

    void empty_it() { static_cast<void>(call({"FLUSHALL"})); }

private:
    net::asio::io_context loop_;
    fleet_test::FakeDatabase database_;
    std::unique_ptr<test::RedisServer> server_;
    std::unique_ptr<fleet::Store> store_;
};

TEST_P(FleetScriptsTest, GiveAKeyToOneOwnerOnly) {
    EXPECT_EQ(claim("a"), "ours");
    EXPECT_EQ(claim("b"), seen("in_flight", "a"));
    EXPECT_EQ(claim("a"), "ours") << "renewed";
    EXPECT_EQ(claim("b"), seen("in_flight", "a"));
}

TEST_P(FleetScriptsTest, TakeALeaseThatIsOverForUnknownAndNeverForFree) {
    EXPECT_EQ(claim("a", "", "0"), "ours");
    EXPECT_EQ(claim("b"), seen("unknown", "a"));
    EXPECT_EQ(claim("b"), seen("unknown", "a"));
    EXPECT_EQ(claim("a"), "ours") << "its owner lives, and goes on";
    EXPECT_EQ(claim("b"), seen("in_flight", "a"));
}

TEST_P(FleetScriptsTest, LetOnlyTheOwnerFree) {
    for (const char* const lease : {"60000", "0"}) {
        empty_it();
        claim("a", "", lease);
        EXPECT_EQ(settle("b", "no"), 1);
        EXPECT_EQ(claim("c"), seen(std::string_view{lease} == "0" ? "unknown" : "in_flight", "a"));
        EXPECT_EQ(settle("a", "executed", "7"), 1) << "late or not";
        EXPECT_EQ(claim("c"), seen("executed", "a", "7"));
        EXPECT_EQ(settle("d", "no"), 1);
        EXPECT_EQ(settle("e", "unknown"), 1);
        EXPECT_EQ(claim("c"), seen("executed", "a", "7"));
    }
}

TEST_P(FleetScriptsTest, PutWhatWasExecutedAboveWhatAnotherOwnerHas) {
    for (const char* const state : {"in_flight", "over", "unknown", "no"}) {
        empty_it();
        claim("a", "", std::string_view{state} == "over" ? "0" : "60000");
        if (std::string_view{state} == "unknown" || std::string_view{state} == "no")
            settle("a", state);
        EXPECT_EQ(settle("b", "executed", "7"), 1) << state;
        EXPECT_EQ(claim("c"), seen("executed", "b", "7")) << state;
        EXPECT_EQ(renew("a"), std::string_view{state} == "no" ? "freed" : seen("executed", "b", "7"));
        for (const char* const later : {"unknown", "no"}) {
            EXPECT_EQ(settle("a", later), 1);
            EXPECT_EQ(claim("c"), seen("executed", "b", "7")) << "the first one is late: " << later;
        }
    }
}

TEST_P(FleetScriptsTest, FreeNothingThatAnotherOwnerMayHaveExecuted) {
    const auto nobodys = [](const std::string& owner) { return "unknown|" + owner + "|||0||"; };
    for (const bool settled : {true, false}) {
        empty_it();
        claim("a");
        if (settled) {
            EXPECT_EQ(settle("b", "unknown"), 1);
        } else {
            EXPECT_EQ(renew("b"), seen("in_flight", "a")) << "it is in flight there too";
        }
        renew("c");
        EXPECT_EQ(claim("d"), seen("in_flight", "a")) << "which still runs";
        settle("a", "no");
        EXPECT_EQ(claim("d"), nobodys("b"));
        EXPECT_EQ(claim("d", "a"), nobodys("b") + "1");
        EXPECT_EQ(settle("c", "no"), 1);
        EXPECT_EQ(claim("d"), nobodys("b"));
        EXPECT_EQ(settle("b", "no"), 1);
        EXPECT_EQ(claim("d", "b"), "ours") << "all of them have freed it";
    }
}

TEST_P(FleetScriptsTest, TakeNothingFromAnOwnerThatHasFreedTheKey) {
    claim("a");
    settle("b", "no"); // for a claim whose answer was lost, and which did not arrive yet
    EXPECT_EQ(claim("b"), "freed");
    settle("a", "no");
    EXPECT_EQ(claim("b"), "freed");
    EXPECT_EQ(settle("c", "no"), 1);
    EXPECT_EQ(claim("c"), "freed") << "noted although it was free";
    EXPECT_EQ(claim("d", "c"), "ours");
    EXPECT_EQ(settle("b", "unknown"), 1);
    settle("d", "no");
    EXPECT_EQ(claim("e"), "ours") << "what comes late is no doubt";
}

TEST_P(FleetScriptsTest, KnowAHundredOwnersThatHaveFreedAKey) {
    for (int i = 0; i < 100; ++i)
        EXPECT_EQ(settle("owner." + std::to_string(1'000 + i) + std::string(28, 'f'), "no"), 1);
    EXPECT_EQ(claim("a", "owner.1000" + std::string(28, 'f')), "ours");
}

TEST_P(FleetScriptsTest, LetTheOwnerLearnLaterWhatWasUnknown) {
    claim("a");
    EXPECT_EQ(settle("a", "unknown"), 1);
    EXPECT_EQ(claim("b"), seen("unknown", "a"));
    EXPECT_EQ(claim("a"), seen("unknown", "a")) << "a renewal that comes late changes nothing";
    EXPECT_EQ(settle("a", "executed", "7"), 1);
    EXPECT_EQ(settle("a", "unknown"), 1);
    EXPECT_EQ(settle("a", "no"), 1);
    EXPECT_EQ(claim("b"), seen("executed", "a", "7")) << "what was executed stays so";
}

TEST_P(FleetScriptsTest, FreeWhatWasNotExecutedForAll) {
    claim("a");
    settle("a", "no");
    EXPECT_EQ(claim("a"), "freed") << "a claim that comes late takes nothing";
    EXPECT_EQ(claim("b"), "ours");
    EXPECT_EQ(settle("a", "unknown"), 1);
    EXPECT_EQ(claim("c"), seen("in_flight", "b"));
}

TEST_P(FleetScriptsTest, FreeForThoseThatKnowTheOwnerOnlyWhatThisOwnerFreed) {
    EXPECT_EQ(claim("c", "a"), "lost") << "the store was emptied";
    EXPECT_EQ(claim("c", "a"), "lost");
    claim("b");
    EXPECT_EQ(claim("c", "a"), seen("in_flight", "b"));
    settle("b", "no");
    EXPECT_EQ(claim("c", "a"), "lost") << "b has freed it, but a has not";
    EXPECT_EQ(claim("c", "b"), "ours");
    settle("c", "no");
    EXPECT_EQ(claim("d"), "ours");
    EXPECT_EQ(claim("e", "b"), seen("in_flight", "d", "", "1"));
    EXPECT_EQ(claim("e", "c"), seen("in_flight", "d", "", "1"));
    EXPECT_EQ(claim("e", "a"), seen("in_flight", "d"));
    settle("d", "no");
    EXPECT_EQ(claim("e", "b"), "ours");
}

TEST_P(FleetScriptsTest, WriteDownWhatTheStoreHasLost) {
    EXPECT_EQ(settle("a", "executed", "7"), 1);
    EXPECT_EQ(claim("b"), seen("executed", "a", "7"));
    empty_it();
    EXPECT_EQ(settle("a", "unknown"), 1);
    EXPECT_EQ(claim("b"), seen("unknown", "a"));
    empty_it();
    EXPECT_EQ(settle("a", "no"), 1);
    EXPECT_EQ(claim("b", "a"), "ours");
}

TEST_P(FleetScriptsTest, PutWhatIsKnownAboveWhatAnotherFreed) {
    claim("b");
    settle("b", "no");
    EXPECT_EQ(settle("c", "no"), 1);
    EXPECT_EQ(settle("a", "executed"), 1);
    EXPECT_EQ(claim("d"), seen("executed", "a"));
    EXPECT_EQ(claim("d", "b"), seen("executed", "a", "", "1"));
}

TEST_P(FleetScriptsTest, KeepAnyBytes) {
    const std::string found{"\"\0\r\n\xFF|\"", 7};
    claim("a");
    settle("a", "executed", found);
    EXPECT_EQ(claim("b"), seen("executed", "a", found));
}

TEST_P(FleetScriptsTest, LeaveAKeyAsItWasIfTheStoreRefusesToWriteIt) {
    if (!GetParam() || call({"ACL", "WHOAMI"}).kind == fleet::Value::Kind::error)
        GTEST_SKIP() << "the store can't refuse a command";
    claim("a");
    static_cast<void>(call({"ACL", "SETUSER", "default", "-hset"}));
    for (const char* const state : {"executed", "unknown", "no"})
        EXPECT_EQ(
            call({"EVAL", std::string{settle_script}, "1", "key", "a", state, "60000", "", "", "17", ""})
                .kind,
            fleet::Value::Kind::error);
    static_cast<void>(call({"ACL", "SETUSER", "default", "+hset"}));
    EXPECT_EQ(claim("b"), seen("in_flight", "a"));
}

INSTANTIATE_TEST_SUITE_P(Stores, FleetScriptsTest, testing::Bool(),
                         [](const auto& which) { return which.param ? "redis" : "fake"; });

} // namespace
} // namespace bearerd::transaction
