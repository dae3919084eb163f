#include "connection.hpp"
#include "proof_of_life.hpp"

#include <bearerd/http/framing.hpp>
#include <bearerd/http/headers.hpp>
#include <bearerd/http/stream_start.hpp>
#include <bearerd/net/deferred_sends.hpp>
#include <bearerd/net/readiness.hpp>
#include <bearerd/upstream/pool.hpp>

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace bearerd::upstream {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t head_limit = 64 * 1024;     // of a response; generous, since cookies and CSPs are long
constexpr std::size_t record_size = 16 * 1024;    // a TLS record's payload
constexpr std::size_t long_body = 32 * 1024;      // likely to fill a piece
constexpr std::size_t most_interim = 1024 * 1024; // bytes of 1xx answers; the deadline bounds them too
constexpr int most_in_a_row = 32;                 // receives before the loop runs again
constexpr int most_drained = 64;                  // receives without a look at the deadline
constexpr Duration stream_start_time = 250ms;     // a stream is held this long for its first unit

bool is_success(std::uint16_t status) noexcept {
    return status / 100 == 2;
}

IoStep plain_step(ssize_t result) noexcept {
    if (result > 0)
        return {IoState::done, static_cast<std::size_t>(result)};
    if (result == 0)
        return {IoState::end, 0};
    return {net::would_block() ? IoState::want_read : IoState::failed, 0};
}

} // namespace

Connection::Connection(net::asio::io_context& context, net::DeadlineClock& clock, Pool& pool, Dialed dialed)
    : pool_{pool},
      socket_{std::move(dialed.socket)},
      ssl_{std::move(dialed.ssl)},
      deadline_{clock, &Connection::on_deadline, this},
      readable_{context.get_executor()},
      received_{head_limit, first_buffer},
      opened_at_{BootClock::now()},
      last_used_{opened_at_},
      endpoint_{dialed.endpoint} {
    socket_.set_drained(false); // the handshake may have read more than its own last record
}

Connection::~Connection() {
    received_.wipe();
    wipe(sending_);
}

net::Task<std::optional<Failure>> Connection::exchange(OutgoingRequest request) {
    got_byte_ = false;
    head_at_ = {};
    head_fault_.reset();
    parser_.reset();
    interim_ = 0;
    received_in_a_row_ = 0;
    received_.unpin();
    if (phase_ == Phase::aborted) // between dialing and now
        co_return failure(errc::shutting_down, Stage::connecting);
    sent_at_ = request.now;
    deadline_.set(std::min(sent_at_ + pool_.settings_.response_timeout, request.give_up));

    const std::uint64_t written_before = bytes_written();
    error_code write_fault;
    if (!write_now(request.head, request.body))
        write_fault = co_await write_rest(request.body);
    const bool wrote_any = bytes_written() != written_before;
    wipe(sending_);
    if (write_fault && (!wrote_any || deadline_.expired()))
        co_return failure(write_fault, wrote_any ? Stage::writing : Stage::connecting);

    // An answer may be there even after a write that failed half-way, because a server may refuse a body
    // early.
    if (!head_fault_ && !received_.empty())
        head_fault_ = take_head();
    // Nearly every head comes after one wait, whole. That wait is here because read_head() and fill(),
    // coroutines of their own, would take 1.5 % more of our instructions for a small request.
    if (!head_fault_ && socket_.drained() && !interruption({})) {
        watch();
        co_await readable_.wait();
        received_in_a_row_ = 0;
        if (!interruption({}) && try_fill())
            head_fault_ = take_head();
    }
    if (!head_fault_)
        head_fault_ = co_await read_head();
    if (const error_code head_fault = *head_fault_) {
        if (write_fault && !got_byte_)
            co_return failure(write_fault, Stage::writing);
        co_return failure(head_fault, got_byte_ ? Stage::reading : Stage::waiting);
    }
    if (write_fault)
        spent_ = true; // the request was not read completely, so nothing may follow it
    error_code read_fault;
    if (http::is_streaming_type(parser_.head().fields.value(http::FieldId::content_type))) {
        read_fault = co_await read_stream_start(request.give_up);
        if (!is_success(parser_.head().status)) // it may be a rejection without its body
            read_fault = {};
    } else if (!complete()) { // usually it is, together with the head
        read_fault = co_await read_held(request.hold_limit);
    }
    if (read_fault)
        co_return failure(read_fault, Stage::reading);
    co_return std::nullopt;
}

