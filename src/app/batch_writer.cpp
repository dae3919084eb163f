#include "batch_writer.hpp"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

namespace bearerd::app {
namespace {

using namespace std::chrono_literals;

constexpr auto batch_interval = 50ms;
constexpr std::size_t batch_size = 64 * 1024;         // wakes the writer before the interval is over
constexpr std::size_t most_pending = 4 * 1024 * 1024; // some 15,000 request lines
constexpr std::size_t pipe_piece = 4096;              // PIPE_BUF: does not block where poll() says writable
constexpr int poll_limit_ms = 200;

class DescriptorOutput {
public:
    explicit DescriptorOutput(int descriptor) : descriptor_{descriptor} {
        struct stat status{};

        regular_file_ = ::fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
    }

    /// Returns how many lines were lost, including the one that was cut: because the descriptor is broken, or
    /// accepts no more when it is time to end. While running, waits for the descriptor.
    std::size_t operator()(std::string_view bytes, const std::atomic<bool>& stop) const {
        const auto lines_left = [&bytes] {
            return static_cast<std::size_t>(std::count(bytes.begin(), bytes.end(), '\n'));
        };
        int patience = 5; // a second or so
        while (!bytes.empty()) {
            if (!regular_file_) {
                pollfd entry{descriptor_, POLLOUT, 0};
                if (::poll(&entry, 1, poll_limit_ms) == 0) {
                    if (stop && --patience == 0)
                        return lines_left();
                    continue;
                }
            }
            const auto size = regular_file_ ? bytes.size() : std::min(bytes.size(), pipe_piece);
            const auto written = ::write(descriptor_, bytes.data(), size);
            if (written > 0)
                bytes.remove_prefix(static_cast<std::size_t>(written));
            else if (errno != EINTR && errno != EAGAIN)
                return lines_left();
        }
        return 0;
    }

private:
    int descriptor_;
    bool regular_file_ = false;
};

} // namespace

BatchWriter::BatchWriter(int descriptor, Notice notice)
    : BatchWriter{DescriptorOutput{descriptor}, std::move(notice)} {}

BatchWriter::BatchWriter(Output output, Notice notice)
    : output_{std::move(output)}, notice_{std::move(notice)} {
    thread_ = std::thread{[this] { run(); }};
}

BatchWriter::~BatchWriter() {
    {
        const std::lock_guard lock{mutex_};
        stop_ = true;
    }
    wake_.notify_one();
    thread_.join();
}

void BatchWriter::add(std::string_view line, bool urgent) {
    bool wake = false;
    {
        const std::lock_guard lock{mutex_};
        if (pending_.size() + line.size() > most_pending) {
            ++dropped_;
            return;
        }
        // The writer sleeps without a timeout while there is nothing, so that an idle daemon never wakes up.
        wake = pending_.empty() || urgent ||
               (pending_.size() < batch_size && pending_.size() + line.size() >= batch_size);
        pending_.append(line);
        urgent_ = urgent_ || urgent || pending_.size() >= batch_size;
    }
    if (wake)
        wake_.notify_one();
}

void BatchWriter::flush(Duration limit) {
    std::unique_lock lock{mutex_};
    urgent_ = true;
    wake_.notify_one();
    written_.wait_for(lock, limit, [this] { return pending_.empty() && !writing_; });
}

void BatchWriter::run() {
    std::string batch;
    std::unique_lock lock{mutex_};
    while (true) {
        if (pending_.empty()) { // a pause: the next burst may be far away
            std::string{}.swap(pending_);
            std::string{}.swap(batch);
        }
        wake_.wait(lock, [this] { return stop_ || !pending_.empty(); });
        if (pending_.empty())
            return;
        wake_.wait_for(lock, batch_interval, [this] { return stop_ || urgent_; });
        urgent_ = false;
        batch.clear();
        batch.swap(pending_);
        const std::size_t dropped = std::exchange(dropped_, 0);
        writing_ = true;
        lock.unlock();
        std::size_t lost = output_(batch, stop_);
        if (dropped != 0 && (lost != 0 || output_(notice_(dropped), stop_) != 0))
            lost += dropped; // to be reported later
        lock.lock();
        dropped_ += lost;
        writing_ = false;
        written_.notify_all();
        if (lost != 0 && stop_)
            return;
    }
}

} // namespace bearerd::app
