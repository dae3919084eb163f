#include "session.hpp"

#include <bearerd/base/log.hpp>
#include <bearerd/base/mask.hpp>
#include <bearerd/http/trace.hpp>
#include <bearerd/net/readiness.hpp>
#include <bearerd/server/own_reply.hpp>

#include "request_id.hpp"
#include "request_log.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/post.hpp>

#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace bearerd::server {
namespace {

using http::FieldId;
using outcome::ErrorCode;
using namespace std::chrono_literals;

constexpr std::uint64_t most_requests_in_one_turn = 64;
constexpr int most_write_timeouts = 10;   // for an app that reads slowly
constexpr Duration over_limit_time = 1s;  // for a client that only gets OVERLOADED
constexpr Duration newcomer_time = 500ms; // what a shutdown gives a new client for its first request
constexpr Duration linger_time = 1s;
constexpr std::size_t most_lingered = 256 * 1024; // bytes of a refused request that are read and dropped

std::string_view allow_line(const ServiceSettings& service) noexcept {
    return service.methods.size() == 1 ? "Allow: GET\r\n" : "Allow: POST, GET\r\n";
}

constexpr std::string_view only_get = "This address answers GET only, and nothing was executed.";

/// Appends the hex size line of a chunk (RFC 9112 section 7.1).
void append_chunk_size(std::string& out, std::size_t size) {
    std::array<char, 16> digits{};
    const char* const end = std::to_chars(digits.data(), digits.data() + digits.size(), size, 16).ptr;
    out.append(std::as_const(digits).data(), end).append("\r\n");
}

bool is_streamed(const Reply& reply) noexcept {
    return std::holds_alternative<std::unique_ptr<BodySource>>(reply.body);
}

/// Returns how the connection must end if only a part of the reply was written: a body that only the
/// connection's end delimits would look whole after a plain close.
AfterReply after_half_of(const Reply& reply) noexcept {
    return is_streamed(reply) && reply.framing == http::BodyFraming::until_close ? AfterReply::reset
                                                                                 : AfterReply::close;
}

/// What the app has done to its connection.
struct PeerState {
    bool ended = false; ///< it has ended its stream, and may still read
    /// It has reset the connection, or closed both directions, which is seen only on a unix socket.
    bool gone = false;
};

/// Returns how many bytes that were sent have not arrived at the peer's side; 0 if that is not known.
int bytes_under_way(int descriptor) noexcept {
    int bytes = 0;
    return ::ioctl(descriptor, SIOCOUTQ, &bytes) == 0 ? bytes : 0;
}

PeerState state_of(int descriptor) noexcept {
    // Nearly always there is nothing to read. recv(2) finds that out faster than poll(2): its code is in the
    // caches.
    char ignored = 0;
    if (::recv(descriptor, &ignored, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && net::would_block())
        return {};
    pollfd polled{descriptor, POLLRDHUP, 0};
    if (::poll(&polled, 1, 0) != 1)
        return {};
    return {(polled.revents & POLLRDHUP) != 0, (polled.revents & (POLLERR | POLLHUP)) != 0};
}

} // namespace

Session::Session(ClientSocket socket, AcceptedConnection accepted, std::size_t header_limit,
                 SessionContext& session_context, net::DeadlineClock& clock, net::TaskGroup& group,
                 ConnectionSlot slot)
    : slot_{std::move(slot)},
      socket_{std::move(socket)},
      accepted_{std::move(accepted)},
      session_context_{session_context},
      service_{session_context.service},
      deadline_{clock, &Session::on_deadline, this},
      reader_{socket_, deadline_, accepted_, header_limit, session_context.bodies} {
    group.add(*this);
    session_context_.stats.client_connections.add(1);
}

Session::~Session() {
    session_context_.stats.client_connections.add(-1);
}

net::Task<void> Session::run(std::unique_ptr<Session> self) {
    Session& session = *self;
    return session.serve(std::move(self));
}

/// This coroutine's frame owns the session and is the only one that an idle client has: another one would be
/// a fifth of an idle client's memory.
net::Task<void> Session::serve([[maybe_unused]] std::unique_ptr<Session> self) {
    while (after_ == AfterReply::keep) {
        Next next = look_for_request();
        while (next == Next::wait) {
            const auto [code] = co_await socket_.async_wait_news(net::asio::as_tuple(net::asio::deferred));
            next = look_again(code);
        }
        if (next == Next::none) {
            if (requests_ != 0 || !accepted_.over_limit)
                break;
            // A client above the limit that sends nothing still gets the error, as all do in a flood
            // (contract 5).
            begin_request();
            co_await answer(reader_.refuse(ErrorCode::overloaded));
            co_return; // without lingering: it has sent nothing, and its place is wanted
        }
        if (next == Next::gone)
            co_return;
        begin_request();
        auto read = reader_.read_now();
        if (!read)
            read = co_await reader_.read();
        if (read == Read::expects_continue)
            read = co_await read_after_continue();
        if (read == Read::nothing)
            continue;
        if (read == Read::gone)
            co_return;
        ++requests_;
        idle_until_ = {};
        co_await answer(*read);
        reader_.end();
        // Pipelined requests that are answered at once must let other connections have their turn.
        if (requests_ % most_requests_in_one_turn == 0)
            co_await net::asio::post(socket_.get_executor(), net::asio::deferred);
    }
    if (after_ == AfterReply::reset)
        reset_on_close();
    else if (requests_ != 0 && shutdown_ == Shutdown::none)
        co_await linger();
}

/// Looks for the next request, once its predecessor has been answered.
Session::Next Session::look_for_request() {
    if (!reader_.is_idle())
        return Next::here; // pipelined
    if (socket_.ended())
        return Next::none;
    reader_.release();
    service_ = session_context_.service;
    if (idle_until_ == TimePoint{})
        idle_until_ = ended_ + (accepted_.over_limit
                                    ? over_limit_time
                                    : (requests_ == 0 ? service_->header_timeout : service_->idle_timeout));
    else if (BootClock::now() >= idle_until_) // empty lines do not extend the wait
        return Next::none;
    const bool nothing_is_there = socket_.drained() && shutdown_ == Shutdown::none;
    const error_code received =
        nothing_is_there ? error_code{net::asio::error::would_block} : reader_.receive_first();
    if (received == net::asio::error::would_block)
        socket_.begin_idle(deadline_, ended_, idle_until_);
    return prepare_wait(received);
}

/// Prepares the wait for the next request, unless a part of it is there: `received` is how the last receive
/// ended.
Session::Next Session::prepare_wait(error_code received) {
    if (received != net::asio::error::would_block)
        return received ? Next::gone : Next::here;
    if (shutdown_ != Shutdown::none) {
        if (shutdown_ == Shutdown::grace_over || !is_newcomer())
            return Next::none;
        deadline_.set(arrived_ + newcomer_time);
    }
    phase_ = Phase::waiting;
    return Next::wait;
}

/// Called after a wait that ended with `code`.
Session::Next Session::look_again(error_code code) {
    const auto result = socket_.wait_result(code, deadline_);
    phase_ = Phase::serving;
    // The socket is looked at in any case: a request that has crossed our decision to close is answered, not
    // lost.
    const error_code received = reader_.receive_first();
    if (received == net::asio::error::would_block && shutdown_ == Shutdown::none &&
        BootClock::now() >= idle_until_)
        return Next::none;
    if (result == decltype(socket_)::WaitResult::read)
        socket_.stay_idle(deadline_, idle_until_);
    return prepare_wait(received);
}

/// Returns whether the client's first request is likely on its way: closing would leave it without an answer,
/// after which some clients send it again.
bool Session::is_newcomer() const noexcept {
    return requests_ == 0 && !accepted_.over_limit && BootClock::now() < arrived_ + newcomer_time;
}

void Session::begin_request() {
    service_ = session_context_.service;
    began_ = BootClock::now();
    phase_ = Phase::serving;
    stream_end_ = StreamEnd::farewell;
    context_ = {};
    request_id_.clear();
    reader_.begin(*service_);
    deadline_.set(accepted_.over_limit ? arrived_ + over_limit_time : began_ + service_->header_timeout);
}

/// Asks the app for the body that it holds back, and reads it.
net::Task<Session::Read> Session::read_after_continue() {
    constexpr std::string_view interim = "HTTP/1.1 100 Continue\r\n\r\n";
    constexpr std::string_view nothing;
    const bool app_is_there = co_await write(interim, nothing, nothing);
    if (!app_is_there)
        co_return Read::gone;
    phase_ = Phase::serving;                     // an interim response is no answer
    deadline_.set_after(service_->body_timeout); // a write that had to wait has cleared it
    const Read read = co_await reader_.read();
    co_return read;
}

/// Gets the reply from the handler, or refuses a faulty request, and writes it. The reply lives in this
/// frame, so that an idle client has none.
net::Task<void> Session::answer(Read read) {
    if (reader_.has_head())
        understand_head();
    std::optional<Reply> made; // constructed in place: an assignment would cost each request
    try {
        if (read == Read::faulty) {
            made.emplace(refusal(reader_.fault()));
        } else if (begin_answer(); wants_preflight()) {
            made.emplace(own_reply(context_, 204, {}, {}, {}));
            made->report.quiet = true;
        } else {
            auto handled = service_->handler->handle(request());
            made.emplace(co_await std::move(handled));
        }
    } catch (...) { // out of memory or a bug: write_rest() writes OUTCOME_UNKNOWN
        made.emplace();
    }
    Reply& reply = *made;
    const Sent sent = write_at_once(reply);
    if (!sent.whole)
        co_await write_rest(reply, sent.bytes);
    finish_report(reply.report);
}

/// Takes from the request's head what all replies to it depend on.
void Session::understand_head() {
    const http::RequestHead& head = reader_.head();
    const auto given = head.fields.value("X-Request-Id");
    if (http::is_acceptable_request_id(given))
        request_id_.assign(given);
    else
        make_request_id(request_id_);
    context_.http_1_0 = head.minor == 0;
    context_.keep_alive = http::wants_keep_alive(head);
    context_.head_only = head.method == "HEAD"; // an error reply to HEAD has no body either
    context_.request_id = request_id_;
    context_.cors = reader_.cors();
}

bool Session::wants_preflight() const {
    return !reader_.cors().empty() && http::is_preflight(reader_.head());
}

void Session::begin_answer() noexcept {
    context_.keep_alive = context_.keep_alive && shutdown_ == Shutdown::none && !socket_.ended();
}

Request Session::request() noexcept {
    return {reader_.head(), reader_.target(), reader_.body(), context_, *this};
}

/// An error that the session itself finds. If bytes of the request may still be coming, the connection ends
/// with it: what follows could be taken for the next request.
Reply Session::refusal(ErrorCode code, Report report) {
    if (request_id_.empty())
        make_request_id(request_id_);
    context_.request_id = request_id_;
    const bool whole = reader_.is_whole() && code != ErrorCode::bad_request &&
                       code != ErrorCode::overloaded && code != ErrorCode::forbidden_peer;
    context_.keep_alive =
        context_.keep_alive && whole && after_ == AfterReply::keep && shutdown_ == Shutdown::none;
    ErrorReply error = error_reply(code);
    if (code == ErrorCode::method_not_allowed) {
        error.extra_fields = allow_line(*service_);
        if (service_->methods.size() == 1)
            error.sentence = only_get;
    }
    deadline_.clear();
    return render(error, context_, reader_.head().fields.value(FieldId::accept), service_->errors_always_200,
                  std::move(report));
}

/// Sends what the socket takes at once of a reply that is held whole. Until the first byte has been sent,
/// another reply can replace it.
Session::Sent Session::write_at_once(Reply& reply) {
    if (reply.head.empty() || is_streamed(reply))
        return {};
    const std::array<std::string_view, 2> pieces{reply.head, whole_body(reply)};
    const auto sent = send_now(pieces);
    if (sent <= 0)
        return {};
    phase_ = Phase::writing;
    const auto bytes = static_cast<std::size_t>(sent);
    const bool whole = bytes == pieces[0].size() + pieces[1].size();
    if (whole)
        finish_write(reply, true);
    return {bytes, whole};
}

/// Writes what write_at_once() has left of the reply, `sent` bytes of which are written. If there is no
/// reply, or if it fails before its first byte, the app gets OUTCOME_UNKNOWN.
net::Task<void> Session::write_rest(Reply& reply, std::size_t sent) {
    bool failed = reply.head.empty();
    bool whole = false;
    try {
        if (is_streamed(reply))
            whole = co_await write_stream(reply);
        else if (!failed)
            whole = co_await write_held(reply, sent);
    } catch (...) { // out of memory or a bug
        failed = true;
    }
    if (failed) {
        std::string scratch;
        log::error("internal error while answering a request",
                   {{"request_id", masked(request_id_, scratch)}});
        give_up(reply);
        if (phase_ != Phase::writing) {
            reply = refusal(ErrorCode::outcome_unknown, std::move(reply.report));
            static_cast<void>(co_await write_held(reply, 0));
        }
    }
    finish_write(reply, whole);
}

/// Writes nothing more of this reply. Takes from it what is known about the request, and records the outcome.
void Session::give_up(Reply& reply) noexcept {
    close_after_reply(phase_ == Phase::writing ? after_half_of(reply) : AfterReply::close);
    try {
        if (is_streamed(reply))
            reply.report = std::get<std::unique_ptr<BodySource>>(reply.body)->finish();
    } catch (...) { // the report stays as it was when the head was made
    }
    if (const auto delivery = std::exchange(reply.delivery, nullptr))
        delivery->ended(false);
    reply.report.set_error(ErrorCode::outcome_unknown, outcome::Executed::unknown);
}

/// Returns whether all of it was written.
net::Task<bool> Session::write_held(Reply& reply, std::size_t sent) {
    if (std::holds_alternative<BorrowedBody>(reply.body)) {
        // Frees the upstream connection for the next request while this app is slow to read.
        std::string copy{whole_body(reply)};
        reply.body = std::move(copy);
    }
    std::string_view head = reply.head;
    std::string_view body = whole_body(reply);
    const std::size_t sent_of_head = std::min(sent, head.size());
    head.remove_prefix(sent_of_head);
    body.remove_prefix(sent - sent_of_head);
    constexpr std::string_view nothing;
    const bool app_is_there = co_await write(head, body, nothing);
    co_return app_is_there;
}

/// Like write_held(), for a BodySource.
net::Task<bool> Session::write_stream(Reply& reply) {
    bool whole = false;
    BodySource& source = *std::get<std::unique_ptr<BodySource>>(reply.body);
    while (true) {
        const BodySource::Piece piece = co_await source.next();
        if (piece.state == BodySource::State::broken) {
            close_after_reply(after_half_of(reply));
            break;
        }
        const bool app_is_there = co_await write_piece(reply, piece);
        if (!app_is_there) {
            close_after_reply(after_half_of(reply));
            co_await source.read_for_nobody();
            break;
        }
        whole = piece.state == BodySource::State::last;
        if (whole)
            break;
    }
    reply.report = source.finish();
    co_return whole;
}

/// Writes a piece in its framing; the head is written with the first one. Returns false if the app is gone.
net::Task<bool> Session::write_piece(Reply& reply, const BodySource::Piece& piece) {
    std::string& before = reply.head;
    std::string_view after;
    const bool last = piece.state == BodySource::State::last;
    if (reply.framing == http::BodyFraming::chunked && !piece.bytes.empty()) {
        append_chunk_size(before, piece.bytes.size());
        after = last ? "\r\n0\r\n\r\n" : "\r\n";
    } else if (reply.framing == http::BodyFraming::chunked && last) {
        before.append("0\r\n\r\n");
    }
    const bool app_is_there = co_await write(before, piece.bytes, after);
    before.clear();
    co_return app_is_there;
}

/// Writes the pieces one after the other, in one system call if the socket takes them. Returns false if the
/// app is gone; nothing more reaches it.
net::Task<bool> Session::write(std::string_view first, std::string_view second, std::string_view third) {
    std::array<std::string_view, 3> pieces{first, second, third};
    phase_ = Phase::writing;
    if (stream_end_ == StreamEnd::in_window) { // from now on, the deadline is that of the write
        stream_end_ = StreamEnd::farewell;
        deadline_.clear();
    }
    while (!std::ranges::all_of(pieces, &std::string_view::empty)) {
        const auto sent = send_now(pieces);
        if (sent < 0) {
            error_code code = system_error();
            if (net::would_block())
                code = co_await wait_for_room();
            if (code) {
                close_after_reply(AfterReply::close);
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

/// Waits until the socket takes more. The kernel says so only once a good part of a large buffer is free, so
/// an app that reads slowly has more time as long as bytes go to its side.
net::Task<error_code> Session::wait_for_room() {
    for (int turn = 1;; ++turn) {
        const int before = bytes_under_way(socket_.native_handle());
        deadline_.set_after(shutdown_ == Shutdown::grace_over ? linger_time : service_->body_timeout);
        const error_code code = co_await net::wait_ready(socket_, ClientSocket::wait_write, deadline_);
        deadline_.clear();
        const bool goes_on = code == errc::timed_out && turn < most_write_timeouts &&
                             shutdown_ != Shutdown::grace_over &&
                             bytes_under_way(socket_.native_handle()) < before;
        if (!goes_on)
            co_return code;
    }
}

/// Like sendmsg(2), but sends nothing if all pieces are empty.
ssize_t Session::send_now(std::span<const std::string_view> pieces) noexcept {
    std::array<iovec, 3> vectors{};
    std::size_t count = 0;
    for (const std::string_view piece : pieces)
        if (!piece.empty()) // sendmsg(2) only reads, but iov_base is not const
            vectors[count++] = {const_cast<char*>(piece.data()), piece.size()};
    if (count == 0)
        return 0;
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = count;
    return ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL);
}

void Session::finish_write(Reply& reply, bool whole) noexcept {
    if (reply.delivery)
        reply.delivery->ended(whole);
    close_after_reply(context_.keep_alive ? reply.after : std::max(reply.after, AfterReply::close));
    reply.body.emplace<std::string>(); // frees the upstream connection that it was borrowed from
    reply.in_flight = {};
}

/// Keeps the strictest of the modes requested so far.
void Session::close_after_reply(AfterReply how) noexcept {
    after_ = std::max(after_, how);
}

void Session::finish_report(const Report& report) {
    ended_ = BootClock::now();
    stream_end_ = StreamEnd::farewell;
    if (report.quiet)
        return;
    const Duration took = ended_ - began_;
    session_context_.stats.requests.at(report.kind, report.outcome).add();
    session_context_.stats.request_duration.observe(took);
    if (service_->log_requests)
        log_request(report, request_id_, http::trace_id(reader_.head().fields), reader_.body().size(), took);
}

/// Ends the stream and drops what still arrives, so that the app gets the answer and not a reset even if it
/// is still sending (RFC 9112 section 9.6).
net::Task<void> Session::linger() {
    if (::shutdown(socket_.native_handle(), SHUT_WR) != 0 || socket_.ended())
        co_return;
    deadline_.set_after(linger_time);
    std::array<char, 4096> sink{};
    std::size_t dropped = 0;
    while (dropped < most_lingered && shutdown_ == Shutdown::none) {
        const auto size = socket_.receive_now(sink);
        if (size == 0)
            co_return;
        if (size > 0) {
            dropped += static_cast<std::size_t>(size);
            continue;
        }
        if (!net::would_block())
            co_return;
        if (const error_code code = co_await net::wait_ready(socket_, ClientSocket::wait_read, deadline_))
            co_return;
    }
}

void Session::reset_on_close() noexcept {
    const struct ::linger at_once{1, 0};
    ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

bool Session::note_end() noexcept {
    const PeerState peer = state_of(socket_.native_handle());
    if (socket_.ended() || peer.ended) {
        stream_end_ = StreamEnd::with_request;
    } else if (service_->half_close_window > Duration{0}) {
        stream_end_ = StreamEnd::in_window;
        deadline_.set_after(service_->half_close_window);
    } else {
        stream_end_ = StreamEnd::farewell;
    }
    return peer.gone;
}

/// Asks for the socket's state: pipelined bytes in front of an end would hide it from a receive.
bool Session::is_gone() noexcept {
    const PeerState peer = state_of(socket_.native_handle());
    if (stream_end_ == StreamEnd::in_window && peer.ended) {
        stream_end_ = StreamEnd::with_request;
        deadline_.clear();
    }
    return peer.gone || (peer.ended && stream_end_ != StreamEnd::with_request);
}

/// Called when the window closes. Checks the stream once more: an end that came in time must not count as
/// late only because it is noticed after a long wait.
void Session::end_half_close_window() noexcept {
    deadline_.clear();
    stream_end_ = state_of(socket_.native_handle()).ended ? StreamEnd::with_request : StreamEnd::farewell;
}

void Session::on_deadline(void* self) noexcept {
    auto& session = *static_cast<Session*>(self);
    if (session.stream_end_ == StreamEnd::in_window) { // no wait on the socket is running
        session.end_half_close_window();
        return;
    }
    error_code ignored;
    session.socket_.cancel(ignored);
}

void Session::finish_soon() noexcept {
    shutdown_ = std::max(shutdown_, Shutdown::begun);
    if (phase_ != Phase::writing)
        context_.keep_alive = false; // the answer still to come says that it is the last one
    if (phase_ != Phase::waiting)
        return;
    error_code ignored;
    if (is_newcomer())
        deadline_.set(arrived_ + newcomer_time);
    else
        socket_.cancel(ignored);
}

void Session::finish_now() noexcept {
    shutdown_ = Shutdown::grace_over;
    close_after_reply(AfterReply::close);
    deadline_.expire();
}

} // namespace bearerd::server
