#pragma once

#include <bearerd/base/clock.hpp>
#include <bearerd/base/error.hpp>
#include <bearerd/net/task.hpp>

#include <boost/intrusive/list.hpp>

#include <cstdint>
#include <vector>

namespace bearerd::net {

class DeadlineClock;

/// One deadline that is set again for each step of a connection. Setting it costs a store: the entry moves
/// within the clock only if the new deadline is earlier than the old one. Use it on the clock's thread only.
/// It must not outlive the clock.
class Deadline
    : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
public:
    /// Called once, after the deadline has passed. Cancels the operation that is waited for. Must not destroy
    /// the Deadline.
    using Callback = void (*)(void* context) noexcept;

    Deadline(DeadlineClock& clock, Callback callback, void* context) noexcept
        : clock_{clock}, callback_{callback}, context_{context} {}

    Deadline(const Deadline&) = delete;
    Deadline& operator=(const Deadline&) = delete;
    ~Deadline() = default; // the hook unlinks itself

    void set(TimePoint when);
    void set_after(Duration wait);
    /// Removes the deadline. It is not expired then.
    void clear() noexcept;

    /// Whether the deadline has passed, or expire() was called, since it was set.
    [[nodiscard]] bool expired() const noexcept { return expired_; }

    /// Makes the deadline pass now, whatever it was set to. Setting it again makes it valid again.
    void expire() noexcept;

private:
    friend class DeadlineClock;
    DeadlineClock& clock_;
    Callback callback_;
    void* context_;
    TimePoint when_ = TimePoint::max();
    std::uint64_t position_ = 0; ///< the tick under which the entry is filed; never after when_
    bool expired_ = false;
};

/// All deadlines of one thread share one timer: a timer per operation would cost four timerfd_settime calls
/// per request. A hashed wheel of 50 ms ticks. A deadline passes at most one tick late, never early.
class DeadlineClock {
public:
    explicit DeadlineClock(asio::io_context& context);
    DeadlineClock(const DeadlineClock&) = delete;
    DeadlineClock& operator=(const DeadlineClock&) = delete;

    /// Stops the timer, so that the io_context can run out of work. Later deadlines never pass.
    void stop() noexcept;

private:
    friend class Deadline;
    static constexpr std::size_t slot_count = 2048;
    using Slot = boost::intrusive::list<Deadline, boost::intrusive::constant_time_size<false>>;

    [[nodiscard]] static std::uint64_t tick_of(TimePoint when) noexcept;
    void file(Deadline& entry);
    void arm(std::uint64_t tick);
    void on_timer();
    void run_slot(Slot& slot, TimePoint now);
    [[nodiscard]] std::uint64_t next_filled_tick() const noexcept;

    std::vector<Slot> slots_;
    Timer timer_;
    std::uint64_t done_tick_;      ///< every slot up to this tick has been looked at
    std::uint64_t armed_tick_ = 0; ///< 0: the timer is not armed
    bool stopped_ = false;
};

} // namespace bearerd::net
