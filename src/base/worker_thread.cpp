#include <bearerd/base/worker_thread.hpp>

#include <bearerd/base/signals.hpp>

namespace bearerd {

bool WorkerThread::stop(Duration limit) {
    std::unique_lock lock{state_->mutex};
    state_->stopping = true;
    state_->changed.notify_all();
    const bool done = state_->changed.wait_for(lock, limit, [this] { return state_->done; });
    state_->abandoned = !done;
    lock.unlock();
    if (done)
        thread_.join();
    else
        thread_.detach();
    return done;
}

void WorkerThread::begin() noexcept {
    block_signals();
}

void WorkerThread::end(WorkerState& state) {
    const std::lock_guard lock{state.mutex};
    state.done = true;
    state.changed.notify_all();
}

} // namespace bearerd