/// Reads the body until it is complete or longer than `hold_limit`.
net::Task<error_code> Connection::read_held(std::size_t hold_limit) {
    while (true) {
        if (const error_code code = drain_available())
            co_return code;
        if (complete() || body_.size() > hold_limit)
            break;
        if (const error_code code = co_await fill())
            co_return code;
        if (const error_code code = parse_body())
            co_return code;
    }
    heard_at_ = BootClock::now();
    co_return error_code{};
}

/// Nearly every request is one record and one send. Returns false if write_rest() has to write the rest; it
/// waits, and meets a failure again.
bool Connection::write_now(std::string_view head, std::string_view body) {
    const std::size_t joined =
        head.size() < record_size ? std::min(body.size(), record_size - head.size()) : 0;
    sending_.reserve(head.size() + joined); // a reallocation would leave a copy of the token in freed memory
    sending_.assign(head).append(body.substr(0, joined));
    unsent_of_body_ = body.size() - joined;
    const IoStep step = write_step(sending_.data(), sending_.size());
    written_of_sending_ = step.state == IoState::done ? step.size : 0;
    return written_of_sending_ == sending_.size() && unsent_of_body_ == 0;
}

/// Writes the rest of the first record, then the rest of a large body from the caller's memory.
net::Task<error_code> Connection::write_rest(std::string_view body) {
    const auto first = std::string_view{sending_}.substr(written_of_sending_);
    if (const error_code code = co_await write_all(first))
        co_return code;
    co_return co_await write_all(body.substr(body.size() - unsent_of_body_));
}

/// Ends with errc::closed if the answer arrives before everything is written; see head_fault_ for it.
net::Task<error_code> Connection::write_all(std::string_view bytes) {
    while (!bytes.empty()) {
        const IoStep step = write_step(bytes.data(), bytes.size());
        if (step.state == IoState::done) {
            bytes.remove_prefix(step.size);
            continue;
        }
        if (step.state != IoState::want_write && step.state != IoState::want_read)
            co_return interruption(errc::closed);
        // A server may answer before it has the whole request, and then read no further.
        while (!head_fault_ && try_fill())
            head_fault_ = take_head();
        if (head_fault_)
            co_return errc::closed;
        if (const error_code code = interruption({}))
            co_return code;
        if (read_over_) // no answer can arrive any more
            co_return errc::closed;
        watch();
        if (step.state == IoState::want_write) // otherwise TLS has to receive something first
            watch_room();
        co_await readable_.wait();
        if (const error_code code = interruption({}))
            co_return code;
    }
    co_return error_code{};
}

net::Task<error_code> Connection::read_head() {
    while (true) {
        if (const error_code code = co_await fill())
            co_return code;
        if (const auto done = take_head())
            co_return *done;
    }
}

/// Takes the head, and the body so far, from the received bytes. Returns nullopt if the head is incomplete.
std::optional<error_code> Connection::take_head() {
    while (true) {
        body_.clear();
        if (const auto lines = http::leading_empty_lines(received_.data()); lines != 0) {
            received_.consume(lines);
            parser_.reset(); // the first byte of such a line may have arrived alone
            interim_ += lines;
            spent_ = true;
            if (interim_ > most_interim)
                return errc::garbled;
        }
        const auto parsed = parser_.parse_head(received_.data());
        if (!parsed)
            return std::nullopt;
        state_ = parsed->state;
        received_.consume(parsed->size);
        // 101 would end HTTP on this connection, and we never ask for it.
        const auto status = parser_.head().status;
        if (state_ == http::ParseState::malformed || status < 100 || status == 101)
            return errc::garbled;
        spent_ = spent_ || parser_.odd();
        if (status >= 200) {
            head_at_ = heard_at_ = BootClock::now();
            received_.pin();
            return parse_body();
        }
        interim_ += parsed->size;
        if (interim_ > most_interim)
            return errc::garbled;
        parser_.reset();
    }
}

