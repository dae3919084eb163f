#pragma once

#include <bearerd/base/clock.hpp>

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace bearerd::app {

/// Writes bytes to a descriptor from a thread of its own, in batches. add() never waits for the descriptor.
class BatchWriter {
public:
    explicit BatchWriter(int descriptor);
    ~BatchWriter();
    BatchWriter(const BatchWriter&) = delete;
    BatchWriter& operator=(const BatchWriter&) = delete;

    /// One whole line. `urgent`: written at once instead of with the next batch. Any thread.
    void add(std::string_view line, bool urgent);

    /// Waits until all that was added before is written, or gives up after `limit`.
    void flush(Duration limit);

private:
    void run();
    [[nodiscard]] bool write_out(std::string_view bytes) const;

    int descriptor_;
    bool regular_file_ = false;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::condition_variable written_;
    std::string pending_;
    std::size_t dropped_ = 0;
    bool urgent_ = false;
    bool writing_ = false;
    bool stop_ = false;
    std::thread thread_;
};

} // namespace bearerd::app
