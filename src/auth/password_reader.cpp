#include "password_reader.hpp"

#include <bearerd/base/signals.hpp>

#include <boost/asio/post.hpp>

#include <algorithm>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace bearerd::auth {

namespace {

/// The most readings that may hang, each in a thread of its own.
constexpr std::size_t most_readings = 4;

} // namespace

struct PasswordReader::State {
    std::mutex mutex;
    std::vector<std::string> reading; ///< the paths
    bool abandoned = false;           ///< the executor may be gone

    void ended(const std::string& path) noexcept {
        const auto found = std::ranges::find(reading, path);
        if (found != reading.end())
            reading.erase(found);
    }
};

PasswordReader::PasswordReader(net::Executor executor, Read read)
    : executor_{executor}, read_{std::move(read)}, state_{std::make_shared<State>()} {}

bool PasswordReader::start(const std::string& path, Report report) {
    {
        const std::lock_guard lock{state_->mutex};
        if (state_->abandoned || state_->reading.size() >= most_readings ||
            std::ranges::find(state_->reading, path) != state_->reading.end())
            return false;
    }
    try {
        start_thread(path, std::move(report));
    } catch (const std::exception&) { // no thread, or no memory
        const std::lock_guard lock{state_->mutex};
        state_->ended(path);
        return false;
    }
    return true;
}

void PasswordReader::start_thread(const std::string& path, Report report) {
    {
        const std::lock_guard lock{state_->mutex};
        state_->reading.push_back(path);
    }
    auto work = [state = state_, executor = executor_, read = read_, path, report = std::move(report)] {
        block_signals();
        std::optional<Secret> password;
        try {
            password = read(path);
        } catch (const std::exception&) { // no memory: as if it could not be read
        }
        const std::lock_guard lock{state->mutex};
        state->ended(path);
        if (state->abandoned)
            return;
        try {
            net::asio::post(executor, [report, password = std::move(password)]() mutable {
                report(std::move(password));
            });
        } catch (const std::exception&) { // the login that waits has a deadline
        }
    };
    std::thread{std::move(work)}.detach();
}

void PasswordReader::abandon() {
    const std::lock_guard lock{state_->mutex};
    state_->abandoned = true;
}

} // namespace bearerd::auth
