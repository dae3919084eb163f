#include "fleet_login.hpp"

#include "unit/auth/token_service_fixture.hpp"
#include "unit/fleet/fake_store.hpp"
#include "unit/run_task.hpp"

namespace bearerd::auth {
namespace {

using namespace std::chrono_literals;
using FleetStep = FleetMachine::Step::Kind;

class FleetLoginTest : public testing::Test {
protected:
    FleetLoginTest() { fleet->change(place("pass-word")); }

    std::shared_ptr<FleetLogin> make() {
        FleetLogin::World world;
        world.clock = [this] { return now; };
        world.jitter = [] { return 0.0; };
        world.current = [] { return StoreWriter::TokenInUse{}; };
        world.wall_ms = [this] { return wall_ms; };
        return std::make_shared<FleetLogin>(context.get_executor(), store, std::move(world));
    }

    /// Of a login that has succeeded just now.
    [[nodiscard]] FleetLogin::Report success() const {
        auto token = std::make_shared<Token>();
        token->value = Secret{std::string_view{"own-token"}};
        token->generation = 1;
        token->received = now;
        token->expires = now + 1h;
        FleetLogin::Report report;
        report.kind = FleetLogin::Report::Kind::logged_in;
        report.token = {std::move(token), std::make_shared<const Claims>(), {}};
        return report;
    }

    static FleetLogin::Report rejection() {
        FleetLogin::Report report;
        report.kind = FleetLogin::Report::Kind::rejected;
        report.rejections = 1;
        report.next_try = 30s;
        return report;
    }

    FleetLogin::PlacePtr place(const std::string& password, Duration lease = 10s) {
        test::Options options;
        options.password = password;
        options.change = [lease](config::Settings& settings) { settings.fleet.lease = lease; };
        const auto settings = test::settings(options);
        return FleetLogin::place_of(*settings, keys.keys_of(*settings, settings->credentials));
    }

    FleetLogin::Verdict enter(FleetLogin::VisitPtr visit) {
        return bearerd::test::run_task(context, fleet->enter(std::move(visit), now + 10s));
    }

    void run() {
        context.restart();
        context.run();
    }

