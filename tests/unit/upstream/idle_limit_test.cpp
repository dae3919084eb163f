#include <bearerd/upstream/idle_limit.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace bearerd::upstream {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint begin{1000h};
constexpr std::optional<Duration> none;

TEST(MutationRule, SaysWhichIdleConnectionMayCarryAMutation) {
    struct Row {
        const char* what;
        IdleFacts facts;
        Duration recent;
        bool may;
    };

    const Row rows[] = {
        {"used just now", {1s, none, {}, false}, 2s, true},
        {"used just now, through a proxy", {1s, none, {}, true}, 2s, true},
        {"used at the bound", {2s, none, {}, false}, 2s, true},
        {"nothing known", {3s, 1s, {}, false}, 2s, false},
        {"heard, and others lived long", {3s, 1s, {none, 30s}, false}, 2s, true},
        {"not heard lately", {3s, 2500ms, {none, 30s}, false}, 2s, false},
        {"the kernel does not say", {3s, none, {none, 30s}, false}, 2s, false},
        {"the proxy was heard", {3s, 1s, {none, 30s}, true}, 2s, false},
        {"at 0.7 of what others lived", {21s, 1s, {none, 30s}, false}, 2s, true},
        {"past 0.7 of what others lived", {21001ms, 1s, {none, 30s}, false}, 2s, false},
        {"at 0.7 of the limit", {7s, 1s, {10s, none}, false}, 2s, true},
        {"past 0.7 of the limit", {7001ms, 1s, {10s, none}, false}, 2s, false},
        {"the limit counts, however long others lived", {8s, 1s, {10s, 60s}, false}, 2s, false},
        {"the limit counts for what was used just now", {800ms, none, {1s, none}, false}, 2s, false},
        {"and below it the old rule holds", {600ms, none, {1s, none}, false}, 2s, true},
        {"a short life of others forbids nothing", {1800ms, none, {none, 1s}, false}, 2s, true},
        {"closed at once", {1ms, 0s, {0s, none}, false}, 2s, false},
        {"never reused", {1s, 0s, {none, 30s}, false}, 0s, true},
        {"never reused, a millisecond ago", {1s, 1ms, {none, 30s}, false}, 0s, false},
    };
    for (const Row& row : rows)
        EXPECT_EQ(may_carry_mutation(row.facts, row.recent), row.may) << row.what;
}

TEST(MutationRule, AllowsWhatTheUsableAgeSays) {
    EXPECT_EQ(usable_age({}, 2s), 2s);
    EXPECT_EQ(usable_age({none, 1s}, 2s), 2s);
    EXPECT_EQ(usable_age({none, 30s}, 2s), 21s);
    EXPECT_EQ(usable_age({1s, 30s}, 2s), 700ms);
    EXPECT_EQ(usable_age({60s, none}, 2s), 42s);
}

TEST(KeepAliveField, ItsTimeoutIsRead) {
    struct Row {
        std::string_view value;
        std::optional<Duration> timeout;
    };

    const Row rows[] = {
        {"timeout=5", 5s},
        {"timeout=5, max=100", 5s},
        {"max=100, timeout=75", 75s},
        {" max=1 ,\tTimeOut = 20 ", 20s},
        {"timeout=0", 0s},
        {"timeout=99999999999999999999999", 24h},
        {"timeout=100000", 24h},
        {"", none},
        {"max=100", none},
        {"timeout", none},
        {"timeout=", none},
        {"timeout=-5", none},
        {"timeout=5s", none},
        {"timeout=\"5\"", none},
        {"xtimeout=5", none},
        {",,=,", none},
    };
    for (const Row& row : rows)
        EXPECT_EQ(keep_alive_timeout(row.value), row.timeout) << row.value;
}

TEST(IdleLimit, KnowsNothingAtFirst) {
    const IdleLimit limit;
    EXPECT_EQ(limit.known(begin).closes_at, none);
    EXPECT_EQ(limit.known(begin).survived_for, none);
}

TEST(IdleLimit, TheSmallestLimitToldOrSeenCounts) {
    IdleLimit limit;
    limit.told(20s, begin);
    EXPECT_EQ(limit.known(begin).closes_at, 20s);
    limit.closed(15s, begin);
    EXPECT_EQ(limit.known(begin).closes_at, 15s);
    limit.closed(16s, begin);
    EXPECT_EQ(limit.known(begin).closes_at, 15s);
    limit.told(5s, begin);
    EXPECT_EQ(limit.known(begin).closes_at, 5s);
    limit.told(75s, begin + 1min); // by another server at the same address
    EXPECT_EQ(limit.known(begin + 1min).closes_at, 5s);
    limit.told(75s, begin + 61min); // nobody has said less for an hour
    EXPECT_EQ(limit.known(begin + 61min).closes_at, 75s);
}

TEST(ToldLimit, IsHandedOnIfItChangesAndOnceAMinute) {
    ToldLimit told;
    EXPECT_TRUE(told.is_news(5s, begin));
    EXPECT_FALSE(told.is_news(5s, begin));
    EXPECT_TRUE(told.is_news(7s, begin + 1s));
    EXPECT_TRUE(told.is_news(5s, begin + 2s));
    EXPECT_FALSE(told.is_news(5s, begin + 61999ms));
    EXPECT_TRUE(told.is_news(5s, begin + 62s));
    EXPECT_FALSE(told.is_news(5s, begin + 63s));
}

/// Two servers behind one address. The one that announces 5 s all day must not be overruled by the other.
TEST(ToldLimit, OfABusyConnectionKeepsTheSmallestOneForHours) {
    IdleLimit limit;
    ToldLimit small;
    ToldLimit great;
    for (TimePoint now = begin; now < begin + 3h; now += 10s) {
        if (small.is_news(5s, now))
            limit.told(5s, now);
        if (great.is_news(75s, now))
            limit.told(75s, now);
        ASSERT_EQ(limit.known(now).closes_at, 5s) << (now - begin) / 1s;
    }
}

