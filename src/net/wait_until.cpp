#include <bearerd/net/wait_until.hpp>

namespace bearerd::net {

Task<void> wait_until(Event& event, DeadlineClock& clock, TimePoint when) {
    Deadline end{clock, &Event::set_at_deadline, &event};
    end.set(when);
    co_await event.wait();
}

} // namespace bearerd::net
