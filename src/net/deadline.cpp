#include <bearerd/net/deadline.hpp>

#include <algorithm>
#include <new>

namespace bearerd::net {
namespace {

constexpr Duration tick_length = std::chrono::milliseconds{50};

} // namespace

void Deadline::set(TimePoint when) {
    expired_ = false;
    when_ = when;
    // An entry under an earlier tick is checked again at that tick, so it need not move on every request.
    if (!is_linked() || DeadlineClock::tick_of(when) < position_)
        clock_.file(*this);
}

void Deadline::set_after(Duration wait) {
    set(BootClock::now() + wait);
}

void Deadline::clear() noexcept {
    when_ = TimePoint::max();
    expired_ = false;
}

void Deadline::expire() noexcept {
    when_ = TimePoint::max();
    if (expired_)
        return;
    expired_ = true;
    callback_(context_);
}

DeadlineClock::DeadlineClock(asio::io_context& context)
    : slots_(slot_count),
      timer_{context.get_executor()},
      // Rounded down, unlike a deadline, because the current tick has not been looked at.
      done_tick_{static_cast<std::uint64_t>(BootClock::now().time_since_epoch() / tick_length)} {}

void DeadlineClock::stop() noexcept {
    stopped_ = true;
    timer_.cancel();
}

std::uint64_t DeadlineClock::tick_of(TimePoint when) noexcept {
    // Rounded up, so that a deadline never passes early.
    return static_cast<std::uint64_t>((when.time_since_epoch() + tick_length - Duration{1}) / tick_length);
}

void DeadlineClock::file(Deadline& entry) {
    entry.unlink();
    // An entry beyond the wheel's horizon is filed at the horizon and checked again there.
    entry.position_ = std::clamp(tick_of(entry.when_), done_tick_ + 1, done_tick_ + slot_count - 1);
    slots_[entry.position_ % slot_count].push_back(entry);
    // The timer does not count the time of a suspend, but the ticks do. After one, the timer may be armed for
    // a time that is long past.
    const bool overdue = armed_tick_ != 0 && armed_tick_ + 1 < tick_of(BootClock::now());
    if (armed_tick_ == 0 || entry.position_ < armed_tick_ || overdue)
        arm(std::min(entry.position_, armed_tick_ == 0 ? entry.position_ : armed_tick_));
}

void DeadlineClock::arm(std::uint64_t tick) {
    if (stopped_)
        return;
    armed_tick_ = tick;
    const TimePoint when{tick_length * static_cast<std::int64_t>(tick)};
    timer_.expires_after(std::max(Duration{0}, when - BootClock::now()));
    try {
        timer_.async_wait([this](error_code code) {
            if (!code)
                on_timer();
        });
    } catch (const std::bad_alloc&) { // deadlines are also set where nothing may throw; the next one arms it
        armed_tick_ = 0;
    }
}

void DeadlineClock::on_timer() {
    const TimePoint now = BootClock::now();
    const auto now_tick = static_cast<std::uint64_t>(now.time_since_epoch() / tick_length);
    armed_tick_ = 0;
    // After a suspend the wheel may be many turns late, but each slot needs only one look.
    const std::uint64_t last = std::min(now_tick, done_tick_ + slot_count);
    for (std::uint64_t tick = done_tick_ + 1; tick <= last; ++tick) {
        done_tick_ = tick;
        run_slot(slots_[tick % slot_count], now);
    }
    done_tick_ = std::max(done_tick_, now_tick);
    if (const std::uint64_t next = next_filled_tick(); next != 0 && (armed_tick_ == 0 || next < armed_tick_))
        arm(next);
}

void DeadlineClock::run_slot(Slot& slot, TimePoint now) {
    Slot due;
    due.swap(slot); // callbacks may set deadlines, even into this slot
    while (!due.empty()) {
        Deadline& entry = due.front();
        due.pop_front();
        if (entry.when_ <= now)
            entry.expire();
        else if (entry.when_ != TimePoint::max())
            file(entry);
    }
}

std::uint64_t DeadlineClock::next_filled_tick() const noexcept {
    for (std::uint64_t tick = done_tick_ + 1; tick < done_tick_ + slot_count; ++tick)
        if (!slots_[tick % slot_count].empty())
            return tick;
    return 0;
}

} // namespace bearerd::net
