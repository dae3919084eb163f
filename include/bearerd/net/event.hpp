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

/// Memory for one posted handler, so that posting it can't fail. Shared by the allocators that use it.
class PostRoom {
public:
    [[nodiscard]] void* take(std::size_t size) noexcept {
        if (taken_ || size > bytes_.size())
            return nullptr;
        taken_ = true;
        return bytes_.data();
    }

    /// Releases the memory. Returns false if the memory is not from this object.
    [[nodiscard]] bool give_back(const void* memory) noexcept {
        const bool ours = memory == bytes_.data();
        taken_ = taken_ && !ours;
        return ours;
    }

private:
    alignas(std::max_align_t) std::array<std::byte, 16 * sizeof(void*)> bytes_;
    bool taken_ = false;
};

/// Allocates from a PostRoom, or from the heap if the room is taken or too small.
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

/// Lets one coroutine wait until something on the same thread sets the event. Setting it twice, or before the
/// wait, counts once. The event has no deadline of its own: the waiting code owns a Deadline whose callback
/// sets the event.
class Event {
public:
    explicit Event(Executor executor)
        : executor_{std::move(executor)}, post_room_{std::make_shared<PostRoom>()} {}

    Event(const Event&) = delete;
    Event& operator=(const Event&) = delete;

    /// Resumes the waiting coroutine from the loop, never within this call. Needs no memory, because it is
    /// called when a connection is released or a deadline passes, where a failure could not be reported.
    void set() noexcept {
        if (auto waiter = std::move(waiter_))
            waiter->resume_later(executor_, post_room_);
        else
            set_ = true;
    }

    /// For use as a Deadline's callback; `event` is the context.
    static void set_at_deadline(void* event) noexcept { static_cast<Event*>(event)->set(); }

    /// Like set(), but resumes within this call. On hot paths, as the last statement of a completion handler.
    void set_inline() {
        if (auto waiter = std::move(waiter_))
            waiter.release()->resume_now();
        else
            set_ = true;
    }

    /// Awaitable, by one waiter at a time. If the event is already set, it completes from the loop.
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
    /// Asio's own any_completion_handler recurses endlessly in Boost 1.81 when it is posted.
    class Waiter {
    public:
        virtual ~Waiter() = default;
        virtual void resume_later(const Executor& executor, const std::shared_ptr<PostRoom>& room) = 0;
        /// Destroys the waiter first: the resumed coroutine may wait again, or end, within the call.
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
        /// The handler, with the memory in which it is posted.
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

    /// Stores the waiter in the event itself, because every request has one.
    template<class Handler>
    void keep(Handler handler) {
        static_assert(sizeof(Waiting<Handler>) <= sizeof room_ &&
                      alignof(Waiting<Handler>) <= alignof(void*));
        waiter_.reset(new (room_.data()) Waiting<Handler>{std::move(handler)});
    }

    Executor executor_;
    std::shared_ptr<PostRoom> post_room_; ///< a posted handler may outlive the event
    alignas(void*) std::array<std::byte, 4 * sizeof(void*)> room_;
    std::unique_ptr<Waiter, EndInPlace> waiter_;
    bool set_ = false;
};

} // namespace bearerd::net
