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

/// Memory for one handler that is posted, so that posting it can't fail. Its allocators own it together.
class PostRoom {
public:
    [[nodiscard]] void* take(std::size_t size) noexcept {
        if (taken_ || size > bytes_.size())
            return nullptr;
        taken_ = true;
        return bytes_.data();
    }

    /// False: the memory is not from here.
    [[nodiscard]] bool give_back(const void* memory) noexcept {
        const bool ours = memory == bytes_.data();
        taken_ = taken_ && !ours;
        return ours;
    }

private:
    alignas(std::max_align_t) std::array<std::byte, 16 * sizeof(void*)> bytes_;
    bool taken_ = false;
};

/// Takes from a PostRoom, and from the heap what does not fit.
template<class T>
class PostRoomAllocator {
public:
    using value_type = T;

    explicit PostRoomAllocator(std::shared_ptr<PostRoom> room) noexcept : room_{std::move(room)} {}

    template<class Other>
    // NOLINTNEXTLINE(google-explicit-constructor): the standard wants this conversion
    PostRoomAllocator(const PostRoomAllocator<Other>& other) noexcept : room_{other.room_} {}

    [[nodiscard]] T* allocate(std::size_t count) {
        static_assert(alignof(T) <= alignof(std::max_align_t));
        if (void* const memory = room_->take(count * sizeof(T)))
            return static_cast<T*>(memory);
        return std::allocator<T>{}.allocate(count);
    }

    void deallocate(T* memory, std::size_t count) noexcept {
        if (!room_->give_back(memory))
            std::allocator<T>{}.deallocate(memory, count);
    }

    template<class Other>
    [[nodiscard]] bool operator==(const PostRoomAllocator<Other>& other) const noexcept {
        return room_ == other.room_;
    }

private:
    template<class Other>
    friend class PostRoomAllocator;

    std::shared_ptr<PostRoom> room_;
};

/// Lets one coroutine wait until something on the same thread sets it. Setting it twice, or before the wait,
/// is remembered once. Has no deadline of its own: whoever waits owns a Deadline whose callback sets the
/// event.
class Event {
public:
    explicit Event(Executor executor)
        : executor_{std::move(executor)}, post_room_{std::make_shared<PostRoom>()} {}

    Event(const Event&) = delete;
    Event& operator=(const Event&) = delete;

    /// Resumes the waiting coroutine in a turn of its own, never within this call. Needs no memory: this is
    /// called where a connection is given back or a deadline passes, and nobody could be told of a failure.
    void set() noexcept {
        if (auto waiter = std::move(waiter_))
            waiter->resume_later(executor_, post_room_);
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
        virtual void resume_later(const Executor& executor, const std::shared_ptr<PostRoom>& room) = 0;
        /// Ends the waiter first: the coroutine that goes on may wait again, or end, within the call.
        virtual void resume_now() = 0;
    };

    template<class Handler>
    class Waiting final : public Waiter {
    public:
        explicit Waiting(Handler&& handler) : handler_{std::move(handler)} {}

        void resume_later(const Executor& executor, const std::shared_ptr<PostRoom>& room) override {
            asio::post(executor, Posted{std::move(handler_), room});
        }

        void resume_now() override {
            Handler handler{std::move(handler_)};
            this->~Waiting();
            std::move(handler)();
        }

    private:
        /// The handler with the memory that it is posted in.
        struct Posted {
            using allocator_type = PostRoomAllocator<void>;

            void operator()() { std::move(handler)(); }

            [[nodiscard]] allocator_type get_allocator() const noexcept { return allocator_type{room}; }

            Handler handler;
            std::shared_ptr<PostRoom> room;
        };

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
    std::shared_ptr<PostRoom> post_room_; ///< what was posted may outlive the event
    alignas(void*) std::array<std::byte, 4 * sizeof(void*)> room_;
    std::unique_ptr<Waiter, EndInPlace> waiter_;
    bool set_ = false;
};

} // namespace bearerd::net