error_code Connection::parse_body() {
    while (state_ == http::ParseState::need_more && !received_.empty()) {
        std::size_t consumed = 0;
        state_ = parser_.feed_body(received_.data(), consumed, body_);
        received_.consume(consumed);
        if (consumed == 0)
            break;
    }
    if (state_ == http::ParseState::malformed || state_ == http::ParseState::body_too_large)
        return errc::garbled;
    return {};
}

/// Waits, but not for long, until the first unit of a streamed answer is whole, so that a refusal in it can
/// be seen (contract 2). Fails if the stream breaks off before: the app has no byte of it yet. If it breaks
/// off after that, the next read() meets the failure again, so that it does not matter how the bytes were
/// spread over time.
net::Task<error_code> Connection::read_stream_start(TimePoint give_up) {
    deadline_.set(std::min(BootClock::now() + stream_start_time, give_up));
    error_code code;
    while (!code && !complete() && body_.size() < http::most_of_stream_start && !has_stream_start()) {
        code = co_await fill(); // gcc 12 compiles "co_await fill() || parse_body()" wrongly
        if (!code)
            code = parse_body();
    }
    socket_.set_drained(false); // the deadline may have ended a wait: look before the next one
    heard_at_ = BootClock::now();
    const bool has_begun = body_.size() >= http::most_of_stream_start || has_stream_start();
    co_return has_begun || code == errc::timed_out ? error_code{} : code;
}

/// If the body can't be decoded, there is nothing to wait for.
bool Connection::has_stream_start() const {
    std::string scratch;
    const auto start = http::stream_start(parser_.head().fields, body_.view(), scratch);
    return !start || start->whole;
}

/// Receives at least one byte, or sees the stream's end in a way that parse_body() can judge.
net::Task<error_code> Connection::fill() {
    bool wait_first = socket_.drained();
    // With a peer that never pauses, nothing waits, and no deadline fires unless the loop runs.
    if (!wait_first && received_in_a_row_ >= most_in_a_row) {
        received_in_a_row_ = 0;
        co_await net::end_of_turn(socket_.get_executor());
    }
    while (true) {
        if (const error_code code = interruption({}))
            co_return code;
        if (wait_first) {
            watch();
            co_await readable_.wait();
            received_in_a_row_ = 0;
            if (const error_code code = interruption({}))
                co_return code;
        }
        const auto received = receive();
        if (!received)
            co_return errc::too_large;
        switch (*received) {
        case IoState::done:
            co_return error_code{};
        case IoState::want_read:
            wait_first = true;
            break;
        case IoState::want_write: // TLS has to answer a key update first
            wait_first = false;
            if (const error_code code = co_await net::wait_ready(socket_, TcpSocket::wait_write, deadline_))
                co_return interruption(code);
            break;
        case IoState::end:
        case IoState::truncated:
        case IoState::failed:
            co_return end_of_stream(*received);
        }
    }
}

error_code Connection::end_of_stream(IoState state) {
    if (!got_byte_)
        return interruption(errc::closed);
    const http::ResponseHead& head = parser_.head();
    // Only a body without length or chunks may end with the stream, and only if TLS authenticates the end
    // (contract 4). A FIN proves nothing: it is also sent when a process dies.
    const bool body_begun = state_ == http::ParseState::need_more;
    if (!body_begun || !ssl_ || state != IoState::end || head.content_length || head.chunked)
        return errc::truncated;
    spent_ = true;
    state_ = parser_.feed_end();
    return complete() ? error_code{} : errc::truncated;
}

