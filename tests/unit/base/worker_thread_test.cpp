#include <bearerd/base/worker_thread.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <future>
#include <memory>
#include <mutex>
#include <utility>

namespace bearerd {
namespace {

using namespace std::chrono_literals;

/// Ends when it is asked to stop.
struct Obedient : WorkerState {
    void run() {
        sigset_t blocked;
        ::pthread_sigmask(SIG_BLOCK, nullptr, &blocked);
        blocks_signals = ::sigismember(&blocked, SIGTERM) == 1;
        std::unique_lock lock{mutex};
        changed.wait(lock, [this] { return stopping; });
    }

    bool blocks_signals = false;
};

/// As a disk that does not answer, until it does.
struct Hanging : WorkerState {
    explicit Hanging(std::future<void> until) : answer{std::move(until)} {}

    ~Hanging() { gone.set_value(saw_abandoned); }

    Hanging(const Hanging&) = delete;
    Hanging& operator=(const Hanging&) = delete;

    void run() {
        answer.wait();
        const std::lock_guard lock{mutex};
        saw_abandoned = abandoned;
    }

    std::future<void> answer;
    std::promise<bool> gone;
    bool saw_abandoned = false;
};

TEST(WorkerThread, IsJoinedWhenItsWorkEndsInTime) {
    const auto state = std::make_shared<Obedient>();
    WorkerThread thread{state};
    EXPECT_TRUE(thread.stop(1min));
    EXPECT_TRUE(state->done);
    EXPECT_FALSE(state->abandoned);
    EXPECT_TRUE(state->blocks_signals);
}

TEST(WorkerThread, IsAbandonedIfItHangsAndKeepsItsStateAlive) {
    std::promise<void> answer;
    auto state = std::make_shared<Hanging>(answer.get_future());
    auto gone = state->gone.get_future();
    {
        WorkerThread thread{state};
        state.reset();
        EXPECT_FALSE(thread.stop(1ms));
    }
    answer.set_value();
    EXPECT_TRUE(gone.get()) << "the thread sees it";
}

} // namespace
} // namespace bearerd
