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

/// Of a socket, as poll(2) has it: whether either side has ended.
int state_of(int descriptor) noexcept {
    pollfd polled{descriptor, POLLRDHUP, 0};
    return ::poll(&polled, 1, 0) == 1 ? polled.revents : 0;
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

void Session::note_end() noexcept {
    ended_with_request_ = peer_ended_ || (state_of(socket_.native_handle()) & POLLRDHUP) != 0;
}

/// By the socket's state: what is pipelined in front of an end would hide it from a receive.
bool Session::app_is_gone() noexcept {
    const int state = state_of(socket_.native_handle());
    const bool ended = (state & POLLRDHUP) != 0 && !ended_with_request_;
    const bool gone = ended || (state & (POLLERR | POLLHUP)) != 0;
    if (gone)
        context_.keep_alive = false; // whatever it sends is for nobody
    return gone;
}

/// Nothing of a request has come, or only the beginning of an empty line.
bool Session::is_idle() const noexcept {
    return received_.empty() || received_.data() == "\r";
}

void Session::on_deadline(void* self) noexcept {
    error_code ignored;
    static_cast<Session*>(self)->socket_.cancel(ignored);
}

} // namespace bearerd::server