net::Task<error_code> Connection::read(TimePoint give_up) {
    body_.clear();
    if (complete())
        co_return error_code{};
    if (phase_ == Phase::aborted) // before this call: setting a deadline would clear it
        co_return errc::shutting_down;
    const TimePoint now = BootClock::now();
    if (now >= give_up) // if bytes are always there, nothing waits, and no deadline fires
        co_return errc::timed_out;
    deadline_.set(std::min(now + pool_.settings_.response_timeout, give_up));
    if (const error_code code = parse_body())
        co_return code;
    if (!complete() && body_.empty()) {
        if (const error_code code = co_await fill())
            co_return code;
        if (const error_code code = parse_body())
            co_return code;
    }
    const error_code code = drain_available();
    if (complete())
        heard_at_ = BootClock::now();
    co_return code;
}

/// Takes the part of the body that has already arrived: with fewer pieces, the app is woken less often.
error_code Connection::drain_available() {
    for (int taken = 0; taken < most_drained && !complete() && !socket_.drained(); ++taken) {
        if (body_.size() >= piece_limit || !try_fill())
            break;
        // Reserves the most that can be needed at once, instead of doubling. A body with a known length has
        // its room already.
        if (parser_.plain_body_left() == 0 && body_.size() >= long_body)
            body_.reserve(piece_limit + first_buffer);
        if (const error_code code = parse_body())
            return code;
    }
    return {};
}

/// If it meets an end or a failure, the next fill() reports it, after the bytes before it.
bool Connection::try_fill() {
    return receive() == IoState::done;
}

/// One step of reading. Returns nullopt if there is no room.
std::optional<IoState> Connection::receive() {
    ++received_in_a_row_;
    IoStep step;
    if (const std::uint64_t left = received_.empty() ? parser_.plain_body_left() : 0; left != 0) {
        step = receive_body(left);
    } else {
        const auto room = received_.prepare();
        if (room.empty())
            return std::nullopt;
        step = read_step(room.data(), room.size());
        received_.commit(step.size);
    }
    socket_.set_drained(step.state == IoState::want_read);
    got_byte_ = got_byte_ || step.state == IoState::done;
    return step.state;
}

/// Receives straight into the body: no other bytes can follow.
IoStep Connection::receive_body(std::uint64_t left) {
    const std::size_t begin = body_.size();
    const std::size_t room = begin < piece_limit ? std::min(piece_limit - begin, record_size) : record_size;
    const auto most = static_cast<std::size_t>(std::min<std::uint64_t>(left, room));
    if (begin < piece_limit) // instead of growing
        body_.reserve(begin + static_cast<std::size_t>(std::min<std::uint64_t>(left, piece_limit - begin)));
    const IoStep step = read_step(body_.prepare(most), most);
    body_.commit(step.size);
    state_ = parser_.took_plain_body(step.size);
    return step;
}

bool Connection::become_stream(bool must) noexcept {
    streaming_ = streaming_ || pool_.admit_stream(must);
    return streaming_;
}

void Connection::release() noexcept {
    // Bytes that are still in the kernel are seen by the check before the connection's next use.
    const bool leftover = !received_.empty() || (ssl_ && tls_has_pending(ssl_.get()));
    const bool keep = complete() && !spent_ && !parser_.odd() && phase_ == Phase::busy &&
                      http::may_reuse(parser_.head(), leftover);
    last_used_ = heard_at_;
    if (keep) {
        kind_ = IdleKind::used;
        learn_told_limit();
    }
    pool_.release(*this, keep);
}

void Connection::abort() noexcept {
    phase_ = Phase::aborted;
    deadline_.expire();
}

// Between two exchanges, the connection is watched, soon without buffers, and checked before its next use.

void Connection::check_out(TimePoint now) noexcept {
    stop_probes(); // an unreliable line must not end an exchange
    idle_before_ = now - last_used_;
    kind_before_ = kind_;
    phase_ = Phase::busy;
    socket_.set_drained(true); // look_for_peer() has just seen it
    deadline_.clear();
}

void Connection::check_in(Duration limit) {
    phase_ = Phase::idle;
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
        start_probes(socket_.native_handle(), probes_ == Probes::never);
        probes_ = Probes::running;
    }
}

