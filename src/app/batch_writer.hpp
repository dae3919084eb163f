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

/// Writes lines to a descriptor from a thread of its own, in batches. add() never waits for the descriptor: a
/// slow one is waited for by that thread, what does not fit meanwhile is dropped and counted.
class BatchWriter {
public:
    /// The line that tells how many were dropped. Called on the writer's thread, which holds no lock then.
    using Notice = std::function<std::string(std::size_t dropped)>;

    BatchWriter(int descriptor, Notice notice);
    /// Writes what is left; a descriptor that takes nothing is given up after a second.
    ~BatchWriter();
    BatchWriter(const BatchWriter&) = delete;
    BatchWriter& operator=(const BatchWriter&) = delete;

    /// One whole line. `urgent`: written at once instead of with the next batch. Any thread.
    void add(std::string_view line, bool urgent);

    /// Waits until all that was added before is written, or gives up after `limit`.
    void flush(Duration limit);

private:
    void run();
    [[nodiscard]] std::size_t write_out(std::string_view bytes) const;

    int descriptor_;
    Notice notice_;
    bool regular_file_ = false;
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
