#include "fleet_machine.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <vector>

namespace bearerd::auth {
namespace {

using namespace std::chrono_literals;
using FleetStep = FleetMachine::Step::Kind;
using Found = FleetMachine::Found;

constexpr TimePoint start{100h};
constexpr TimePoint deadline = start + 10s;
constexpr Moment at_start{start, 0.0};

Found with_token(TokenVersion version, Duration left = 1h) {
    Found found;
    found.version = version;
    found.left = left;
    return found;
}

/// A machine whose token has this version.
FleetMachine with(TokenVersion version) {
    FleetMachine machine;
    static_cast<void>(machine.begin(deadline));
    static_cast<void>(machine.on_read(with_token(version), at_start));
    machine.adopted();
    return machine;
}

TEST(FleetMachine, TakesTheLeaseAndReadsOnceMoreBeforeItLogsIn) {
    FleetMachine machine;
    EXPECT_EQ(machine.begin(deadline).kind, FleetStep::read);
    EXPECT_EQ(machine.on_read({}, at_start).kind, FleetStep::take_lease);
    EXPECT_EQ(machine.on_lease(true, 5000, at_start).kind, FleetStep::read);
    EXPECT_EQ(machine.on_read({}, at_start).kind, FleetStep::log_in);
    EXPECT_EQ(machine.logged_in(77, 0), (TokenVersion{5000, 77, 0}));
}

TEST(FleetMachine, AWinnerAdoptsWhatAnotherOneHasFinishedMeanwhile) {
    FleetMachine machine;
    static_cast<void>(machine.begin(deadline));
    static_cast<void>(machine.on_read({}, at_start));
    static_cast<void>(machine.on_lease(true, 5000, at_start));
    EXPECT_EQ(machine.on_read(with_token({4000, 0, 0}), at_start).kind, FleetStep::adopt);
    machine.adopted();
    EXPECT_EQ(machine.mine(), (TokenVersion{4000, 0, 0}));
}

TEST(FleetMachine, WithoutTheLeaseItLooksAgainWithJitterUntilItsDeadline) {
    FleetMachine machine;
    static_cast<void>(machine.begin(deadline));
    static_cast<void>(machine.on_read({}, at_start));
    auto step = machine.on_lease(false, 0, {start, 0.0});
    EXPECT_EQ(step.kind, FleetStep::wait);
    EXPECT_EQ(step.delay, 50ms);
    EXPECT_EQ(machine.on_waited().kind, FleetStep::read);
    static_cast<void>(machine.on_read({}, at_start));
    EXPECT_EQ(machine.on_lease(false, 0, {start, 0.5}).delay, 100ms);
    static_cast<void>(machine.on_waited());
    static_cast<void>(machine.on_read({}, at_start));
    EXPECT_EQ(machine.on_lease(false, 0, {deadline - 10ms, 0.5}).delay, 10ms);
    static_cast<void>(machine.on_waited());
    EXPECT_EQ(machine.on_read({}, {deadline, 0.0}).kind, FleetStep::give_up);
}

TEST(FleetMachine, AdoptsANewerTokenOnly) {
    struct Row {
        const char* what;
        TokenVersion mine;
        Found found;
        bool adopted;
    };

    auto current = with_token({9, 0, 0});
    current.is_current = true;
    const Row table[]{
        {"a later login's", {5, 100, 0}, with_token({6, 90, 0}), true},
        {"the same login's, issued later", {5, 100, 0}, with_token({5, 101, 0}), true},
        {"after more swaps", {5, 0, 2}, with_token({5, 0, 3}), true},
        {"the same", {5, 100, 1}, with_token({5, 100, 1}), false},
        {"an earlier login's, though issued later", {5, 100, 0}, with_token({4, 200, 9}), false},
        {"issued earlier", {5, 100, 0}, with_token({5, 99, 9}), false},
        {"after fewer swaps", {5, 0, 2}, with_token({5, 0, 1}), false},
        {"one that is about to end", {5, 0, 0}, with_token({6, 0, 0}, 999ms), false},
        {"none that could be opened", {5, 0, 0}, {}, false},
        {"the one that it has", {5, 0, 0}, current, false},
    };
    for (const Row& row : table) {
        FleetMachine machine = with(row.mine);
        static_cast<void>(machine.begin(deadline));
        EXPECT_EQ(machine.on_read(row.found, at_start).kind,
                  row.adopted ? FleetStep::adopt : FleetStep::take_lease)
            << row.what;
    }
}

TEST(FleetMachine, TheSameTokenIsAdoptedAgainIfALaterLoginBroughtItAndNothingHasRefusedIt) {
    struct Row {
        const char* what;
        TokenVersion mine;
        TokenVersion found;
        bool renews;
        bool adopted;
    };

    const Row table[]{{"of a later login", {5, 0, 0}, {6, 0, 0}, true, true},
                      {"refused", {5, 0, 0}, {6, 0, 0}, false, false},
                      {"of the same login", {5, 0, 0}, {5, 0, 1}, true, false},
                      {"of an earlier login", {5, 0, 0}, {4, 0, 0}, true, false}};
    for (const Row& row : table) {
        FleetMachine machine = with(row.mine);
        Found found = with_token(row.found);
        found.is_current = true;
        static_cast<void>(machine.begin(deadline, row.renews));
        EXPECT_EQ(machine.on_read(found, at_start).kind,
                  row.adopted ? FleetStep::adopt : FleetStep::take_lease)
            << row.what;
    }
    FleetMachine restored; // it is not known which login its token is of
    Found found = with_token({6, 0, 0});
    found.is_current = true;
    static_cast<void>(restored.begin(deadline, true));
    EXPECT_EQ(restored.on_read(found, at_start).kind, FleetStep::take_lease);
}

TEST(FleetMachine, NobodyLogsInWhileTheFleetIsLockedOut) {
    FleetMachine machine;
    Found found;
    found.rejections = 3;
    found.next_try = 40s;
    static_cast<void>(machine.begin(deadline));
    const auto step = machine.on_read(found, at_start);
    EXPECT_EQ(step.kind, FleetStep::locked);
    EXPECT_EQ(step.delay, 40s);
    EXPECT_EQ(machine.rejections(), 3U);
    found.next_try.reset(); // over, but counted
    static_cast<void>(machine.begin(deadline));
    EXPECT_EQ(machine.on_read(found, at_start).kind, FleetStep::take_lease);
    EXPECT_EQ(machine.rejections(), 3U);
}

TEST(FleetMachine, NobodyLogsInWhileTheUpstreamAsksToWait) {
    FleetMachine machine;
    Found found;
    found.retry_after = 40s;
    static_cast<void>(machine.begin(deadline));
    const auto step = machine.on_read(found, at_start);
    EXPECT_EQ(step.kind, FleetStep::put_off);
    EXPECT_EQ(step.delay, 40s);
    found.next_try = 10s;
    static_cast<void>(machine.begin(deadline));
    EXPECT_EQ(machine.on_read(found, at_start).kind, FleetStep::locked)
        << "a wrong password is the news that matters";
}

TEST(FleetMachine, ANewerTokenIsAdoptedThoughLoginsAreLocked) {
    struct Row {
        TokenVersion mine;
        TokenVersion found;
        FleetStep kind;
    };

    const Row table[]{{{}, {9, 0, 0}, FleetStep::adopt},
                      {{5, 0, 0}, {9, 0, 0}, FleetStep::adopt},
                      {{9, 0, 0}, {9, 0, 0}, FleetStep::locked},
                      {{9, 0, 0}, {5, 0, 0}, FleetStep::locked}};
    for (const Row& row : table) {
        FleetMachine machine = with(row.mine);
        Found found = with_token(row.found);
        found.next_try = 40s;
        static_cast<void>(machine.begin(deadline));
        EXPECT_EQ(machine.on_read(found, at_start).kind, row.kind) << row.mine.era << ' ' << row.found.era;
    }
}

TEST(FleetMachine, ATokenWithoutAnEraIsReplacedByOneThatWasIssuedLaterOnly) {
    struct Row {
        const char* what;
        std::int64_t mine;
        std::int64_t found;
        bool adopted;
    };

    const Row table[]{{"issued later", 100, 101, true},
                      {"issued earlier, as of a copy of the store", 100, 99, false},
                      {"issued at the same time", 100, 100, true},
                      {"mine does not say", 0, 99, true},
                      {"the other one does not say", 100, 0, true}};
    for (const Row& row : table) {
        FleetMachine machine; // the token comes from the token store's file
        static_cast<void>(machine.swapped(row.mine));
        static_cast<void>(machine.begin(deadline));
        EXPECT_EQ(machine.on_read(with_token({5000, row.found, 0}), at_start).kind,
                  row.adopted ? FleetStep::adopt : FleetStep::take_lease)
            << row.what;
    }
}

TEST(FleetMachine, VersionsStayWhereTheStoreComparesThemExactly) {
    constexpr auto largest = TokenVersion::largest;
    FleetMachine machine = with({largest, largest, largest});
    static_cast<void>(machine.begin(deadline));
    static_cast<void>(machine.on_no_answer());
    EXPECT_TRUE(machine.logged_in(1, INT64_MAX).is_in_range());
    const TokenVersion wrong[]{{largest + 1, 0, 0}, {-1, 0, 0}, {0, largest + 1, 0}, {0, 0, -1}};
    for (const TokenVersion& version : wrong)
        EXPECT_FALSE(version.is_in_range());
}

TEST(FleetMachine, AnOpaqueTokenOfALoginAloneIsOrderedByTheClockOfItsMachine) {
    FleetMachine first;
    FleetMachine second;
    for (FleetMachine* const machine : {&first, &second}) {
        static_cast<void>(machine->begin(deadline));
        static_cast<void>(machine->on_no_answer());
    }
    const auto earlier = first.logged_in(0, 6000);
    EXPECT_LT(earlier, second.logged_in(0, 7000));
    static_cast<void>(first.begin(deadline));
    static_cast<void>(first.on_no_answer());
    EXPECT_LT(earlier, first.logged_in(0, 5000)) << "also if that clock is set back";
}

TEST(FleetMachine, WithoutTheStoreItLogsInAlone) {
    FleetMachine machine;
    static_cast<void>(machine.begin(deadline));
    EXPECT_EQ(machine.on_no_answer().kind, FleetStep::log_in_alone);
    static_cast<void>(machine.begin(deadline));
    static_cast<void>(machine.on_read({}, at_start));
    EXPECT_EQ(machine.on_no_answer().kind, FleetStep::log_in_alone);
    static_cast<void>(machine.begin(deadline));
    static_cast<void>(machine.on_read({}, at_start));
    static_cast<void>(machine.on_lease(true, 5000, at_start));
    EXPECT_EQ(machine.on_no_answer().kind, FleetStep::log_in) << "with the lease that it has";
}

TEST(FleetMachine, ARenewalWithoutTheStoreMayWait) {
    FleetMachine machine;
    static_cast<void>(machine.begin(deadline, true));
    EXPECT_EQ(machine.on_no_answer().kind, FleetStep::later);
    static_cast<void>(machine.begin(deadline, true));
    static_cast<void>(machine.on_read({}, at_start));
    EXPECT_EQ(machine.on_no_answer().kind, FleetStep::later);
    static_cast<void>(machine.begin(deadline, true));
    static_cast<void>(machine.on_read({}, at_start));
    static_cast<void>(machine.on_lease(true, 5000, at_start));
    EXPECT_EQ(machine.on_no_answer().kind, FleetStep::log_in) << "nobody else can";
}

TEST(FleetMachine, ALoginAloneIsNewerThanWhatTheStoreHadBefore) {
    FleetMachine machine = with({5, 100, 0});
    static_cast<void>(machine.begin(deadline));
    static_cast<void>(machine.on_no_answer());
    EXPECT_GT(machine.logged_in(200, 0), (TokenVersion{5, 100, 0}));
    static_cast<void>(machine.begin(deadline));
    EXPECT_EQ(machine.on_read(with_token({5, 100, 0}), at_start).kind, FleetStep::take_lease);
    // Others have logged in meanwhile: the upstream's clock tells which token is newer.
    static_cast<void>(machine.begin(deadline));
    EXPECT_EQ(machine.on_read(with_token({9, 199, 0}), at_start).kind, FleetStep::take_lease);
    static_cast<void>(machine.begin(deadline));
    EXPECT_EQ(machine.on_read(with_token({9, 201, 0}), at_start).kind, FleetStep::adopt);
}

TEST(FleetMachine, ALoginAloneIsOrderedByTheClockOfTheStoreOnceThatIsKnown) {
    FleetMachine machine;
    static_cast<void>(machine.begin(deadline));
    static_cast<void>(machine.on_no_answer());
    static_cast<void>(machine.logged_in(0, 9000)); // this machine's clock is ahead
    EXPECT_TRUE(machine.is_alone());
    EXPECT_EQ(machine.dated(4000), (TokenVersion{4000, 0, 0}));
    EXPECT_FALSE(machine.is_alone());
    static_cast<void>(machine.begin(deadline));
    EXPECT_EQ(machine.on_read(with_token({5000, 0, 0}), at_start).kind, FleetStep::adopt);
    machine.adopted();
    static_cast<void>(machine.begin(deadline));
    static_cast<void>(machine.on_no_answer());
    static_cast<void>(machine.logged_in(0, 1));
    EXPECT_EQ(machine.dated(4000), (TokenVersion{5001, 0, 0})) << "later than what it knew then";
}

TEST(FleetMachine, AfterALoginAloneAnAdoptedTokenHasItsEraAgain) {
    FleetMachine machine;
    static_cast<void>(machine.begin(deadline));
    static_cast<void>(machine.on_no_answer());
    static_cast<void>(machine.logged_in(100, 5000));
    static_cast<void>(machine.begin(deadline));
    EXPECT_EQ(machine.on_read(with_token({6000, 200, 0}), at_start).kind, FleetStep::adopt);
    machine.adopted();
    static_cast<void>(machine.begin(deadline));
    EXPECT_EQ(machine.on_read(with_token({5500, 300, 0}), at_start).kind, FleetStep::take_lease)
        << "of an earlier login, though issued later";
}

TEST(FleetMachine, ALoginAfterTheStoreWasEmptiedIsNewerThanThoseBefore) {
    FleetMachine known = with({5000, 0, 3});
    FleetMachine fresh;
    static_cast<void>(fresh.begin(deadline));
    static_cast<void>(fresh.on_read({}, at_start));
    static_cast<void>(fresh.on_lease(true, 6000, at_start)); // the store's clock goes on
    static_cast<void>(fresh.on_read({}, at_start));
    const auto version = fresh.logged_in(0, 0);
    static_cast<void>(known.begin(deadline));
    EXPECT_EQ(known.on_read(with_token(version), at_start).kind, FleetStep::adopt);
}

TEST(FleetMachine, ALoginThatWasStoppedForLongerThanTheLeaseIsOlderThanTheOneAfterIt) {
    FleetMachine stopped;
    static_cast<void>(stopped.begin(deadline));
    static_cast<void>(stopped.on_read(with_token({1, 0, 0}, 0s), at_start));
    static_cast<void>(stopped.on_lease(true, 5000, at_start));
    static_cast<void>(stopped.on_read(with_token({1, 0, 0}, 0s), at_start));
    FleetMachine next; // once the lease is over
    static_cast<void>(next.begin(deadline));
    static_cast<void>(next.on_read(with_token({1, 0, 0}, 0s), at_start));
    static_cast<void>(next.on_lease(true, 15'001, at_start));
    static_cast<void>(next.on_read(with_token({1, 0, 0}, 0s), at_start));
    const auto newer = next.logged_in(100, 0);
    EXPECT_LT(stopped.logged_in(200, 0), newer) << "whatever its token says";
}

TEST(FleetMachine, SwapsAreNewerThanTheirLoginAndOlderThanTheNext) {
    FleetMachine machine = with({5, 100, 0});
    const auto first = machine.swapped(100);
    const auto second = machine.swapped(0);
    EXPECT_GT(first, (TokenVersion{5, 100, 0}));
    EXPECT_GT(second, first);
    EXPECT_LT(second, (TokenVersion{6, 0, 0}));
}

/// Random replicas over a model of the store: leases end, answers are lost, the store is emptied.
TEST(FleetMachine, StoredVersionsOnlyGrowAndLeasesAreNeverSharedWhateverHappens) {
    struct Replica {
        FleetMachine machine;
        FleetMachine::Step step;
        bool visiting = false;
        std::uint32_t lease = 0; ///< its number
    };

    for (unsigned seed = 0; seed < 300; ++seed) {
        std::minstd_rand dice{seed + 1};
        const auto roll = [&dice](unsigned sides) {
            return std::uniform_int_distribution<unsigned>{0, sides - 1}(dice);
        };
        std::vector<Replica> replicas(5);
        std::int64_t clock_ms = 1000;
        std::uint32_t leases = 0;
        std::uint32_t holder = 0; // the lease that runs; 0: none
        std::optional<TokenVersion> stored;
        for (int turn = 0; turn < 2000; ++turn) {
            clock_ms += 1 + roll(20);
            Replica& replica = replicas[roll(5)];
            const Moment at{start + std::chrono::milliseconds{clock_ms}, 0.5};
            if (roll(50) == 0)
                holder = 0; // it has expired: its owner was stopped
            if (!replica.visiting) {
                replica.step = replica.machine.begin(at.now + 10s);
                replica.visiting = true;
                replica.lease = 0;
                continue;
            }
            Found found;
            if (stored)
                found = with_token(*stored);
            switch (replica.step.kind) {
            case FleetStep::read:
                replica.step =
                    roll(30) == 0 ? replica.machine.on_no_answer() : replica.machine.on_read(found, at);
                break;
            case FleetStep::take_lease:
                if (holder == 0)
                    holder = replica.lease = ++leases;
                if (roll(30) == 0)
                    replica.step = replica.machine.on_no_answer();
                else
                    replica.step = replica.machine.on_lease(replica.lease != 0, clock_ms, at);
                break;
            case FleetStep::wait:
                replica.step = replica.machine.on_waited();
                break;
            case FleetStep::adopt:
                EXPECT_GT(found.version.value_or(TokenVersion{}), (TokenVersion{}));
                replica.machine.adopted();
                replica.visiting = false;
                break;
            case FleetStep::log_in:
                EXPECT_NE(replica.lease, 0U);
                [[fallthrough]];
            case FleetStep::log_in_alone: {
                const auto before = replica.machine.mine();
                const auto version = replica.machine.logged_in(0, 0);
                EXPECT_GT(version, before) << seed;
                if (!stored || version > *stored)
                    stored = version; // compare-and-set
                replica.visiting = false;
                break;
            }
            default:
                replica.visiting = false;
            }
            if (!replica.visiting && replica.lease != 0 && replica.lease == holder)
                holder = 0; // compare-and-delete
        }
    }
}

} // namespace
} // namespace bearerd::auth