void Connection::stop_probes() noexcept {
    if (probes_ != Probes::running)
        return;
    probes_ = Probes::stopped;
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

Peer Connection::look_for_peer() noexcept {
    char byte = 0;
    const auto peeked = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (peeked < 0 && !net::would_block())
        return errno == ECONNRESET || errno == EPIPE ? Peer::ended : Peer::lost;
    const bool silent = peeked < 0 && !(ssl_ && tls_has_pending(ssl_.get()));
    if (silent)
        return Peer::there;
    if (peeked == 0 || !ssl_)
        return Peer::ended;
    // OpenSSL handles session tickets and key updates itself, also those that were received together with the
    // end of the handshake (Go's servers send them before they have the client's part of it). Anything else
    // ends this connection, and so does a part of something else, which would become the beginning of the
    // next answer.
    const bool only_for_tls = read_step(&byte, 1).state == IoState::want_read && !tls_has_pending(ssl_.get());
    return only_for_tls ? Peer::there : Peer::ended;
}

void Connection::close() noexcept {
    if (phase_ == Phase::closed)
        return;
    phase_ = Phase::closed;
    deadline_.clear();
    if (ssl_)
        tls_close(ssl_.get());
    error_code ignored;
    socket_.close(ignored);
}

/// One wait covers idle time and exchange. In an exchange it follows a read that found nothing.
void Connection::watch() {
    if (watching_ || phase_ == Phase::closed)
        return;
    watching_ = true;
    socket_.async_wait_news([self = shared_from_this()](error_code code) { self->on_watch(code); });
}

/// Wakes the coroutine that waits for readable_ as soon as the socket takes more bytes.
void Connection::watch_room() {
    if (watching_room_ || phase_ == Phase::closed)
        return;
    watching_room_ = true;
    socket_.async_wait(TcpSocket::wait_write, [self = shared_from_this()](error_code) {
        self->watching_room_ = false;
        if (self->is_busy())
            self->readable_.set_inline();
    });
}

void Connection::on_watch(error_code code) {
    watching_ = false;
    if (is_busy()) {
        readable_.set_inline();
        return;
    }
    if (phase_ == Phase::closed)
        return;
    using WaitResult = decltype(socket_)::WaitResult;
    const WaitResult result = socket_.wait_result(code, deadline_);
    if (result == WaitResult::over) {
        pool_.drop_expired(*this);
        return;
    }
    if (const Peer peer = look_for_peer(); peer != Peer::there) {
        pool_.drop_ended(*this, peer);
        return;
    }
    if (result == WaitResult::read)
        prepare_long_idle();
    watch();
}

// Steps on the socket or through TLS.

/// Remembers the end: if OpenSSL is called again, it may want to send an alert first, for ever.
IoStep Connection::read_step(char* data, std::size_t size) noexcept {
    if (read_over_)
        return {*read_over_, 0};
    const IoStep step =
        ssl_ ? tls_read(ssl_.get(), data, size) : plain_step(::recv(socket_.native_handle(), data, size, 0));
    if (step.state == IoState::end || step.state == IoState::truncated || step.state == IoState::failed)
        read_over_ = step.state;
    return step;
}

IoStep Connection::write_step(const char* data, std::size_t size) noexcept {
    if (ssl_)
        return tls_write(ssl_.get(), data, size);
    IoStep step = plain_step(::send(socket_.native_handle(), data, size, MSG_NOSIGNAL));
    if (step.state == IoState::want_read)
        step.state = IoState::want_write;
    plain_written_ += step.size;
    return step;
}

std::uint64_t Connection::bytes_written() const noexcept {
    return ssl_ ? tls_bytes_written(ssl_.get()) : plain_written_;
}

Failure Connection::failure(error_code code, Stage stage) const {
    return {code, stage, kind_before_.has_value(), code.message()};
}

error_code Connection::interruption(error_code otherwise) const noexcept {
    if (phase_ == Phase::aborted)
        return errc::shutting_down;
    if (deadline_.expired())
        return errc::timed_out;
    return otherwise;
}

void Connection::on_deadline(void* self) noexcept {
    auto& connection = *static_cast<Connection*>(self);
    error_code ignored;
    connection.socket_.cancel(ignored); // ends the watch and any other wait; each of them finds out why
}

} // namespace bearerd::upstream
