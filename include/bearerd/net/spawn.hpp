#pragma once

#include <bearerd/net/task.hpp>

#include <string_view>

namespace bearerd::net {

/// Starts a coroutine of its own on the executor. An exception that leaves it is logged with `what`, never
/// lost. `task` must hold its parameters by value, or refer to what lives until the loop has drained.
void spawn(const Executor& executor, Task<void> task, std::string_view what);

/// Runs the loop until it is out of work; an exception out of a handler is logged and the loop goes on, since
/// one message must never end the process.
void run(asio::io_context& context);

} // namespace bearerd::net