    net::asio::io_context context;
    fleet::KeyRing keys;
    TimePoint now{100h};
    fleet::test::FakeStore store{[this] { return now; }};
    std::int64_t wall_ms = 1;
    std::shared_ptr<FleetLogin> fleet = make();
};

/// However long the replica has run, and whether it has asked before.
TEST_F(FleetLoginTest, WaitsForTheStoreForLongerWhileItHasNotBeenReachedSinceTheStart) {
    store.away = true;
    for (const bool reached : {false, false, true}) {
        now += 1h;
        store.reached = reached;
        store.longest_wait = {};
        const auto visit = fleet->begin(false);
        EXPECT_EQ(enter(visit).step.kind, FleetStep::log_in_alone);
        EXPECT_EQ(store.longest_wait, reached ? 100ms : 1s);
        fleet->leave(visit, {});
        run();
    }
}

TEST_F(FleetLoginTest, WaitsNoLongerThanUsualOnceTheStoreHasBeenReached) {
    store.reached = false;
    std::vector<Duration> waits;
    store.refuses = [&](const fleet::Command& command) {
        if (command.front() == "TIME") { // once in each round trip
            waits.push_back(std::exchange(store.longest_wait, Duration{}));
            store.reached = true;
        }
        return false;
    };
    const auto visit = fleet->begin(false);
    EXPECT_EQ(enter(visit).step.kind, FleetStep::log_in);
    EXPECT_EQ(waits, (std::vector<Duration>{1s, 100ms, 100ms}));
    fleet->leave(visit, {});
    run();
}

TEST_F(FleetLoginTest, AStoreThatIsSlowButInTimeStillTellsOfALockThatCameMeanwhile) {
    const auto before = fleet->begin(false);
    EXPECT_EQ(enter(before).step.kind, FleetStep::log_in);
    fleet->leave(before, rejection());
    run();
    now += 31s;
    store.refuses = [this](const fleet::Command& command) {
        if (command.front() == "TIME") // once in each round trip
            now += 90ms;
        if (command.front() == "SET") // the lease's former owner was rejected
            store.keep("next_try", 30s);
        return false;
    };
    const auto visit = fleet->begin(false);
    EXPECT_EQ(enter(visit).step.kind, FleetStep::locked);
    run();
}

TEST_F(FleetLoginTest, ALoginAloneIsStoredWithItsTimeOnTheStoresClock) {
    const auto ms = [](TimePoint time) {
        return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
    };
    wall_ms = ms(now) + 60'000; // it is ahead
    store.away = true;
    const auto visit = fleet->begin(false);
    EXPECT_EQ(enter(visit).step.kind, FleetStep::log_in_alone);
    store.away = false;
    auto report = success();
    const auto logged_in_at = now;
    now += 3s;
    fleet->leave(visit, std::move(report));
    run();
    EXPECT_EQ(store.field("token", "era"), std::to_string(ms(logged_in_at)));
}

/// As if the account was closed in between.
TEST_F(FleetLoginTest, ASuccessUnlocksWhatWasRejectedBeforeAndNotWhatWasRejectedSince) {
    for (const bool is_since : {false, true}) {
        const auto first = make();
        first->change(place("pass-word"));
        store.away = true;
        const auto visit = first->begin(false);
        auto task = first->enter(visit, now + 10s);
        EXPECT_EQ(bearerd::test::run_task(context, std::move(task)).step.kind, FleetStep::log_in_alone);
        store.away = false;
        auto report = success();
        if (is_since)
            now += 3s;
        const auto other = fleet->begin(false);
        EXPECT_EQ(enter(other).step.kind, FleetStep::log_in);
        fleet->leave(other, rejection());
        run();
        now += 1s;
        if (!is_since)
            report = success();
        first->leave(visit, std::move(report));
        run();
        EXPECT_EQ(store.value("rejections"), is_since ? "1" : "");
        EXPECT_EQ(store.value("next_try").empty(), !is_since);
        store.clear();
    }
}

/// As while a changed configuration is rolled out.
TEST_F(FleetLoginTest, ALeaseOfAnotherLengthIsWaitedForUnlessItLastsLongerThanThat) {
    for (const Duration left : {30s, 40s}) {
        fleet->change(place("pass-word", 30s));
        const auto held = fleet->begin(false);
        EXPECT_EQ(enter(held).step.kind, FleetStep::log_in);
        store.keep("lease", left);
        const auto other = make();
        other->change(place("pass-word", 10s));
        store.refuses = [this](const fleet::Command& command) {
            if (command.front() == "SET")
                now += 1s;
            return false;
        };
        auto task = other->enter(other->begin(false), now + 1s);
        EXPECT_EQ(bearerd::test::run_task(context, std::move(task)).step.kind,
                  left == 30s ? FleetStep::give_up : FleetStep::log_in_alone);
        store.refuses = nullptr;
        fleet->leave(held, {});
        other->stop();
        run();
    }
}

TEST_F(FleetLoginTest, ATokenOfTheFormerAccountIsNotStoredAsIfItWereOlderThanAllOthers) {
    const auto visit = fleet->begin(false);
    EXPECT_EQ(enter(visit).step.kind, FleetStep::log_in);
    fleet->leave(visit, success());
    fleet->change(place("another-password")); // before the first command is sent
    run();
    EXPECT_EQ(store.value("token"), "");
    EXPECT_EQ(store.value("lease"), "") << "it is released all the same";
}

/// Whether the store gave it or not: the answer may have been lost.
TEST_F(FleetLoginTest, ALeaseThatMayBeHeldIsReleasedOnceHoweverTheVisitEnds) {
    const auto releases = [this] {
        return std::ranges::count_if(store.commands, [](const fleet::Command& command) {
            return command.size() > 1 && command.at(1).find("'DEL', KEYS[1]") != std::string::npos &&
                   command.at(1).find("PTTL") == std::string::npos;
        });
    };
    for (const bool is_lost : {false, true}) {
        store.commands.clear();
        store.refuses = [is_lost](const fleet::Command& command) {
            return is_lost && command.front() == "SET";
        };
        const auto visit = fleet->begin(false);
        EXPECT_EQ(enter(visit).step.kind, is_lost ? FleetStep::log_in_alone : FleetStep::log_in);
        store.refuses = nullptr;
        fleet->leave(visit, {});
        fleet->leave(visit, {});
        run();
        EXPECT_EQ(releases(), 1);
    }
}

TEST_F(FleetLoginTest, ARejectionOfOtherCredentialsIsNotStoredForTheFormerOnes) {
    const auto visit = fleet->begin(false);
    EXPECT_EQ(enter(visit).step.kind, FleetStep::log_in);
    fleet->change(place("another-password"));
    fleet->leave(visit, rejection());
    run();
    EXPECT_EQ(store.value("rejections"), "");
    EXPECT_EQ(store.value("next_try"), "");
    EXPECT_EQ(store.value("lease"), "") << "it is released all the same";
}

} // namespace
} // namespace bearerd::auth
