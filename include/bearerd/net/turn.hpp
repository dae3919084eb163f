#pragma once

#include <bearerd/net/task.hpp>

#include <boost/asio/deferred.hpp>
#include <boost/asio/post.hpp>

#include <cstddef>

namespace bearerd::net {

/// From how many requests at once on a thread those to the upstream are put off to the end of the loop's
/// turn. One behind the other they find the upstream awake; each by itself, between two others' processing,
/// may have to wake it. Below it, the turn would cost a system call more.
inline constexpr std::size_t crowd = 8;

/// Awaitable: goes on when all that the loop has at hand has been looked at.
[[nodiscard]] inline auto end_of_turn(const Executor& executor) {
    return asio::post(executor, asio::deferred);
}

} // namespace bearerd::net
