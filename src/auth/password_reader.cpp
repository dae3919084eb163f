#include "password_reader.hpp"

#include <bearerd/base/signals.hpp>

#include <boost/asio/post.hpp>

#include <exception>
#include <mutex>
#include <system_error>
#include <thread>

namespace bearerd::auth {

struct PasswordReader::State {
    std::mutex mutex;
    bool reading = false;
    bool abandoned = false; ///< the executor may be gone
};

PasswordReader::PasswordReader(net::Executor executor, Read read)
    : executor_{executor}, read_{std::move(read)}, state_{std::make_shared<State>()} {}

bool PasswordReader::start(std::string path, Told told) {
    {
        const std::lock_guard lock{state_->mutex};
        if (state_->reading || state_->abandoned)
            return false;
        state_->reading = true;
    }
    auto work = [state = state_, executor = executor_, read = read_, path = std::move(path),
                 told = std::move(told)] {
        block_signals();
        std::optional<Secret> password;
        try {
            password = read(path);
        } catch (const std::exception&) { // for lack of memory: as if it could not be read
        }
        const std::lock_guard lock{state->mutex};
        state->reading = false;
        if (state->abandoned)
            return;
        try {
            net::asio::post(executor,
                            [told, password = std::move(password)]() mutable { told(std::move(password)); });
        } catch (const std::exception&) { // who waits has a deadline
        }
    };
    try {
        std::thread{std::move(work)}.detach();
    } catch (const std::system_error&) {
        const std::lock_guard lock{state_->mutex};
        state_->reading = false;
        return false;
    }
    return true;
}

void PasswordReader::abandon() {
    const std::lock_guard lock{state_->mutex};
    state_->abandoned = true;
}

} // namespace bearerd::auth
