#include "connection.hpp"
#include "proof_of_life.hpp"

#include <bearerd/upstream/pool.hpp>

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

/// A connection between two exchanges: watched, soon without buffers, checked before its next use.
namespace bearerd::upstream {

void Connection::check_out(TimePoint now) noexcept {
    stop_probes(); // an unreliable line must not end an exchange
    idle_before_ = now - last_used_;
    kind_before_ = kind_;
    busy_ = true;
    used_before_ = true;
    socket_.set_drained(true); // is_alive() has just seen it
    deadline_.clear();
}

void Connection::check_in(Duration limit) {
    busy_ = false;
    received_.unpin();
    received_.wipe();
    received_.release_if_empty();
    if (body_.capacity() > piece_limit + first_buffer)
        body_.wipe();
    body_.clear();
    noted_age_ = {};
    socket_.begin_idle(deadline_, last_used_, last_used_ + limit);
    watch();
}

/// During traffic, the next exchange takes over watch, deadline and buffers. Only a connection that stays
/// idle for a while pays for this.
void Connection::prepare_long_idle() {
    socket_.stay_idle(deadline_, last_used_ + pool_.settings_.idle_timeout);
    if (ssl_)
        tls_free_buffers(ssl_.get());
    body_.wipe();
    if (pool_.needs_proof_of_life()) {
        start_probes(socket_.native_handle(), !probes_set_up_);
        probes_set_up_ = probing_ = true;
    }
}

void Connection::stop_probes() noexcept {
    if (std::exchange(probing_, false))
        upstream::stop_probes(socket_.native_handle());
}

std::optional<Duration> Connection::heard_ago(TimePoint now) noexcept {
    const auto line = line_state(socket_.native_handle());
    return line ? upstream::heard_ago(*line, now - last_used_) : std::nullopt;
}

/// After a whole answer.
void Connection::learn_told_limit() noexcept {
    const std::string_view value = parser_.head().fields.value(http::FieldId::keep_alive);
    if (value.empty())
        return;
    const auto told = keep_alive_timeout(value);
    if (told && told_.is_news(*told, heard_at_))
        pool_.told_limit(*this, *told);
}

bool Connection::is_alive() noexcept {
    char byte = 0;
    const auto peeked = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (peeked < 0) {
        if (errno == EAGAIN || errno == EWOULDBLOCK)
            return !(ssl_ && tls_has_pending(ssl_.get()));
        line_lost_ = errno != ECONNRESET && errno != EPIPE; // such as ETIMEDOUT after unanswered probes
        return false;
    }
    if (peeked == 0 || !ssl_)
        return false;
    // OpenSSL handles session tickets and key updates itself. Anything else ends this connection, and so does
    // a part of something else, which would become the beginning of the next answer.
    return read_step(&byte, 1).state == IoState::want_read && !tls_has_pending(ssl_.get());
}

void Connection::close() noexcept {
    if (closed_)
        return;
    closed_ = true;
    deadline_.clear();
    if (ssl_)
        tls_close(ssl_.get());
    error_code ignored;
    socket_.close(ignored);
}

/// One wait covers idle time and exchange. In an exchange it follows a read that found nothing.
void Connection::watch() {
    if (watching_ || closed_)
        return;
    watching_ = true;
    socket_.async_wait_news([self = shared_from_this()](error_code code) { self->on_watch(code); });
}

/// Wakes the coroutine that waits for readable_ as soon as the socket takes more bytes.
void Connection::watch_room() {
    if (watching_room_ || closed_)
        return;
    watching_room_ = true;
    socket_.async_wait(TcpSocket::wait_write, [self = shared_from_this()](error_code) {
        self->watching_room_ = false;
        if (self->busy_)
            self->readable_.set_inline();
    });
}

void Connection::on_watch(error_code code) {
    watching_ = false;
    if (busy_) {
        readable_.set_inline();
        return;
    }
    if (closed_)
        return;
    using WaitResult = decltype(socket_)::WaitResult;
    const WaitResult result = socket_.wait_result(code, deadline_);
    if (result == WaitResult::over) {
        pool_.drop_expired(*this);
        return;
    }
    if (!is_alive()) {
        pool_.drop_ended(*this);
        return;
    }
    if (result == WaitResult::read)
        prepare_long_idle();
    watch();
}

} // namespace bearerd::upstream
