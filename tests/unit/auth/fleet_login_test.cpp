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
    FleetLoginTest() {
        FleetLogin::World world;
        world.clock = [this] { return now; };
        world.jitter = [] { return 0.0; };
        world.current = [] { return StoreWriter::TokenInUse{}; };
        fleet = std::make_shared<FleetLogin>(context.get_executor(), store, std::move(world));
        fleet->change(place("pass-word"));
    }

    static FleetLogin::PlacePtr place(const std::string& password) {
        test::Options options;
        options.password = password;
        const auto settings = test::settings(options);
        return FleetLogin::place_of(*settings, settings->credentials);
    }

    FleetLogin::Verdict enter(FleetLogin::VisitPtr visit) {
        return bearerd::test::run_task(context, fleet->enter(std::move(visit), now + 10s));
    }

    void run() {
        context.restart();
        context.run();
    }

    net::asio::io_context context;
    TimePoint now{100h};
    fleet::test::FakeStore store{[this] { return now; }};
    std::shared_ptr<FleetLogin> fleet;
};

TEST_F(FleetLoginTest, OnlyALoginRightAfterTheStartWaitsForTheStoreForLonger) {
    for (const Duration age : {Duration{4s}, Duration{6s}}) {
        FleetLogin::World world;
        world.clock = [this] { return now; };
        world.jitter = [] { return 0.0; };
        world.current = [] { return StoreWriter::TokenInUse{}; };
        fleet = std::make_shared<FleetLogin>(context.get_executor(), store, std::move(world));
        fleet->change(place("pass-word"));
        now += age;
        store.away = true;
        store.longest_wait = {};
        const auto visit = fleet->begin(false);
        EXPECT_EQ(enter(visit).step.kind, FleetStep::log_in_alone);
        EXPECT_EQ(store.longest_wait, age < Duration{5s} ? 1s : 100ms);
        fleet->leave(visit, {});
        run();
    }
}

TEST_F(FleetLoginTest, AStoreThatIsSlowButInTimeStillTellsOfALockThatCameMeanwhile) {
    const auto before = fleet->begin(false);
    EXPECT_EQ(enter(before).step.kind, FleetStep::log_in);
    FleetLogin::Report report;
    report.kind = FleetLogin::Report::Kind::rejected;
    report.rejections = 1;
    report.next_try = 30s;
    fleet->leave(before, report);
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

TEST_F(FleetLoginTest, ARejectionOfOtherCredentialsIsNotStoredForTheFormerOnes) {
    const auto visit = fleet->begin(false);
    EXPECT_EQ(enter(visit).step.kind, FleetStep::log_in);
    fleet->change(place("another-password"));
    FleetLogin::Report report;
    report.kind = FleetLogin::Report::Kind::rejected;
    report.rejections = 1;
    report.next_try = 30s;
    fleet->leave(visit, report);
    run();
    EXPECT_EQ(store.value("rejections"), "");
    EXPECT_EQ(store.value("next_try"), "");
    EXPECT_EQ(store.value("lease"), "") << "it is released all the same";
}

} // namespace
} // namespace bearerd::auth
