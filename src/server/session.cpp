#include <bearerd/server/session.hpp>

#include <bearerd/base/log.hpp>
#include <bearerd/base/mask.hpp>
#include <bearerd/http/trace.hpp>
#include <bearerd/net/edge_wait.hpp>
#include <bearerd/server/request_id.hpp>

#include "request_log.hpp"
#include "request_rules.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <exception>
#include <utility>

namespace bearerd::server {
namespace {

using graphql::ErrorCode;
using http::FieldId;
using namespace std::chrono_literals;

constexpr std::uint64_t most_in_one_turn = 64;
constexpr std::size_t small_body = 64 * 1024;        // up to it, a body is not counted
constexpr std::uint64_t large_bodies = 64ULL << 20U; // bytes of all that are counted, or four whole ones
constexpr Duration over_limit_time = 1s;             // for a client that is only told that there are too many
constexpr Duration newcomer_time = 500ms; // a shutdown's patience with a client that has just connected

std::string_view allow_line(const Site& site) noexcept {
    return site.methods.size() == 1 ? "Allow: GET\r\n" : "Allow: POST, GET\r\n";
}

} // namespace

Session::Session(ClientSocket socket, Arrival arrival, std::size_t header_limit, SiteHolder& sites,
                 net::DeadlineClock& clock, net::TaskGroup& group, Admission admission)
    : admission_{std::move(admission)},
      socket_{std::move(socket)},
      arrival_{std::move(arrival)},
      sites_{sites},
      site_{sites.site},
      deadline_{clock, &Session::on_deadline, this},
      received_{header_limit},
      body_share_{sites.bodies} {
    group.add(*this);
    sites_.stats.client_connections.add(1);
}

Session::~Session() {
    sites_.stats.client_connections.add(-1);
}

net::Task<void> Session::run(std::unique_ptr<Session> self) {
    Session& session = *self;
    return session.serve(std::move(self));
}

/// Its frame owns the session, and is all that an idle client has of frames: each further one would be a
/// fifth of its memory.
net::Task<void> Session::serve([[maybe_unused]] std::unique_ptr<Session> self) {
    while (keep_open_) {
        Next next = look_for_request();
        while (next == Next::wait) {
            const auto [code] =
                co_await net::async_edge_wait(socket_, net::asio::as_tuple(net::asio::deferred));
            next = look_again(code);
        }
        if (next == Next::none) {
            if (requests_ != 0 || !arrival_.over_limit)
                break;
            co_await tell_overloaded();
            co_return; // without lingering: it has sent nothing, and its place is wanted
        }
        begin_request();
        const auto head = take_head(std::exchange(first_received_, {}));
        Read read = head ? *head : co_await read_head();
        if (read == Read::nothing) {
            --requests_;
            continue;
        }
        idle_until_ = {};
        if (read == Read::request && !take_body())
            read = co_await read_body();
        if (read == Read::faulty)
            read = co_await refuse(fault_);
        if (read == Read::gone)
            co_return;
        if (read == Read::request) {
            begin_answer();
            if (wants_preflight()) {
                co_await answer_preflight();
            } else {
                bool failed = false;
                try {
                    auto answered = site_->handler->handle(
                        {parser_.head(), target_, parser_.body(), context_}, *this, report_);
                    co_await std::move(answered);
                } catch (...) { // out of memory or a bug: the app must not be left without an answer
                    failed = true;
                }
                if (!finish_answer(failed))
                    static_cast<void>(co_await refuse(ErrorCode::outcome_unknown));
            }
        }
        finish_report();
        received_.unpin();
        // Pipelined requests that are answered at once must leave the others their turn.
        if (requests_ % most_in_one_turn == 0)
            co_await net::asio::post(socket_.get_executor(), net::asio::deferred);
    }
    if (requests_ != 0 && !closing_ && !reset_)
        co_await linger();
}

/// Whether the next request has begun, or there will be none.
Session::Next Session::look_for_request() {
    received_.consume(http::leading_empty_lines(received_.data()));
    if (!is_idle())
        return Next::here; // pipelined
    if (peer_ended_)
        return Next::none;
    received_.release_if_empty();
    parser_.release();
    body_share_.clear();
    if (out_.capacity() > 4096)
        std::string{}.swap(out_); // to assign an empty one would keep the memory
    site_ = sites_.site;
    if (idle_until_ == TimePoint{})
        idle_until_ =
            ended_ + (arrival_.over_limit ? over_limit_time
                                          : (requests_ == 0 ? site_->header_timeout : site_->idle_timeout));
    else if (BootClock::now() >= idle_until_) // empty lines that came meanwhile buy no time
        return Next::none;
    // The last receive may have left something with the kernel, and an end that came together with the last
    // bytes is not told of anew: a client that stays idle is looked at once more.
    settled_ = false;
    first_received_ = drained_ && !closing_ ? error_code{net::asio::error::would_block} : receive_now();
    return prepare_wait();
}

Session::Next Session::prepare_wait() {
    if (first_received_ != net::asio::error::would_block)
        return Next::here;
    received_.release_if_empty();
    if (!closing_)
        deadline_.set(settled_ ? idle_until_ : std::min(idle_until_, ended_ + net::settling_time));
    else if (is_newcomer() && !cut_)
        deadline_.set(arrived_ + newcomer_time);
    else
        return Next::none;
    waiting_ = true;
    return Next::wait;
}

/// Behind a wait that ended so.
Session::Next Session::look_again(error_code code) {
    waiting_ = false;
    settled_ = settled_ || code;
    // Looked for in any case: a request that has crossed our decision to close is answered, not lost.
    first_received_ = receive_now();
    if (first_received_ == net::asio::error::would_block && !closing_ && BootClock::now() >= idle_until_)
        return Next::none;
    return prepare_wait();
}

/// Who stays silent above the limit is told as well, as everybody is in a flood (contract 5).
net::Task<void> Session::tell_overloaded() {
    begin_request();
    co_await refuse(ErrorCode::overloaded);
    finish_report();
}

void Session::begin_request() noexcept {
    site_ = sites_.site;
    ++requests_;
    began_ = BootClock::now();
    report_ = {};
    wrote_ = false;
    ended_with_request_ = false;
    in_half_close_window_ = false;
    context_ = {};
    request_id_.clear();
    cors_.clear();
    parser_.reset(site_->request_body);
    parse_state_ = http::ParseState::need_more;
    scanned_ = 0;
    deadline_.set(arrival_.over_limit ? arrived_ + over_limit_time : began_ + site_->header_timeout);
}

net::Task<Session::Read> Session::read_head() {
    std::optional<Read> read;
    while (!read)
        read = take_head(co_await receive());
    co_return *read;
}

/// Looks at what was received. Nothing: the head is not whole yet.
std::optional<Session::Read> Session::take_head(error_code received) {
    if (received == net::asio::error::would_block)
        return std::nullopt;
    if (received == errc::too_large)
        return faulty(ErrorCode::headers_too_large);
    if (received && is_idle())
        return Read::gone; // nothing of a request was there
    if (received == errc::timed_out)
        return faulty(ErrorCode::request_timeout);
    if (received == errc::closed)
        return faulty(ErrorCode::bad_request);
    if (received)
        return Read::gone;
    if (const std::size_t empty_lines = http::leading_empty_lines(received_.data()); empty_lines != 0) {
        received_.consume(empty_lines);
        scanned_ = 0; // the first byte of such a line may have come alone
    }
    if (is_idle())
        return Read::nothing;
    std::size_t size = 0;
    if (const auto plain = scanned_ == 0 ? parser_.take_plain_head(received_.data()) : std::nullopt) {
        size = plain->size;
        parse_state_ = plain->state;
    } else { // it has come in pieces, or is not so plain
        const http::HeadScan scan = http::scan_head(received_.data(), scanned_);
        if (scan.state == http::HeadEnd::malformed)
            return faulty(ErrorCode::bad_request);
        if (scan.state != http::HeadEnd::complete)
            return std::nullopt;
        size = scan.size;
        parse_state_ = parser_.feed_head(received_.data().substr(0, size));
    }
    received_.consume(size);
    received_.pin();
    if (parse_state_ == http::ParseState::malformed)
        return faulty(ErrorCode::bad_request);
    understand_head();
    const bool too_large = parse_state_ == http::ParseState::body_too_large;
    const auto refusal = judge_request(parser_.head(), target_, too_large, arrival_, *site_, cors_);
    context_.cors = cors_;
    return refusal ? faulty(*refusal) : Read::request;
}

Session::Read Session::faulty(ErrorCode code) noexcept {
    fault_ = code;
    return Read::faulty;
}

void Session::understand_head() {
    const http::RequestHead& head = parser_.head();
    target_ = http::split_target(head.target);
    const auto given = head.fields.value("X-Request-Id");
    if (http::is_acceptable_request_id(given))
        request_id_.assign(given);
    else
        make_request_id(request_id_);
    context_.http_1_0 = head.minor == 0;
    context_.keep_alive = http::wants_keep_alive(head);
    context_.head_only = head.method == "HEAD"; // its refusal, too, ends behind the head
    context_.request_id = request_id_;
}

bool Session::wants_preflight() const {
    return !cors_.empty() && http::is_preflight(parser_.head());
}

/// Takes what has come of the body; true: it is whole.
bool Session::take_body() {
    while (parse_state_ == http::ParseState::need_more && !received_.empty()) {
        std::size_t consumed = 0;
        parse_state_ = parser_.feed_body(received_.data(), consumed);
        received_.consume(consumed);
        if (consumed == 0)
            break;
    }
    if (parse_state_ != http::ParseState::complete)
        return false;
    deadline_.clear();
    return true;
}

net::Task<Session::Read> Session::read_body() {
    deadline_.set_after(site_->body_timeout);
    bool told_to_continue = false;
    while (true) {
        const bool whole = take_body();
        if (parse_state_ == http::ParseState::body_too_large || parser_.body().size() > site_->request_body)
            co_return faulty(ErrorCode::payload_too_large);
        if (parse_state_ == http::ParseState::malformed)
            co_return faulty(ErrorCode::bad_request);
        if (!may_hold_body())
            co_return faulty(ErrorCode::overloaded);
        if (whole)
            co_return Read::request;
        const bool expects =
            !context_.http_1_0 && parser_.head().fields.has_token(FieldId::expect, "100-continue");
        if (expects && !told_to_continue && received_.empty()) {
            told_to_continue = true;
            if (!co_await write("HTTP/1.1 100 Continue\r\n\r\n", {}, {}))
                co_return Read::gone;
            wrote_ = false;                           // an interim response is no answer
            deadline_.set_after(site_->body_timeout); // a write that had to wait has cleared it
        }
        const error_code code = co_await receive();
        if (code == errc::timed_out)
            co_return faulty(ErrorCode::request_timeout);
        if (code == errc::closed || code == errc::too_large)
            co_return faulty(ErrorCode::bad_request);
        if (code)
            co_return Read::gone;
    }
}

/// False: with what the other connections hold it would be too much, and it is given back at once.
bool Session::may_hold_body() noexcept {
    std::string& body = parser_.body();
    const std::uint64_t most = std::max(large_bodies, 4 * site_->request_body);
    if (body.capacity() <= small_body || body_share_.grow_to(body.capacity(), most))
        return true;
    std::string{}.swap(body); // to assign an empty one would keep the memory
    body_share_.clear();
    return false;
}

void Session::begin_answer() noexcept {
    context_.keep_alive = context_.keep_alive && !closing_ && !peer_ended_;
    if (!context_.keep_alive)
        keep_open_ = false;
}

/// Behind the handler; false: the app has got nothing.
bool Session::finish_answer(bool failed) {
    keep_open_ =
        keep_open_ && context_.keep_alive; // a shutdown may have begun meanwhile, and the app been told
    if (!failed && wrote_)
        return true;
    std::string scratch;
    log::error("internal error while answering a request", {{"request_id", masked(request_id_, scratch)}});
    keep_open_ = false;
    return wrote_;
}

/// An error that the session itself finds. Where bytes of the request may still be coming, the connection
/// ends with it: what follows could not be told from the next request.
net::Task<Session::Read> Session::refuse(ErrorCode code) {
    if (request_id_.empty())
        make_request_id(request_id_);
    context_.request_id = request_id_;
    const bool whole = parse_state_ == http::ParseState::complete && code != ErrorCode::bad_request &&
                       code != ErrorCode::overloaded && code != ErrorCode::forbidden_peer;
    context_.keep_alive = context_.keep_alive && whole && keep_open_ && !closing_;
    keep_open_ = context_.keep_alive;
    auto error = proxy::error_reply(code);
    if (code == ErrorCode::method_not_allowed)
        error.extra_fields = allow_line(*site_);
    out_.clear();
    proxy::append_error_reply(out_, error, context_, parser_.head().fields.value(FieldId::accept),
                              site_->errors_always_200, report_);
    deadline_.clear();
    static_cast<void>(co_await write(out_, {}, {}));
    co_return Read::refused;
}

net::Task<void> Session::answer_preflight() {
    out_.clear();
    http::append_own_reply(out_, context_, 204, {}, {}, {});
    report_.quiet = true;
    static_cast<void>(co_await write(out_, {}, {}));
}

void Session::finish_report() {
    ended_ = BootClock::now();
    in_half_close_window_ = false;
    if (report_.quiet)
        return;
    const Duration took = ended_ - began_;
    sites_.stats.requests[static_cast<std::size_t>(report_.kind)][report_.outcome].add();
    sites_.stats.request_duration.observe(took);
    if (site_->log_requests)
        log_request(report_, request_id_, http::trace_id(parser_.head().fields), parser_.body().size(), took);
}

void Session::finish_soon() noexcept {
    closing_ = true;
    if (!wrote_)
        context_.keep_alive = false; // the answer still to come says that it is the last one
    error_code ignored;
    if (waiting_ && is_newcomer())
        deadline_.set(arrived_ + newcomer_time);
    else if (waiting_)
        socket_.cancel(ignored);
}

/// Its first request is likely on its way, and closing would leave it without an answer, which some clients
/// take for a reason to send it again.
bool Session::is_newcomer() const noexcept {
    return requests_ == 0 && !arrival_.over_limit && BootClock::now() < arrived_ + newcomer_time;
}

void Session::finish_now() noexcept {
    closing_ = true;
    cut_ = true;
    keep_open_ = false;
    deadline_.expire();
}

} // namespace bearerd::server