TEST(IdleLimit, TheGreatestAgeSurvivedCounts) {
    IdleLimit limit;
    limit.survived(3s, 0s);
    limit.survived(10s, 3s);
    limit.survived(4s, 0s);
    EXPECT_EQ(limit.known(begin).survived_for, 10s);
}

TEST(IdleLimit, ACloseEndsWhatWasSurvivedBefore) {
    IdleLimit limit;
    limit.survived(30s, 0s);
    limit.closed(5s, begin);
    EXPECT_EQ(limit.known(begin).survived_for, 5s);
    EXPECT_EQ(limit.known(begin + 59min).closes_at, 5s);
    EXPECT_EQ(limit.known(begin + 1h).closes_at, none) << "forgotten";
    EXPECT_EQ(limit.known(begin + 1h).survived_for, 5s);
}

TEST(IdleLimit, ACloseThatTenInARowOutliveWasNoHabit) {
    IdleLimit limit;
    limit.closed(3s, begin);
    for (int i = 0; i < 9; ++i)
        limit.survived(30s, 0s);
    EXPECT_EQ(limit.known(begin).closes_at, 3s);
    limit.survived(30s, 0s);
    EXPECT_EQ(limit.known(begin).closes_at, none);
    EXPECT_EQ(limit.known(begin).survived_for, 30s);
}

TEST(IdleLimit, AConnectionSpeaksAgainstACloseOnce) {
    IdleLimit limit;
    limit.closed(3s, begin);
    for (int age = 4; age < 30; ++age)
        limit.survived(std::chrono::seconds{age}, std::chrono::seconds{age - 1});
    EXPECT_EQ(limit.known(begin).closes_at, 3s);
}

TEST(IdleLimit, WhatLivedHardlyLongerSpeaksAgainstNoClose) {
    IdleLimit limit;
    limit.closed(10s, begin);
    for (int i = 0; i < 20; ++i)
        limit.survived(12s, 0s);
    EXPECT_EQ(limit.known(begin).closes_at, 10s);
}

TEST(IdleLimit, AnotherEarlyCloseStartsTheCountAgain) {
    IdleLimit limit;
    limit.closed(3s, begin);
    for (int i = 0; i < 9; ++i)
        limit.survived(30s, 0s);
    limit.closed(2s, begin);
    for (int i = 0; i < 9; ++i)
        limit.survived(30s, 0s);
    EXPECT_EQ(limit.known(begin).closes_at, 2s);
    limit.survived(2500ms, 0s); // outlives the second one only
    EXPECT_EQ(limit.known(begin).closes_at, 3s);
    limit.survived(30s, 0s);
    EXPECT_EQ(limit.known(begin).closes_at, none);
}

TEST(IdleLimit, OfManyClosesTheSmallestAreRemembered) {
    IdleLimit limit;
    for (int i = 100; i > 0; --i)
        limit.closed(std::chrono::seconds{i}, begin);
    EXPECT_EQ(limit.known(begin).closes_at, 1s);
    for (int i = 0; i < 10; ++i)
        limit.survived(3s, 0s); // outlives 1 s and 2 s
    EXPECT_EQ(limit.known(begin).closes_at, 3s);
    // What is forgotten makes room, however small.
    limit.closed(50s, begin + 2h);
    EXPECT_EQ(limit.known(begin + 2h).closes_at, 50s);
}

TEST(IdleLimits, AddressesAndKindsAreKeptApart) {
    using Address = IdleLimits::Address;
    const Address one{boost::asio::ip::make_address("127.0.0.1"), 1};
    const Address two{boost::asio::ip::make_address("127.0.0.1"), 2};
    IdleLimits limits;
    EXPECT_TRUE(limits.surely_below(24h));
    limits.closed(one, IdleKind::unused, 10s, begin);
    limits.told(one, 20s, begin);
    limits.survived(two, IdleKind::used, 5s, 0s, begin);
    EXPECT_EQ(limits.known(one, IdleKind::unused, begin).closes_at, 10s);
    EXPECT_EQ(limits.known(one, IdleKind::used, begin).closes_at, 20s)
        << "the announced limit counts from an answer";
    EXPECT_EQ(limits.known(two, IdleKind::used, begin).closes_at, none);
    EXPECT_EQ(limits.known(two, IdleKind::used, begin).survived_for, 5s);
    EXPECT_TRUE(limits.surely_below(7s));
    EXPECT_FALSE(limits.surely_below(7001ms));
    EXPECT_EQ(limits.least(IdleKind::used, begin).closes_at, 20s);
    EXPECT_EQ(limits.least(IdleKind::used, begin).survived_for, 5s);
    EXPECT_EQ(limits.least(IdleKind::used, begin + 2h).closes_at, none) << "nobody has used it for long";
}

TEST(IdleLimits, OfManyAddressesTheLatestAreRemembered) {
    const auto address = [](std::uint16_t port) {
        return IdleLimits::Address{boost::asio::ip::make_address("127.0.0.1"), port};
    };
    IdleLimits limits;
    for (std::uint16_t port = 1; port <= 1000; ++port)
        limits.survived(address(port), IdleKind::used, 5s, 0s, begin + std::chrono::seconds{port});
    const TimePoint end = begin + 1001s;
    EXPECT_EQ(limits.known(address(984), IdleKind::used, end).survived_for, none);
    EXPECT_EQ(limits.known(address(985), IdleKind::used, end).survived_for, 5s);
    EXPECT_EQ(limits.known(address(1000), IdleKind::used, end).survived_for, 5s);
}

} // namespace
} // namespace bearerd::upstream
