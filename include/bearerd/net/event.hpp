#pragma once

#include <bearerd/net/task.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/post.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <new>
#include <utility>

namespace bearerd::net {

/// Lets one coroutine wait until something on the same thread sets it. Setting it twice, or before the wait,
/// is remembered once. Has no deadline of its own: whoever waits owns a Deadline whose callback sets the
/// event.
class Event {
public:
    explicit Event(Executor executor) noexcept : executor_{std::move(executor)} {}

    Event(const Event&) = delete;
    Event& operator=(const Event&) = delete;

    /// Resumes the waiting coroutine in a turn of its own, never within this call.
    void set() {
        if (auto waiter = std::move(waiter_))
            waiter->resume_later(executor_);
        else
            set_ = true;
    }

    /// As set(), but resumes within this call: for the last statement of a completion handler, on hot paths.
    void set_inline() {
        if (auto waiter = std::move(waiter_))
            waiter.release()->resume_now();
        else
            set_ = true;
    }

    /// Awaitable; at most one at a time. Completes in a later turn where the event is already set.
    [[nodiscard]] auto wait() {
        return asio::async_initiate<const asio::deferred_t, void()>(
            [this](auto handler) {
                if (std::exchange(set_, false))
                    asio::post(executor_, std::move(handler));
                else
                    keep(std::move(handler));
            },
            asio::deferred);
    }

private:
    /// Asio's own any_completion_handler recurses without end in Boost 1.81 once it is posted.
    class Waiter {
    public:
        virtual ~Waiter() = default;
        virtual void resume_later(const Executor& executor) = 0;
        /// Ends the waiter first: the coroutine that goes on may wait again, or end, within the call.
        virtual void resume_now() = 0;
    };

    template<class Handler>
    class Waiting final : public Waiter {
    public:
        explicit Waiting(Handler&& handler) : handler_{std::move(handler)} {}

        void resume_later(const Executor& executor) override { asio::post(executor, std::move(handler_)); }

        void resume_now() override {
            Handler handler{std::move(handler_)};
            this->~Waiting();
            std::move(handler)();
        }

    private:
        Handler handler_;
    };

    struct EndInPlace {
        void operator()(Waiter* waiter) const noexcept { waiter->~Waiter(); }
    };

    /// In the event itself: one waits on every request.
    template<class Handler>
    void keep(Handler handler) {
        static_assert(sizeof(Waiting<Handler>) <= sizeof room_ &&
                      alignof(Waiting<Handler>) <= alignof(void*));
        waiter_.reset(new (room_.data()) Waiting<Handler>{std::move(handler)});
    }

    Executor executor_;
    alignas(void*) std::array<std::byte, 4 * sizeof(void*)> room_;
    std::unique_ptr<Waiter, EndInPlace> waiter_;
    bool set_ = false;
};

} // namespace bearerd::net
