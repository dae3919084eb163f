#include <bearerd/net/deadline.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace bearerd::net {
namespace {

using namespace std::chrono_literals;

/// A deadline that writes its name down when it passes, and may do more.
struct Noted {
    Noted(DeadlineClock& clock, std::string& log, char name)
        : log_{log}, name_{name}, deadline{clock, &Noted::on_passed, this} {}

    static void on_passed(void* self) noexcept {
        auto& noted = *static_cast<Noted*>(self);
        noted.log_.push_back(noted.name_);
        if (noted.then)
            noted.then();
    }

    std::string& log_;
    char name_;
    std::function<void()> then;
    Deadline deadline;
};

class DeadlineTest : public testing::Test {
protected:
    /// Turns the loop until nothing is left to wait for.
    void run() {
        context.restart();
        context.run();
    }

    asio::io_context context;
    DeadlineClock clock{context};
    std::string log;
    TimePoint now = BootClock::now();
};

TEST_F(DeadlineTest, DeadlinesPassInTheirOrderAndNotInThatOfTheirSetting) {
    Noted a{clock, log, 'a'};
    Noted b{clock, log, 'b'};
    Noted c{clock, log, 'c'};
    c.deadline.set(now + 250ms);
    a.deadline.set(now + 50ms);
    b.deadline.set(now + 150ms);
    run();
    EXPECT_EQ(log, "abc");
    EXPECT_TRUE(a.deadline.expired());
}

TEST_F(DeadlineTest, ADeadlineNeverPassesEarly) {
    Noted a{clock, log, 'a'};
    const TimePoint when = now + 120ms;
    a.deadline.set(when);
    run();
    EXPECT_EQ(log, "a");
    EXPECT_GE(BootClock::now(), when);
}

TEST_F(DeadlineTest, ADeadlineInThePastPassesInALaterTurn) {
    Noted a{clock, log, 'a'};
    a.deadline.set(now - 1h);
    EXPECT_EQ(log, "");
    EXPECT_FALSE(a.deadline.expired());
    run();
    EXPECT_EQ(log, "a");
}

TEST_F(DeadlineTest, SetLaterItPassesLaterAndOnce) {
    Noted moved{clock, log, 'm'};
    Noted fixed{clock, log, 'f'};
    moved.deadline.set(now + 50ms);
    fixed.deadline.set(now + 150ms);
    moved.deadline.set(now + 250ms);
    run();
    EXPECT_EQ(log, "fm");
}

TEST_F(DeadlineTest, SetEarlierItPassesEarlierAndOnce) {
    Noted moved{clock, log, 'm'};
    Noted fixed{clock, log, 'f'};
    moved.deadline.set(now + 250ms);
    fixed.deadline.set(now + 150ms);
    moved.deadline.set(now + 50ms);
    run();
    EXPECT_EQ(log, "mf");
}

TEST_F(DeadlineTest, ClearedItDoesNotPassAndCanBeSetAgain) {
    Noted a{clock, log, 'a'};
    a.deadline.set(now + 50ms);
    a.deadline.clear();
    run();
    EXPECT_EQ(log, "");
    EXPECT_FALSE(a.deadline.expired());
    a.deadline.set(BootClock::now() + 10ms);
    run();
    EXPECT_EQ(log, "a");
}

TEST_F(DeadlineTest, ExpiredByHandItPassesAtOnceAndOnce) {
    Noted a{clock, log, 'a'};
    a.deadline.set(now + 50ms);
    a.deadline.expire();
    EXPECT_EQ(log, "a");
    EXPECT_TRUE(a.deadline.expired());
    a.deadline.expire();
    run();
    EXPECT_EQ(log, "a");
    a.deadline.set(BootClock::now() + 10ms);
    EXPECT_FALSE(a.deadline.expired());
    run();
    EXPECT_EQ(log, "aa");
}

TEST_F(DeadlineTest, DestroyedWhileSetItIsForgotten) {
    auto a = std::make_unique<Noted>(clock, log, 'a');
    Noted b{clock, log, 'b'};
    a->deadline.set(now + 50ms);
    b.deadline.set(now + 100ms);
    a.reset();
    run();
    EXPECT_EQ(log, "b");
}

TEST_F(DeadlineTest, ACallbackMaySetItsOwnAndOtherDeadlinesAgain) {
    Noted a{clock, log, 'a'};
    Noted b{clock, log, 'b'};
    int left = 2;
    a.then = [&] {
        if (left-- > 0)
            a.deadline.set(BootClock::now());
        b.deadline.set(BootClock::now() - 1s);
    };
    a.deadline.set(now);
    run();
    EXPECT_EQ(std::ranges::count(log, 'a'), 3);
    EXPECT_GE(std::ranges::count(log, 'b'), 1);
    EXPECT_EQ(log.back(), 'b');
}

TEST_F(DeadlineTest, ACallbackMayClearOrMoveADeadlineThatIsDueInTheSameTick) {
    Noted a{clock, log, 'a'};
    Noted cleared{clock, log, 'c'};
    Noted moved{clock, log, 'm'};
    a.then = [&] {
        cleared.deadline.clear();
        moved.deadline.set(BootClock::now() + 100ms);
        log.push_back('.');
    };
    a.deadline.set(now + 1ms);
    cleared.deadline.set(now + 1ms);
    moved.deadline.set(now + 1ms);
    run();
    EXPECT_EQ(log, "a.m");
}

TEST_F(DeadlineTest, OneBeyondTheWheelsHorizonDoesNotPassWithItsSlot) {
    // The wheel has 2048 slots of 50 ms: these two share a slot, or nearly.
    Noted far{clock, log, 'f'};
    Noted near{clock, log, 'n'};
    far.deadline.set(now + 2048 * 50ms + 50ms);
    near.deadline.set(now + 50ms);
    while (log.empty() && context.run_one() != 0) {
    }
    EXPECT_EQ(log, "n");
    EXPECT_FALSE(far.deadline.expired());
    far.deadline.set(BootClock::now());
    run();
    EXPECT_EQ(log, "nf");
}

TEST_F(DeadlineTest, StoppedTheClockLetsTheLoopRunDryAndNothingPasses) {
    Noted a{clock, log, 'a'};
    a.deadline.set(now + 1h);
    clock.stop();
    run();
    Noted b{clock, log, 'b'};
    b.deadline.set(now);
    run();
    EXPECT_EQ(log, "");
}

TEST_F(DeadlineTest, ManyDeadlinesAllPassInTheOrderOfTheirTicks) {
    struct Entry {
        static void on_passed(void* self) noexcept {
            auto& entry = *static_cast<Entry*>(self);
            entry.order->push_back(entry.when);
        }

        Entry(DeadlineClock& clock, std::vector<TimePoint>& to, TimePoint at)
            : order{&to}, when{at}, deadline{clock, &Entry::on_passed, this} {
            deadline.set(at);
        }

        std::vector<TimePoint>* order;
        TimePoint when;
        Deadline deadline;
    };

    std::vector<TimePoint> order;
    std::vector<std::unique_ptr<Entry>> entries;
    for (int i = 0; i < 500; ++i)
        entries.push_back(std::make_unique<Entry>(clock, order, now + (i * 7919 % 500) * 1ms));
    run();
    ASSERT_EQ(order.size(), 500U);
    for (std::size_t i = 1; i < order.size(); ++i)
        EXPECT_GE(order[i] + 50ms, order[i - 1]);
}

} // namespace
} // namespace bearerd::net
