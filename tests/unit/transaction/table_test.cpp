#include <bearerd/transaction/table.hpp>

#include "unit/allocation.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

namespace bearerd::transaction {
namespace {

using outcome::Executed;
using namespace std::chrono_literals;
using Kind = Decision::Kind;

constexpr TimePoint start_of_test{1'000s};

struct CountingWaiter final : Waiter {
    void wake() noexcept override { ++woken; }

    int woken = 0;
};

Digest digest(std::uint8_t first) {
    Digest value{};
    value[0] = first;
    return value;
}

class TableTest : public testing::Test {
public:
    static Reading reading(std::uint8_t key, std::uint8_t values = 1) {
        Reading value;
        value.identities = {digest(key)};
        value.fingerprint = digest(values);
        return value;
    }

    Decision claim(const Reading& what, std::string_view id = "again") {
        return table.claim(what, id, 0, now, waiter);
    }

    Decision claim(std::uint8_t key, std::uint8_t values = 1, std::string_view id = "again") {
        return claim(reading(key, values), id);
    }

    static AnswerPtr answer(std::size_t size = 10) {
        auto value = std::make_shared<Answer>();
        value->body.assign(size, 'x');
        return value;
    }

    void settle(const RecordPtr& record, Executed executed, AnswerPtr what = nullptr,
                bool nothing_ran = false) {
        Settlement how;
        how.executed = executed;
        how.nothing_ran = nothing_ran;
        how.answer = std::move(what);
        how.keep_answer = true;
        table.settle(record, how, now);
    }

    Table table{{.remember = 24h, .replay_memory = 1000}};
    TimePoint now = start_of_test;
    std::shared_ptr<CountingWaiter> waiter = std::make_shared<CountingWaiter>();
};

struct NotingHolder final : ClaimHolder {
    void settled(Executed executed, std::string_view) noexcept override { last = executed; }

    std::optional<Executed> last;
};

TEST_F(TableTest, KnowsWhatIsFoundAfterItWasClosedAsNotExecuted) {
    for (const bool claimed_again : {false, true}) {
        const std::uint8_t key = claimed_again ? 2 : 1;
        const auto holder = std::make_shared<NotingHolder>();
        const Decision first = claim(key, 1, "first");
        table.share(first.record, holder, "first", 0);
        settle(first.record, Executed::unknown);
        const Decision asked = claim(key);
        ASSERT_EQ(asked.kind, Kind::look_up);
        Restored closed;
        closed.identities = {digest(key)};
        closed.executed = Executed::no;
        table.close(std::move(closed), now);
        EXPECT_EQ(holder->last, Executed::no);
        if (claimed_again) {
            EXPECT_EQ(claim(key).kind, Kind::first);
        }
        table.looked_up(asked.record, {.conclusive = true, .found = "7"}, now);
        EXPECT_EQ(holder->last, Executed::yes);
        EXPECT_EQ(claim(key).kind, claimed_again ? Kind::wait : Kind::already_executed);
    }
}

TEST_F(TableTest, CallsNothingNewBeforeItsHistoryIsComplete) {
    using History = Table::History;
    settle(claim(1).record, Executed::yes, answer());
    table.set_history(History::unread);
    EXPECT_EQ(claim(1).kind, Kind::replay);
    EXPECT_EQ(claim(1, 2).kind, Kind::key_reused);
    EXPECT_EQ(claim(2).kind, Kind::wait_for_journal);
    EXPECT_FALSE(claim(2).not_sent_before);
    table.set_history(History::read);
    EXPECT_TRUE(claim(2).not_sent_before);
    EXPECT_EQ(table.size(), 1U);
    EXPECT_EQ(waiter->woken, 0);
    Restored former;
    former.identities = {digest(2)};
    former.executed = Executed::yes;
    EXPECT_EQ(table.restore({std::move(former)}, now), 0U);
    table.set_history(History::complete);
    EXPECT_EQ(waiter->woken, 3);
    const auto woken = table.decision_of(*waiter);
    ASSERT_TRUE(woken);
    EXPECT_EQ(woken->kind, Kind::again);
    EXPECT_EQ(claim(2).kind, Kind::look_up);
    EXPECT_EQ(claim(3).kind, Kind::first);
}

// A journal that is opened late is read once more: meanwhile another process or a person may have changed it.
TEST_F(TableTest, KnowsWhatALaterReadingSaysOfWhatWasUnknown) {
    const auto restored = [](std::uint8_t key, Executed executed) {
        Restored former;
        former.identities = {digest(key)};
        former.executed = executed;
        return former;
    };
    table.set_history(Table::History::read);
    for (const std::uint8_t key : {std::uint8_t{1}, std::uint8_t{2}, std::uint8_t{3}, std::uint8_t{4}})
        ASSERT_EQ(table.restore({restored(key, Executed::unknown)}, now), 0U);
    for (const std::uint8_t key : {std::uint8_t{5}, std::uint8_t{6}})
        ASSERT_EQ(table.restore({restored(key, Executed::yes)}, now), 0U);
    const Decision asked = claim(3);
    ASSERT_EQ(asked.kind, Kind::look_up);
    EXPECT_EQ(table.restore_again({restored(1, Executed::no), restored(2, Executed::yes),
                                   restored(3, Executed::unknown), restored(6, Executed::no)},
                                  now),
              0U);
    table.set_history(Table::History::complete);
    EXPECT_EQ(claim(1).kind, Kind::first) << "closed as not executed";
    const auto state = [&](std::uint8_t key) { return table.find(digest(key), now)->state; };
    EXPECT_EQ(state(2), Seen::State::executed);
    EXPECT_EQ(state(4), Seen::State::unknown) << "not named: it stays";
    EXPECT_EQ(state(5), Seen::State::executed) << "not named: it stays";
    EXPECT_EQ(state(6), Seen::State::executed) << "an executed one is never free";
    table.looked_up(asked.record, {.conclusive = true, .found = "7"}, now);
    EXPECT_EQ(claim(3).kind, Kind::already_executed) << "what was found is of this one";
}

TEST_F(TableTest, AtTheEndNobodyWaitsForItsHistory) {
    table.set_history(Table::History::unread);
    EXPECT_EQ(claim(1).kind, Kind::wait_for_journal);
    table.stop_waiting();
    const auto woken = table.decision_of(*waiter);
    ASSERT_TRUE(woken);
    EXPECT_EQ(woken->kind, Kind::no_history);
    EXPECT_EQ(claim(2).kind, Kind::no_history);
    EXPECT_EQ(waiter->woken, 1);
}

TEST_F(TableTest, KeepsAClaimOnlyAsLongAsMoreCanBeLearnt) {
    struct Case {
        const char* name;
        Executed executed;
        bool found;
        bool kept;
    };

    std::uint8_t key = 0;
    for (const Case& each :
         {Case{"not executed", Executed::no, false, false}, Case{"unknown", Executed::unknown, false, true},
          Case{"found", Executed::unknown, true, false}, Case{"executed", Executed::yes, false, true}}) {
        auto holder = std::make_shared<NotingHolder>();
        const std::weak_ptr<NotingHolder> seen = holder;
        const Decision first = claim(++key, 1, "first");
        table.share(first.record, std::move(holder), "first", 0);
        settle(first.record, each.executed);
        if (each.found) {
            const std::vector<Digest> identities{digest(key)};
            EXPECT_TRUE(table.found(identities, "7", now));
        }
        EXPECT_EQ(!seen.expired(), each.kept) << each.name;
    }
}

TEST_F(TableTest, FreesTheClaimOfWhatWasNotSent) {
    for (const bool elsewhere : {false, true}) {
        const std::uint8_t key = elsewhere ? 2 : 1;
        const auto holder = std::make_shared<NotingHolder>();
        const Decision first = claim(key, 1, "first");
        table.share(first.record, holder, "first", 0);
        if (elsewhere) {
            EXPECT_EQ(table.take_over(first.record, {.owner = "other", .executed = Executed::yes}, now).kind,
                      Kind::look_up);
        } else {
            table.release(first.record, {.owner = ""}, now);
        }
        EXPECT_EQ(holder->last, Executed::no);
        EXPECT_EQ(holder.use_count(), 1);
    }
}

TEST_F(TableTest, ForwardsTheFirstAndLetsTheSameWait) {
    const Decision first = claim(1, 1, "first");
    EXPECT_EQ(first.kind, Kind::first);
    const Decision same = claim(1);
    EXPECT_EQ(same.kind, Kind::wait);
    EXPECT_EQ(same.first_request_id, "first");
    EXPECT_EQ(claim(1, 2).kind, Kind::key_reused);
    EXPECT_EQ(claim(2).kind, Kind::first);
    const AnswerPtr reply = answer();
    settle(first.record, Executed::yes, reply);
    EXPECT_EQ(waiter->woken, 1);
    const auto got = table.decision_of(*waiter);
    ASSERT_TRUE(got);
    EXPECT_EQ(got->kind, Kind::replay);
    EXPECT_EQ(got->answer, reply);
}

TEST_F(TableTest, FollowsTheTableOfContract10) {
    const struct {
        const char* name;
        Executed executed;
        bool nothing_ran;
        bool with_answer;
        Kind same;
        Kind other;
    } cases[] = {
        {"executed, answer in memory", Executed::yes, false, true, Kind::replay, Kind::key_reused},
        {"executed, answer gone", Executed::yes, false, false, Kind::look_up, Kind::key_reused},
        {"answered, answer in memory", Executed::answered, false, true, Kind::replay, Kind::key_reused},
        {"answered, answer gone", Executed::answered, false, false, Kind::look_up, Kind::key_reused},
        {"not executed", Executed::no, false, true, Kind::first, Kind::first},
        {"field null", Executed::answered, true, true, Kind::first, Kind::first},
        {"unknown", Executed::unknown, false, true, Kind::look_up, Kind::key_reused},
    };

    std::uint8_t key = 0;
    for (const auto& each : cases) {
        for (const bool other : {false, true}) {
            const Decision first = claim(++key);
            settle(first.record, each.executed, each.with_answer ? answer() : nullptr, each.nothing_ran);
            EXPECT_EQ(claim(key, other ? 2 : 1).kind, other ? each.other : each.same) << each.name << other;
        }
    }
}

TEST_F(TableTest, NeverForwardsAnUnknownOneWhateverTheTime) {
    settle(claim(1, 1, "first").record, Executed::unknown);
    for (int day = 0; day < 40; ++day) {
        now += 24h;
        const Decision again = claim(1);
        ASSERT_EQ(again.kind, Kind::look_up);
        EXPECT_EQ(again.first_request_id, "first");
        EXPECT_FALSE(again.executed);
        EXPECT_EQ(claim(1).kind, Kind::wait) << "one look-up for all of them";
        table.looked_up(again.record, {.conclusive = true}, now);
        EXPECT_EQ(table.decision_of(*waiter)->kind, Kind::unknown);
    }
}

TEST_F(TableTest, TurnsAnUnknownOneIntoAnExecutedOneOnceItIsFound) {
    settle(claim(1).record, Executed::unknown);
    const Decision again = claim(1);
    table.looked_up(again.record, {.conclusive = true, .found = "\"7\""}, now);
    const Decision third = claim(1);
    EXPECT_EQ(third.kind, Kind::already_executed);
    EXPECT_EQ(third.reconciled, "\"7\"");
}

TEST_F(TableTest, TakesWhatTheBackgroundHasFound) {
    settle(claim(1).record, Executed::unknown);
    const Digest id = digest(1);
    EXPECT_TRUE(table.found({&id, 1}, "9", now));
    EXPECT_FALSE(table.found({&id, 1}, "9", now));
    EXPECT_EQ(claim(1).kind, Kind::already_executed);
}

TEST_F(TableTest, LooksAnExecutedOneUpOnceOnly) {
    settle(claim(1).record, Executed::yes);
    const Decision again = claim(1);
    EXPECT_TRUE(again.executed);
    table.looked_up(again.record, {.conclusive = true}, now);
    EXPECT_EQ(claim(1).kind, Kind::already_executed);
}

TEST_F(TableTest, ForgetsAnExecutedOneAfterItsTime) {
    settle(claim(1).record, Executed::yes, answer());
    now += 24h - 1ns;
    EXPECT_EQ(claim(1).kind, Kind::replay);
    now += 1ns;
    EXPECT_EQ(claim(1).kind, Kind::first);
    EXPECT_EQ(table.answer_bytes(), 0U);
}

TEST_F(TableTest, MakesOneOfThoseWhoWaitTheFirstIfItsAppHadLeft) {
    const Decision first = claim(1);
    const auto second = std::make_shared<CountingWaiter>();
    EXPECT_EQ(claim(1).kind, Kind::wait);
    EXPECT_EQ(table.claim(reading(1), "b", 0, now, second).kind, Kind::wait);
    Settlement how;
    how.executed = Executed::no;
    how.app_left = true;
    how.answer = answer();
    table.settle(first.record, how, now);
    EXPECT_EQ(table.decision_of(*waiter)->kind, Kind::again);
    EXPECT_EQ(table.decision_of(*second)->kind, Kind::again);
    EXPECT_EQ(claim(1).kind, Kind::first);
    EXPECT_EQ(table.claim(reading(1), "b", 0, now, second).kind, Kind::wait);
}

TEST_F(TableTest, GivesAnErrorToThoseWhoWaitAndKeepsItForNobody) {
    const Decision first = claim(1);
    EXPECT_EQ(claim(1).kind, Kind::wait);
    settle(first.record, Executed::no, answer());
    EXPECT_EQ(table.decision_of(*waiter)->kind, Kind::replay);
    EXPECT_EQ(claim(1).kind, Kind::first);
}

TEST_F(TableTest, ClaimsSeveralTransactionsTogether) {
    Reading both;
    both.identities = {digest(1), digest(2)};
    both.fingerprint = digest(9);
    const Decision first = claim(both);
    EXPECT_EQ(first.kind, Kind::first);
    EXPECT_EQ(claim(both).kind, Kind::wait);
    EXPECT_EQ(claim(1, 8).kind, Kind::key_reused) << "a part of it is another request";
    EXPECT_EQ(claim(2, 7).kind, Kind::key_reused);
    Reading overlapping;
    overlapping.identities = {digest(3), digest(2)};
    EXPECT_EQ(claim(overlapping).kind, Kind::key_reused);
    EXPECT_EQ(claim(3).kind, Kind::first) << "what was refused has claimed nothing";
    settle(first.record, Executed::no);
    EXPECT_EQ(table.size(), 1U);
    EXPECT_EQ(claim(2, 7).kind, Kind::first);
}

TEST_F(TableTest, BoundsTheMemoryOfAnswersAndDropsTheLeastUsedOne) {
    for (std::uint8_t key = 1; key <= 3; ++key) {
        settle(claim(key).record, Executed::yes, answer(400));
        EXPECT_EQ(claim(1).kind, key == 1 ? Kind::replay : key == 2 ? Kind::replay : Kind::replay);
    }
    EXPECT_LE(table.answer_bytes(), 1000U);
    EXPECT_EQ(claim(2).kind, Kind::look_up);
    EXPECT_EQ(claim(3).kind, Kind::replay);
    settle(claim(4).record, Executed::yes, answer(1001));
    EXPECT_EQ(claim(4).kind, Kind::look_up) << "longer than all of it";
    table.set_limits({.remember = 24h, .replay_memory = 0});
    EXPECT_EQ(table.answer_bytes(), 0U);
    EXPECT_EQ(claim(1).kind, Kind::look_up);
}

TEST_F(TableTest, KeepsNoAnswerAbove64KiB) {
    table.set_limits({.remember = 24h, .replay_memory = 1U << 20U});
    settle(claim(1).record, Executed::yes, answer(Table::longest_answer));
    settle(claim(2).record, Executed::yes, answer(Table::longest_answer + 1));
    EXPECT_EQ(claim(1).kind, Kind::replay);
    EXPECT_EQ(claim(2).kind, Kind::look_up);
}

TEST_F(TableTest, ForgetsTheOldestExecutedOneForLackOfRoomAndNeverAnUnknownOne) {
    table.set_limits({.remember = 24h, .replay_memory = 1000, .records = 3});
    settle(claim(1).record, Executed::unknown);
    settle(claim(2).record, Executed::yes);
    settle(claim(3).record, Executed::yes);
    const Decision fourth = claim(4);
    EXPECT_EQ(fourth.kind, Kind::first);
    EXPECT_EQ(claim(3).kind, Kind::look_up);
    EXPECT_EQ(claim(1).kind, Kind::look_up);
    EXPECT_EQ(claim(5).kind, Kind::full) << "3 is being looked up, 1 is unknown, 4 in flight";
}

/// Contract 12 says so: beyond 262,144 of them, which is small here.
TEST_F(TableTest, ForgetsTheOldestThatWasSeenElsewhereForLackOfRoom) {
    EXPECT_EQ(Table::Limits{}.records, 262'144U);
    table.set_limits({.remember = 24h, .replay_memory = 1000, .records = 3});
    const auto seen_elsewhere = [this](std::uint8_t key) {
        const Decision decision = claim(key);
        ASSERT_EQ(decision.kind, Kind::first);
        table.release(decision.record, {.owner = "theirs"}, now);
    };
    const auto known = [this] {
        std::string keys;
        for (std::uint8_t key = 1; key <= 6; ++key)
            if (table.find(digest(key), now))
                keys += std::to_string(key);
        return keys;
    };
    seen_elsewhere(1);
    settle(claim(2).record, Executed::yes);
    seen_elsewhere(3);
    EXPECT_EQ(known(), "123");
    table.release(claim(1).record, {.owner = "theirs"}, now); // it is asked for, and so the latest one
    seen_elsewhere(4);
    EXPECT_EQ(known(), "134");
    seen_elsewhere(5);
    EXPECT_EQ(known(), "145");
    const Decision again = claim(3);
    EXPECT_EQ(again.kind, Kind::first) << "forgotten: it is as a new one, and the store is asked of it";
    EXPECT_EQ(again.other_owner, "");
    EXPECT_EQ(known(), "345");
}

TEST_F(TableTest, IsRebuiltFromWhatAFormerProcessLeft) {
    const auto restore = [this](std::uint8_t key, Executed executed, Duration age, bool print = true) {
        Restored former;
        former.identities = {digest(key)};
        if (print)
            former.fingerprint = digest(1);
        former.request_id = "former";
        former.executed = executed;
        former.age = age;
        table.restore({former}, now);
    };
    restore(1, Executed::unknown, 1000h);
    restore(2, Executed::yes, 1h);
    restore(3, Executed::yes, 25h);
    restore(4, Executed::no, 0h);
    restore(5, Executed::yes, 1h, false);
    EXPECT_EQ(claim(1).kind, Kind::look_up);
    EXPECT_EQ(claim(1, 2).kind, Kind::key_reused);
    EXPECT_EQ(claim(2).kind, Kind::look_up);
    EXPECT_EQ(claim(2).first_request_id, "former");
    EXPECT_EQ(claim(3).kind, Kind::first);
    EXPECT_EQ(claim(4).kind, Kind::first);
    EXPECT_EQ(claim(5, 7).kind, Kind::look_up) << "whose values can't be compared counts as the same";
    restore(3, Executed::yes, 0h);
    EXPECT_EQ(claim(3).kind, Kind::wait) << "what is there already stays";
    now += 23h;
    restore(6, Executed::yes, -5h);
    now += 23h;
    EXPECT_EQ(claim(6).kind, Kind::look_up) << "a clock that was set back shortens nothing";
}

TEST_F(TableTest, DoesWhatAPersonSays) {
    for (std::uint8_t key = 1; key <= 3; ++key)
        settle(claim(key).record, Executed::unknown);
    const Executed verdicts[] = {Executed::no, Executed::yes, Executed::unknown};
    const Kind kinds[] = {Kind::first, Kind::look_up, Kind::look_up};
    for (std::uint8_t key = 1; key <= 3; ++key) {
        Restored closed;
        closed.identities = {digest(key)};
        closed.executed = verdicts[key - 1];
        table.close(closed, now);
        const Decision after = claim(key);
        EXPECT_EQ(after.kind, kinds[key - 1]) << int{key};
        EXPECT_EQ(after.executed, key == 2);
    }
}

TEST_F(TableTest, TellsPeopleWhatBecameOfATransaction) {
    EXPECT_FALSE(table.find(digest(1), now));
    const Decision first = claim(1, 1, "first");
    EXPECT_EQ(table.find(digest(1), now)->state, Seen::State::in_flight);
    EXPECT_EQ(table.find(digest(1), now)->request_id, "first");
    settle(first.record, Executed::unknown);
    EXPECT_EQ(table.find(digest(1), now)->state, Seen::State::unknown);
    const Digest id = digest(1);
    EXPECT_TRUE(table.found({&id, 1}, "3", now));
    EXPECT_EQ(table.find(digest(1), now)->state, Seen::State::executed);
    EXPECT_EQ(table.find(digest(1), now)->reconciled, "3");
}

TEST_F(TableTest, TellsPeopleOfWhatWasNotExecutedWithoutAnyClaimThatSeesIt) {
    settle(claim(1, 1, "refused").record, Executed::no);
    settle(claim(2).record, Executed::answered, answer(), true);
    ASSERT_TRUE(table.find(digest(1), now));
    EXPECT_EQ(table.find(digest(1), now)->state, Seen::State::not_executed);
    EXPECT_EQ(table.find(digest(1), now)->request_id, "refused");
    EXPECT_EQ(table.find(digest(2), now)->state, Seen::State::answered);
    EXPECT_EQ(table.size(), 0U);
    now += 24h;
    EXPECT_FALSE(table.find(digest(1), now)) << "it is remembered as long as any other";

    settle(claim(3).record, Executed::no);
    const Decision again = claim(3, 2, "again");
    EXPECT_EQ(again.kind, Kind::first) << "it is free, whatever its values";
    EXPECT_EQ(table.find(digest(3), now)->state, Seen::State::in_flight);
    settle(again.record, Executed::yes);
    EXPECT_EQ(table.find(digest(3), now)->state, Seen::State::executed);
    now += 24h;
    EXPECT_FALSE(table.find(digest(3), now)) << "the first one's end says nothing about the second";
}

TEST_F(TableTest, RemembersSoManyThatWereNotExecutedAndNoMore) {
    const auto wide = [](std::size_t number) {
        Digest value{};
        value[0] = static_cast<std::uint8_t>(number & 0xFFU);
        value[1] = static_cast<std::uint8_t>(number >> 8U);
        return value;
    };
    for (std::size_t i = 0; i <= Table::most_freed; ++i) {
        Reading what = reading(0);
        what.identities = {wide(i)};
        settle(claim(what).record, Executed::no);
    }
    EXPECT_FALSE(table.find(wide(0), now));
    EXPECT_TRUE(table.find(wide(1), now));
    EXPECT_TRUE(table.find(wide(Table::most_freed), now));
}

TEST_F(TableTest, TellsPeopleWhatTheJournalKnowsOfWhatWasNotExecuted) {
    Restored former;
    former.identities = {digest(1), digest(2)};
    former.request_id = "former";
    former.executed = Executed::no;
    former.age = 1h;
    settle(claim(2).record, Executed::unknown);
    table.restore({former}, now);
    EXPECT_EQ(table.find(digest(1), now)->state, Seen::State::not_executed);
    EXPECT_EQ(table.find(digest(2), now)->state, Seen::State::unknown) << "a later request says more";
    former.identities = {digest(3)};
    former.nothing_ran = true;
    table.restore({former}, now);
    EXPECT_EQ(table.find(digest(3), now)->state, Seen::State::answered);
    former.executed = Executed::unknown;
    table.restore({former}, now);
    EXPECT_EQ(table.find(digest(3), now)->state, Seen::State::unknown);
    EXPECT_FALSE(table.find(digest(1), now + 23h));
}

TEST_F(TableTest, TellsPeopleWhatAPersonHasClosed) {
    settle(claim(1).record, Executed::unknown);
    Restored closed;
    closed.identities = {digest(1)};
    closed.executed = Executed::no;
    table.close(closed, now);
    EXPECT_EQ(table.find(digest(1), now)->state, Seen::State::not_executed);
    EXPECT_EQ(claim(1).kind, Kind::first);
}

TEST_F(TableTest, AsksAgainAfterWhatAnotherReplicaSentAndForgetsItInTime) {
    table.release(claim(1).record, {.owner = "theirs", .request_id = "first", .at_ms = 7}, now);
    EXPECT_EQ(table.find(digest(1), now)->state, Seen::State::unknown);
    EXPECT_EQ(table.find(digest(1), now)->at_ms, 7);
    const Decision again = claim(1);
    EXPECT_EQ(again.kind, Kind::ask_fleet);
    EXPECT_EQ(again.other_owner, "theirs");
    EXPECT_EQ(again.first_request_id, "first");
    EXPECT_EQ(claim(1, 2).kind, Kind::key_reused);
    now += 48h;
    EXPECT_EQ(claim(1).kind, Kind::wait) << "in flight, it is never forgotten";
    table.release(again.record, {.owner = "theirs"}, now);
    EXPECT_EQ(table.decision_of(*waiter)->kind, Kind::again);
    now += 24h;
    EXPECT_EQ(claim(1).other_owner, "");
}

TEST_F(TableTest, FreesWhatWasNeitherSentHereNorElsewhere) {
    const RecordPtr record = claim(1).record;
    EXPECT_EQ(claim(1).kind, Kind::wait);
    table.release(record, {}, now);
    EXPECT_EQ(table.size(), 0U);
    EXPECT_EQ(table.decision_of(*waiter)->kind, Kind::again);
}

TEST_F(TableTest, SaysWhatAnotherReplicaDidWithATransaction) {
    const RecordPtr found = claim(1).record;
    EXPECT_EQ(claim(1).kind, Kind::wait);
    const Elsewhere executed{
        .owner = "theirs", .executed = Executed::yes, .request_id = "first", .at_ms = 1, .reconciled = "7"};
    EXPECT_EQ(table.take_over(found, executed, now).kind, Kind::already_executed);
    const auto reported = table.decision_of(*waiter);
    EXPECT_EQ(reported->kind, Kind::already_executed);
    EXPECT_EQ(reported->first_request_id, "first");
    EXPECT_EQ(reported->reconciled, "7");
    for (const bool yes : {false, true}) {
        const auto key = static_cast<std::uint8_t>(yes ? 2 : 3);
        Elsewhere elsewhere{.owner = "theirs", .executed = yes ? Executed::yes : Executed::unknown};
        const Decision asked = table.take_over(claim(key).record, std::move(elsewhere), now);
        EXPECT_EQ(asked.kind, Kind::look_up);
        EXPECT_EQ(asked.executed, yes);
        EXPECT_EQ(claim(key).kind, Kind::wait) << "for the look-up";
        table.looked_up(asked.record, {.conclusive = true}, now);
        EXPECT_EQ(table.decision_of(*waiter)->kind, yes ? Kind::already_executed : Kind::unknown);
    }
}

#ifndef BEARERD_SANITIZED

TEST_F(TableTest, LosesNoClaimIfMemoryRunsOut) {
    const RecordPtr first = claim(1).record;
    EXPECT_EQ(claim(1).kind, Kind::wait);
    Settlement how;
    how.executed = Executed::yes;
    {
        const test::NoMemory none;
        table.settle(first, std::move(how), now);
    }
    EXPECT_EQ(table.decision_of(*waiter)->kind, Kind::again);
    const RecordPtr asked = claim(1).record;
    ASSERT_TRUE(asked) << "it is unknown, and not in flight for ever";
    EXPECT_EQ(claim(1).kind, Kind::wait);
    LookUpResult result{.conclusive = true, .found = "7"};
    {
        const test::NoMemory none;
        table.looked_up(asked, std::move(result), now);
    }
    EXPECT_EQ(table.decision_of(*waiter)->kind, Kind::again);
    EXPECT_EQ(claim(1).kind, Kind::look_up);
}

TEST_F(TableTest, FreesNothingThatAnotherReplicaSentIfMemoryRunsOut) {
    const RecordPtr first = claim(1).record;
    Elsewhere elsewhere{.owner = "theirs"};
    {
        const test::NoMemory none;
        table.release(first, std::move(elsewhere), now);
    }
    EXPECT_EQ(claim(1).kind, Kind::look_up);
}

TEST_F(TableTest, ClaimsNothingIfMemoryRunsOut) {
    const Reading what = reading(1);
    {
        const test::NoMemory none;
        EXPECT_THROW(static_cast<void>(table.claim(what, "id", 0, now, waiter)), std::bad_alloc);
    }
    EXPECT_EQ(table.size(), 0U);
    EXPECT_EQ(claim(what).kind, Kind::first);
}

#endif

TEST_F(TableTest, NeverForgetsAnAnsweredOneWhoseAnswerIsGone) {
    const std::function<void()> ways[] = {
        [this] { table.set_limits({.remember = 24h, .replay_memory = 0}); },
        [this] { now += 1000h; },
    };
    for (std::uint8_t key = 1; key <= 2; ++key) {
        table.set_limits({.remember = 24h, .replay_memory = 1000});
        settle(claim(key).record, Executed::answered, answer());
        EXPECT_EQ(table.find(digest(key), now)->state, Seen::State::answered);
        ways[key - 1]();
        EXPECT_NE(claim(key).kind, Kind::first);
        table.set_limits({.remember = 24h, .replay_memory = 0});
        EXPECT_NE(claim(key).kind, Kind::first);
        EXPECT_NE(table.find(digest(key), now)->state, Seen::State::executed);
    }
}

TEST_F(TableTest, MakesNoRoomByWhatWasAnswered) {
    table.set_limits({.remember = 24h, .replay_memory = 1000, .records = 1});
    settle(claim(1).record, Executed::answered, answer());
    EXPECT_EQ(claim(2).kind, Kind::full);
}

TEST_F(TableTest, AsksAgainAfterAQuestionThatFailed) {
    settle(claim(1).record, Executed::yes);
    table.looked_up(claim(1).record, {}, now);
    const Decision again = claim(1);
    EXPECT_EQ(again.kind, Kind::look_up);
    table.looked_up(again.record, {.conclusive = true}, now);
    EXPECT_EQ(claim(1).kind, Kind::already_executed);
}

TEST_F(TableTest, RestoresTheIdentitiesThatAreMissing) {
    settle(claim(2).record, Executed::yes, answer());
    Restored former;
    former.identities = {digest(1), digest(2)};
    EXPECT_EQ(table.restore({former}, now), 0U);
    EXPECT_EQ(claim(1).kind, Kind::look_up);
    EXPECT_EQ(claim(2).kind, Kind::replay) << "what is there stays";
    table.set_limits({.remember = 24h, .replay_memory = 1000, .records = 1});
    former.identities = {digest(3)};
    EXPECT_EQ(table.restore({former}, now), 1U) << "no room";
}

TEST_F(TableTest, LearnsHowARequestEndedThatWasSentWithoutAGuard) {
    const auto record_outcome = [this](std::uint8_t key, Executed executed, const char* id) {
        Restored ended;
        ended.identities = {digest(key)};
        ended.executed = executed;
        ended.request_id = id;
        table.record_outcome(ended, now);
    };
    for (std::uint8_t key = 1; key <= 3; ++key)
        settle(claim(key, 1, "unguarded").record, Executed::unknown);
    record_outcome(1, Executed::no, "unguarded");
    EXPECT_EQ(claim(1).kind, Kind::first);
    record_outcome(2, Executed::no, "another");
    EXPECT_EQ(claim(2).kind, Kind::look_up) << "another request of it says nothing about this one";
    record_outcome(3, Executed::yes, "unguarded");
    EXPECT_TRUE(claim(3).executed);
    record_outcome(4, Executed::yes, "late");
    EXPECT_TRUE(claim(4).executed) << "it came after the journal was read";
    record_outcome(5, Executed::unknown, "late");
    EXPECT_EQ(claim(5).kind, Kind::look_up);
    record_outcome(6, Executed::no, "late");
    EXPECT_EQ(claim(6).kind, Kind::first);
}

TEST_F(TableTest, TakesForUnknownWhatWasOnlyAnswered) {
    Restored answered;
    answered.executed = Executed::answered;
    answered.request_id = "former";
    const auto of = [&answered](std::uint8_t key) {
        answered.identities = {digest(key)};
        return answered;
    };
    EXPECT_EQ(table.restore({of(1)}, now), 0U);
    table.record_outcome(of(2), now);
    table.close(of(3), now);
    for (std::uint8_t key = 4; key <= 5; ++key)
        settle(claim(key, 1, "former").record, Executed::unknown);
    table.record_outcome(of(4), now);
    table.close(of(5), now);
    now += 1000h;
    for (std::uint8_t key = 1; key <= 5; ++key) {
        const auto seen = table.find(digest(key), now);
        ASSERT_TRUE(seen) << int{key};
        EXPECT_EQ(seen->state, Seen::State::unknown) << int{key};
        const Decision repeat = claim(key);
        EXPECT_EQ(repeat.kind, Kind::look_up) << int{key};
        EXPECT_FALSE(repeat.executed) << int{key};
    }
}

TEST_F(TableTest, ClosesWhereTheRecordStands) {
    settle(claim(1, 1, "first").record, Executed::unknown);
    Restored closed;
    closed.identities = {digest(1)};
    closed.executed = Executed::yes;
    closed.request_id = "another";
    closed.age = 1h;
    table.close(closed, now);
    EXPECT_EQ(claim(1).first_request_id, "first");
    EXPECT_EQ(claim(1, 2).kind, Kind::key_reused) << "it keeps its fingerprint";
    EXPECT_EQ(table.size(), 1U);
}

// The API's answer says neither that it was executed nor that it was not; the person has found out.
TEST_F(TableTest, AClosePutsAnEndToAnAnswerThatDoesNotSayWhetherItWasExecuted) {
    for (const Executed verdict : {Executed::no, Executed::yes, Executed::unknown}) {
        const auto key = static_cast<std::uint8_t>(verdict);
        settle(claim(key).record, Executed::answered, answer());
        ASSERT_EQ(claim(key).kind, Kind::replay);
        Restored closed;
        closed.identities = {digest(key)};
        closed.executed = verdict;
        table.close(closed, now);
        const Decision repeat = claim(key);
        EXPECT_EQ(repeat.kind, verdict == Executed::no ? Kind::first : Kind::look_up);
        EXPECT_EQ(repeat.executed, verdict == Executed::yes);
    }
    EXPECT_EQ(table.answer_bytes(), 0U);
}

TEST_F(TableTest, TakesForTheSameWhatCantBeCompared) {
    settle(claim(1).record, Executed::yes, answer());
    Reading other = reading(1, 2);
    EXPECT_EQ(claim(other).kind, Kind::key_reused);
    other.header_rules = 7;
    EXPECT_EQ(claim(other).kind, Kind::replay) << "of other rules";
    Reading more = reading(1, 1);
    more.identities.push_back(digest(9));
    EXPECT_EQ(claim(more).kind, Kind::replay) << "the same request, of which more is guarded now";
}

TEST(TableOfManyThreads, MakesExactlyOneOfThemTheFirst) {
    for (std::uint8_t round = 0; round < 50; ++round) {
        Table table{{.remember = 24h, .replay_memory = 1000}};
        std::atomic<int> firsts{0};
        std::vector<std::thread> threads;
        for (int i = 0; i < 4; ++i)
            threads.emplace_back([&] {
                const auto waiter = std::make_shared<CountingWaiter>();
                const auto what = TableTest::reading(round);
                firsts += table.claim(what, "id", 0, start_of_test, waiter).kind == Kind::first ? 1 : 0;
            });
        for (auto& thread : threads)
            thread.join();
        EXPECT_EQ(firsts, 1);
    }
}

} // namespace
} // namespace bearerd::transaction
