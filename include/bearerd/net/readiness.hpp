#pragma once

#include <bearerd/base/error.hpp>
#include <bearerd/net/deadline.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/socket_base.hpp>

#include <cerrno>

namespace bearerd::net {

/// Whether errno of a non-blocking call means "wait and try again", and no real error.
[[nodiscard]] inline bool would_block() noexcept {
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

/// Waits until the socket is readable or writable. Returns errc::timed_out if the deadline passes first; the
/// deadline's callback must cancel the socket's operations.
template<class Socket>
[[nodiscard]] Task<error_code> wait_ready(Socket& socket, asio::socket_base::wait_type what,
                                          const Deadline& deadline) {
    if (deadline.expired())
        co_return errc::timed_out;
    auto [code] = co_await socket.async_wait(what, asio::as_tuple(asio::deferred));
    if (code && deadline.expired())
        co_return errc::timed_out;
    co_return code;
}

} // namespace bearerd::net
