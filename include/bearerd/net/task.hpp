#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>

namespace bearerd::net {

namespace asio = boost::asio;

/// The only executor type of the program: one io_context per thread. No connection ever moves between
/// threads, so there are no strands and no type-erased executors.
using Executor = asio::io_context::executor_type;

/// A coroutine on this executor. A spawned coroutine takes its parameters by value, and references only to
/// objects that live until the loop has drained (ARCHITECTURE.md, rules of Asio code).
template<class T>
using Task = asio::awaitable<T, Executor>;

/// A timer of the one executor type, on the monotonic clock: it stands still while the machine sleeps, unlike
/// BootClock.
using Timer = asio::basic_waitable_timer<std::chrono::steady_clock,
                                         asio::wait_traits<std::chrono::steady_clock>, Executor>;

} // namespace bearerd::net
