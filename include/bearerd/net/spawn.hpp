#pragma once

#include <bearerd/net/task.hpp>

#include <string_view>

namespace bearerd::net {

/// Starts an independent coroutine on the executor. An exception that leaves it is logged with `what`, never
/// lost. `task` must hold its parameters by value, or refer to objects that live until the loop has drained.
void spawn(const Executor& executor, Task<void> task, std::string_view what);

/// Runs the loop until it is out of work. If a handler throws, the exception is logged and the loop
/// continues, because one message must never end the process.
void run(asio::io_context& context);

} // namespace bearerd::net
