#include <bearerd/net/readiness.hpp>
#include <bearerd/server/session.hpp>

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace bearerd::server {
namespace {

using namespace std::chrono_literals;

constexpr Duration linger_time = 1s;
constexpr std::size_t most_lingered = 256 * 1024; // bytes of a refused request that are read and dropped

/// What the app has done to its connection, as poll(2) shows it.
struct PeerState {
    bool ended = false; ///< it has ended its stream, and may still read
    bool gone =
        false; ///< it has reset the connection, or (seen only on a unix socket) closed both directions
};

PeerState state_of(int descriptor) noexcept {
    pollfd polled{descriptor, POLLRDHUP, 0};
    if (::poll(&polled, 1, 0) != 1)
        return {};
    return {(polled.revents & POLLRDHUP) != 0, (polled.revents & (POLLERR | POLLHUP)) != 0};
}

} // namespace

/// At least one more byte, asio's would_block, or errc::closed at the end of the stream.
error_code Session::receive_now() {
    const auto room = received_.prepare();
    if (room.empty())
        return errc::too_large;
    const auto size = ::recv(socket_.native_handle(), room.data(), room.size(), 0);
    if (size > 0) {
        received_.commit(static_cast<std::size_t>(size));
        drained_ = static_cast<std::size_t>(size) < room.size();
        return {};
    }
    if (size == 0) {
        peer_ended_ = true;
        return errc::closed;
    }
    if (net::would_block()) {
        drained_ = true;
        return net::asio::error::would_block;
    }
    return {errno, boost::system::system_category()};
}

/// As receive_now(), but waits.
net::Task<error_code> Session::receive() {
    while (true) {
        const error_code received = receive_now();
        if (received != net::asio::error::would_block)
            co_return received;
        if (const error_code code = co_await net::wait_ready(socket_, ClientSocket::wait_read, deadline_))
            co_return code;
    }
}

/// As sendmsg(2); nothing to send is sent.
ssize_t Session::send_now(std::span<const std::string_view> pieces) noexcept {
    std::array<iovec, 3> vectors{};
    std::size_t count = 0;
    for (const std::string_view piece : pieces)
        if (!piece.empty()) // sendmsg's interface is older than const
            vectors[count++] = {const_cast<char*>(piece.data()), piece.size()};
    if (count == 0)
        return 0;
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = count;
    return ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL);
}

std::size_t Session::write_now(std::string_view first, std::string_view second) {
    const std::array pieces{first, second};
    const auto sent = send_now(pieces);
    if (sent <= 0) // as long as not one byte has gone, another answer can take its place
        return 0;
    wrote_ = true;
    return static_cast<std::size_t>(sent);
}

net::Task<bool> Session::write(std::string_view first, std::string_view second, std::string_view third) {
    std::array<std::string_view, 3> pieces{first, second, third};
    wrote_ = true;
    in_half_close_window_ = false; // the deadline is the write's
    while (!std::ranges::all_of(pieces, &std::string_view::empty)) {
        const auto sent = send_now(pieces);
        if (sent < 0) {
            error_code code{errno, boost::system::system_category()};
            if (net::would_block()) {
                deadline_.set_after(cut_ ? linger_time : site_->body_timeout);
                code = co_await net::wait_ready(socket_, ClientSocket::wait_write, deadline_);
                deadline_.clear();
            }
            if (code) {
                keep_open_ = false;
                co_return false;
            }
            continue;
        }
        auto left = static_cast<std::size_t>(sent);
        for (std::string_view& piece : pieces) {
            const std::size_t done = std::min(left, piece.size());
            piece.remove_prefix(done);
            left -= done;
        }
    }
    co_return true;
}

/// Closes so that the app gets the answer and not a reset, even where it is still sending (RFC 9112
/// section 9.6).
net::Task<void> Session::linger() {
    if (::shutdown(socket_.native_handle(), SHUT_WR) != 0 || peer_ended_)
        co_return;
    deadline_.set_after(linger_time);
    std::array<char, 4096> sink{};
    std::size_t dropped = 0;
    while (dropped < most_lingered && !closing_) {
        const auto size = ::recv(socket_.native_handle(), sink.data(), sink.size(), 0);
        if (size == 0)
            co_return;
        if (size > 0)
            dropped += static_cast<std::size_t>(size);
        else if (!net::would_block() || co_await net::wait_ready(socket_, ClientSocket::wait_read, deadline_))
            co_return;
    }
}

void Session::reset_after() noexcept {
    keep_open_ = false;
    reset_ = true;

    const struct ::linger at_once{1, 0};

    ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

bool Session::note_end() noexcept {
    const PeerState peer = state_of(socket_.native_handle());
    ended_with_request_ = peer_ended_ || peer.ended;
    in_half_close_window_ = !ended_with_request_ && site_->half_close_window > Duration{0};
    if (in_half_close_window_)
        deadline_.set_after(site_->half_close_window);
    return peer.gone;
}

/// By the socket's state: what is pipelined in front of an end would hide it from a receive.
bool Session::app_is_gone() noexcept {
    const PeerState peer = state_of(socket_.native_handle());
    if (in_half_close_window_ && peer.ended)
        ended_with_request_ = true;
    return peer.gone || (peer.ended && !ended_with_request_);
}

/// Looks once more at the end of the window, so that a long wait does not make a later end of this one.
void Session::close_half_close_window() noexcept {
    in_half_close_window_ = false;
    deadline_.clear();
    ended_with_request_ = state_of(socket_.native_handle()).ended;
}

/// Nothing of a request has come, or only the beginning of an empty line.
bool Session::is_idle() const noexcept {
    return received_.empty() || received_.data() == "\r";
}

void Session::on_deadline(void* self) noexcept {
    auto& session = *static_cast<Session*>(self);
    if (session.in_half_close_window_) { // no wait on the socket is running
        session.close_half_close_window();
        return;
    }
    error_code ignored;
    session.socket_.cancel(ignored);
}

} // namespace bearerd::server
