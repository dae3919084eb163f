#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

namespace bearerd::net {

namespace asio = boost::asio;

/// The one executor type of the program: one io_context a thread, no connection ever crosses threads, so no
/// strands and no type-erased executors.
using Executor = asio::io_context::executor_type;

/// A coroutine on it. Parameters of a spawned one are taken by value; references only to objects that live
/// until the loop has drained (ARCHITECTURE.md, rules of Asio code).
template<class T>
using Task = asio::awaitable<T, Executor>;

} // namespace bearerd::net
