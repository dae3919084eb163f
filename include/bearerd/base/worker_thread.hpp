#pragma once

#include <bearerd/base/clock.hpp>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

namespace bearerd {

/// What a WorkerThread shares with its thread. Derive from it. All members are guarded by `mutex`.
struct WorkerState {
    std::mutex mutex;
    std::condition_variable changed; ///< also notified when `stopping` is set
    bool stopping = false;           ///< the thread is to end soon
    bool done = false;               ///< the thread's work has ended
    bool abandoned = false;          ///< it did not end in time: it must use nothing but this state any more
};

/// A thread that works on something that may hang, such as a disk. A stop waits for it only for a time; if it
/// still hangs then, it is left alone with its share of the state.
class WorkerThread {
public:
    /// Starts the thread, which calls `state->run()` with all signals blocked. `State` derives from
    /// WorkerState.
    template<class State>
    explicit WorkerThread(const std::shared_ptr<State>& state)
        : state_{state}, thread_{[state] {
              begin();
              state->run();
              end(*state);
          }} {}

    /// Sets `stopping` and waits for the end. Returns false if the thread was abandoned after `limit`. Must
    /// be called, once, before the destructor.
    [[nodiscard]] bool stop(Duration limit);

private:
    static void begin() noexcept;
    static void end(WorkerState& state);

    std::shared_ptr<WorkerState> state_;
    std::thread thread_;
};

} // namespace bearerd
