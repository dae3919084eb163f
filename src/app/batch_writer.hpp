#pragma once

#include <bearerd/base/clock.hpp>

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace bearerd::app {

/// Writes lines to a descriptor, or to some other output, from a thread of its own, in batches. add() never
/// waits for the output: that thread waits for a slow one, and what does not fit meanwhile is dropped and
/// counted.
class BatchWriter {
public:
    /// Returns the line that says how many were dropped. Called on the writer's thread without a lock held.
    using Notice = std::function<std::string(std::size_t dropped)>;

    /// Writes a batch and returns how many lines were lost. Called on the writer's thread. Waits for a slow
    /// output, but no longer than a second once `stop` is set.
    using Output = std::function<std::size_t(std::string_view batch, const std::atomic<bool>& stop)>;

    BatchWriter(int descriptor, Notice notice);
    BatchWriter(Output output, Notice notice);
    /// Writes what is left; a descriptor that takes nothing is given up after a second.
    ~BatchWriter();
    BatchWriter(const BatchWriter&) = delete;
    BatchWriter& operator=(const BatchWriter&) = delete;

    /// Adds one whole line. `urgent`: it is written at once instead of with the next batch. Any thread.
    void add(std::string_view line, bool urgent);

    /// Waits until all that was added before is written, or gives up after `limit`.
    void flush(Duration limit);

private:
    void run();

    Output output_;
    Notice notice_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::condition_variable written_;
    std::string pending_;
    std::size_t dropped_ = 0;
    bool urgent_ = false;
    bool writing_ = false;
    std::atomic<bool> stop_{false}; ///< set under the mutex
    std::thread thread_;
};

} // namespace bearerd::app
