#pragma once

#include <bearerd/net/task.hpp>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/post.hpp>

#include <utility>

namespace bearerd::net {

/// Lets one coroutine wait until something on the same thread sets it. Setting it twice, or before the wait, is
/// remembered once. Has no deadline of its own: whoever waits owns a Deadline whose callback sets the event.
class Event {
public:
    explicit Event(Executor executor) noexcept : executor_{std::move(executor)} {}
    Event(const Event&) = delete;
    Event& operator=(const Event&) = delete;

    /// Resumes the waiting coroutine in a turn of its own, never within this call.
    void set() {
        if (waiter_) {
            asio::post(executor_, std::exchange(waiter_, nullptr));
            return;
        }
        set_ = true;
    }

    /// As set(), but resumes within this call: for the last statement of a completion handler, on hot paths.
    void set_inline() {
        if (waiter_) {
            std::exchange(waiter_, nullptr)();
            return;
        }
        set_ = true;
    }

    void reset() noexcept { set_ = false; }

    /// Awaitable; at most one at a time. Completes in a later turn where the event is already set.
    [[nodiscard]] auto wait() {
        return asio::async_initiate<const asio::deferred_t, void()>(
            [this](auto handler) {
                if (std::exchange(set_, false))
                    asio::post(executor_, std::move(handler));
                else
                    waiter_ = std::move(handler);
            },
            asio::deferred);
    }

    [[nodiscard]] bool has_waiter() const noexcept { return static_cast<bool>(waiter_); }

private:
    Executor executor_;
    asio::any_completion_handler<void()> waiter_;
    bool set_ = false;
};

} // namespace bearerd::net
