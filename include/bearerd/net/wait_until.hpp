#pragma once

#include <bearerd/base/clock.hpp>
#include <bearerd/net/deadline.hpp>
#include <bearerd/net/event.hpp>
#include <bearerd/net/task.hpp>

namespace bearerd::net {

/// Waits until the event is set, or until `when`. The event and the clock must outlive the wait.
[[nodiscard]] Task<void> wait_until(Event& event, DeadlineClock& clock, TimePoint when);

} // namespace bearerd::net
