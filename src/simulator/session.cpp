#include "session.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>

#include <charconv>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <utility>

namespace bearerd::sim {
namespace {

namespace http = boost::beast::http;
using Kind = Fault::Kind;

constexpr std::uint64_t most_body = 32 * 1024 * 1024;
constexpr std::chrono::milliseconds good_bye_time{100};

/// The kernel's tcp_info; the C library's ends before the byte counts.
struct LongTcpInfo {
    tcp_info known{};
    std::uint64_t pacing_rate = 0;
    std::uint64_t max_pacing_rate = 0;
    std::uint64_t bytes_acked = 0;
    std::uint64_t bytes_received = 0;
};

void fill(const http::request<http::string_body>& message, HttpRequest& request) {
    request.method = std::string(message.method_string());
    request.target = std::string(message.target());
    for (const auto& field : message)
        request.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
    request.body = message.body();
    request.keep_alive = message.keep_alive();
}

} // namespace

Session::Session(Server& server, asio::ip::tcp::socket socket, asio::ssl::context* tls, bool control,
                 std::uint64_t id)
    : server_(server),
      wire_(std::move(socket), tls),
      timer_(wire_.get_executor()),
      idle_timer_(wire_.get_executor()),
      control_(control),
      id_(id) {
    server_.sessions_.insert(this);
    if (!control_) {
        ++server_.api_.stats().connections;
        ++server_.api_.stats().open_connections;
    }
}

Session::~Session() {
    server_.sessions_.erase(this);
    if (server_.held_ == this)
        server_.held_ = nullptr;
    if (!control_)
        --server_.api_.stats().open_connections;
}

void Session::close_if_idle() {
    if (idle_ && !control_) {
        closing_ = true;
        boost::system::error_code ignored;
        wire_.socket().cancel(ignored);
    }
}

void Session::release() {
    if (std::exchange(held_, false))
        timer_.cancel();
}

void Session::stop() {
    closing_ = true;
    timer_.cancel();
    idle_timer_.cancel();
    boost::system::error_code ignored;
    wire_.socket().close(ignored);
}

asio::awaitable<void> Session::wait(std::chrono::milliseconds time) {
    if (closing_)
        co_return;
    timer_.expires_after(time);
    co_await timer_.async_wait(use_tuple);
}

asio::awaitable<bool> Session::handshake() {
    if (wire_.tls() == nullptr)
        co_return true;
    auto& stats = server_.api_.stats();
    const auto faults = server_.api_.faults().strike(Traffic::connection);
    if (const auto* stall = find(faults, Kind::tls_stall)) {
        ++stats.faults;
        ++stats.faults_by_kind[name_of(stall->kind)];
        co_await wait(stall->delay.count() > 0 ? stall->delay : std::chrono::milliseconds(60'000));
        reset_connection();
        co_return false;
    }
    if (find(faults, Kind::tls_hold) != nullptr)
        co_await hold(Kind::tls_hold);
    const auto [error] = co_await wire_.tls()->async_handshake(asio::ssl::stream_base::server, use_tuple);
    if (error) {
        counted_unread_ = true; // no request can come without it
        ++stats.tls_failed;
        co_return false;
    }
    // Not what the kernel has received: the first request may have arrived with the handshake's end.
    received_before_ = BIO_number_read(SSL_get_rbio(wire_.tls()->native_handle()));
    ++stats.tls_handshakes;
    stats.tls_resumed += SSL_session_reused(wire_.tls()->native_handle()) == 1;
    stats.client_certificates += !client_certificate().empty();
    co_return true;
}

std::string Session::client_certificate() {
    if (wire_.tls() == nullptr)
        return {};
    X509* certificate = SSL_get0_peer_certificate(wire_.tls()->native_handle());
    if (certificate == nullptr)
        return {};
    std::string subject(256, '\0');
    X509_NAME_oneline(X509_get_subject_name(certificate), subject.data(), static_cast<int>(subject.size()));
    subject.resize(subject.find('\0'));
    return subject;
}

/// A connection without a request in it is idle, and may be closed by others meanwhile.
asio::awaitable<bool> Session::wait_for_bytes() {
    if (buffer_.size() > 0)
        co_return true;
    idle_ = true;
    auto limit = server_.options_.idle_timeout;
    if (server_.options_.idle_random && limit.count() > 0)
        limit = std::chrono::milliseconds{1 + server_.dice_() % static_cast<std::uint64_t>(limit.count())};
    if (limit.count() > 0 && !control_) {
        idle_timer_.expires_after(limit);
        idle_timer_.async_wait([weak = weak_from_this()](boost::system::error_code error) {
            if (const auto self = weak.lock(); self && !error)
                self->close_if_idle();
        });
    }
    const auto [error, size] = co_await wire_.async_read_some(buffer_.prepare(16 * 1024), use_tuple);
    idle_ = false;
    idle_timer_.cancel();
    buffer_.commit(size);
    co_return !error && !closing_;
}

asio::awaitable<bool> Session::read(HttpRequest& request) {
    http::request_parser<http::string_body> parser;
    parser.body_limit(most_body);
    parser.header_limit(32 * 1024);
    const auto [error, size] = co_await http::async_read_header(wire_, buffer_, parser, use_tuple);
    if (!error && same_text(std::string_view(parser.get()[http::field::expect]), "100-continue")) {
        if (!co_await write("HTTP/1.1 100 Continue\r\n\r\n"))
            co_return false;
    }
    boost::system::error_code failed = error;
    if (!failed) {
        const auto [body_error, body_size] = co_await http::async_read(wire_, buffer_, parser, use_tuple);
        failed = body_error;
    }
    if (failed) {
        if (failed.category() == http::make_error_code(http::error::bad_method).category() &&
            failed != http::error::end_of_stream && failed != http::error::partial_message)
            co_await write("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        co_return false;
    }
    received_before_ = bytes_received();
    fill(parser.get(), request);
    request.connection = id_;
    request.client_certificate = client_certificate();
    co_return true;
}

asio::awaitable<void> Session::run() {
    boost::system::error_code ignored; // a peer that has gone already
    wire_.socket().set_option(asio::ip::tcp::no_delay(true), ignored);
    if (!co_await handshake())
        co_return;
    auto next = Next::go_on;
    while (next == Next::go_on && !closing_) {
        if (!co_await wait_for_bytes())
            break;
        HttpRequest request;
        if (!co_await read(request))
            break;
        next = co_await serve(std::move(request));
    }
    if (next != Next::gone)
        co_await good_bye(true);
}

asio::awaitable<Session::Next> Session::serve(HttpRequest request) {
    auto& api = server_.api_;
    ++served_;
    const bool last = server_.options_.max_requests != 0 && served_ >= server_.options_.max_requests;
    const bool with_body = request.method != "HEAD";
    bool keep_alive = request.keep_alive && !last;
    const std::string path(request.path());
    if (control_ || path.starts_with("/__")) {
        auto reply = server_.control_.handle(request);
        co_return co_await deliver(std::move(reply), {}, keep_alive && (control_ || !server_.down_),
                                   with_body);
    }
    if (path != "/" && path != "/graphql" && path != "/large" && !api.is_login_path(path)) {
        auto reply = json_reply("{\"error\":\"not found\"}", 404);
        co_return co_await deliver(std::move(reply), {}, keep_alive, with_body);
    }
    const auto plan = api.plan(request);
    if (find(plan.faults, Kind::hold) != nullptr)
        co_await hold(Kind::hold);
    if (const auto* fault = find(plan.faults, Kind::delay))
        co_await wait(fault->delay);
    if (closing_ || find(plan.faults, Kind::close_before) != nullptr)
        co_return Next::close;
    if (const auto* fault = find(plan.faults, Kind::down)) {
        server_.down(fault->delay);
        co_return Next::close;
    }
    auto reply = api.answer(request, plan);
    if (const auto* fault = find(plan.faults, Kind::delay_after))
        co_await wait(fault->delay);
    if (find(plan.faults, Kind::close_after) != nullptr)
        co_return Next::close;
    bool overtakes = false;
    if (const auto* fault = find(plan.faults, Kind::reorder))
        overtakes = !co_await hold_back(fault->delay);
    keep_alive = keep_alive && !server_.down_ && !closing_;
    const auto next = co_await deliver(std::move(reply), plan.faults, keep_alive, with_body);
    if (overtakes && server_.held_ != nullptr)
        server_.held_->let_go();
    co_return next;
}

/// Waits until a test releases it.
asio::awaitable<void> Session::hold(Kind kind) {
    constexpr std::chrono::minutes for_ever{10};
    if (closing_)
        co_return;
    auto& stats = server_.api_.stats();
    if (kind == Kind::tls_hold) { // the others are counted by their plan
        ++stats.faults;
        ++stats.faults_by_kind[name_of(kind)];
    }
    held_ = true;
    ++stats.held;
    co_await wait(for_ever);
    held_ = false;
    --stats.held;
}

/// Waits until a later request was answered; returns false at once if another one waits already.
asio::awaitable<bool> Session::hold_back(std::chrono::milliseconds longest) {
    if (server_.held_ != nullptr)
        co_return false;
    server_.held_ = this;
    co_await wait(longest);
    if (server_.held_ == this)
        server_.held_ = nullptr;
    co_return true;
}

void Session::let_go() {
    server_.held_ = nullptr;
    timer_.cancel();
}

asio::awaitable<bool> Session::write(std::string bytes) {
    const auto [error, size] = co_await asio::async_write(wire_, asio::buffer(bytes), use_tuple);
    co_return !error;
}

asio::awaitable<bool> Session::trickle(std::string bytes, std::chrono::milliseconds pause) {
    for (const char byte : bytes) {
        if (pause.count() > 0)
            co_await wait(pause);
        if (!co_await write(std::string(1, byte)))
            co_return false;
    }
    co_return true;
}

/// As the kernel counts them, whether they have been read or not.
std::uint64_t Session::bytes_received() {
    LongTcpInfo info;
    socklen_t size = sizeof info;
    if (::getsockopt(wire_.socket().native_handle(), IPPROTO_TCP, TCP_INFO, &info, &size) != 0)
        return received_before_;
    return info.bytes_received;
}

/// For a test that checks whether a request truly lost the race against our close. Called just before the
/// socket is closed.
void Session::count_unread() {
    constexpr std::uint64_t most_good_bye = 64; // a close_notify is no request, and no request is as short
    if (control_ || counted_unread_ || !wire_.socket().is_open())
        return;
    counted_unread_ = true;
    const bool unread = bytes_received() > received_before_ + most_good_bye;
    server_.api_.stats().unread_requests += unread;
    server_.api_.stats().unread_first_requests += unread && served_ == 0;
}

void Session::reset_connection() {
    count_unread();
    boost::system::error_code ignored;
    wire_.socket().set_option(asio::socket_base::linger(true, 0), ignored);
    wire_.socket().close(ignored);
}

asio::awaitable<Session::Next> Session::deliver(HttpReply reply, std::vector<Fault> faults, bool keep_alive,
                                                bool with_body) {
    keep_alive = keep_alive && !reply.close;
    if (find(faults, Kind::early_hints) != nullptr) {
        if (!co_await write("HTTP/1.1 103 Early Hints\r\nLink: </none>; rel=preload\r\n\r\n"))
            co_return Next::gone;
    }
    if (with_body && (reply.stream_bytes > 0 || reply.stream_events))
        co_return co_await stream(std::move(reply), keep_alive);
    std::string bytes = serialize(reply, keep_alive, with_body);
    const auto head = bytes.find("\r\n\r\n") + 4;
    if (find(faults, Kind::garbage) != nullptr) {
        co_await write("\x01\x02 this is not HTTP\r\n\r\n{}");
        co_return Next::close;
    }
    const bool rst = find(faults, Kind::half_answer_rst) != nullptr;
    const bool half_header = find(faults, Kind::half_header) != nullptr;
    if (rst || half_header || find(faults, Kind::half_answer) != nullptr) {
        co_await write(bytes.substr(0, half_header ? head / 2 : head + (bytes.size() - head) / 2));
        if (!rst && reply.framing == HttpReply::Framing::until_close) {
            co_await good_bye(false); // an orderly end would make a half of it a whole one
            co_return Next::gone;
        }
        if (!rst)
            co_return Next::close;
        co_await wait(std::chrono::milliseconds(20)); // so that the half isn't thrown away by the reset
        reset_connection();
        co_return Next::gone;
    }
    const auto* slow = find(faults, Kind::trickle);
    const bool sent =
        slow != nullptr ? co_await trickle(bytes, slow->delay) : co_await write(std::move(bytes));
    if (!sent)
        co_return Next::gone;
    if (find(faults, Kind::close_delimited_truncated) != nullptr) {
        co_await good_bye(false);
        co_return Next::gone;
    }
    const auto* stale_rst = find(faults, Kind::stale_rst);
    const auto* stale = stale_rst != nullptr ? stale_rst : find(faults, Kind::stale_fin);
    if (stale == nullptr)
        co_return keep_alive ? Next::go_on : Next::close;
    if (stale->delay.count() > 0)
        co_await wait(stale->delay);
    if (stale_rst == nullptr)
        co_return Next::close;
    reset_connection();
    co_return Next::gone;
}

asio::awaitable<Session::Next> Session::stream(HttpReply reply, bool keep_alive) {
    reply.framing = HttpReply::Framing::chunked;
    if (!co_await write(serialize_head(reply, keep_alive)))
        co_return Next::gone;
    if (reply.stream_events) {
        for (std::string_view rest = reply.body; !rest.empty();) {
            const auto end = std::min(rest.size(), rest.find("\n\n") + 2);
            if (!co_await write(chunk(rest.substr(0, end))))
                co_return Next::gone;
            rest.remove_prefix(end);
            co_await wait(std::chrono::milliseconds(5));
        }
    } else {
        constexpr std::int64_t piece = 64 * 1024;
        if (!co_await write(chunk("{\"data\":{\"large\":\"")))
            co_return Next::gone;
        for (auto left = reply.stream_bytes; left > 0; left -= piece)
            if (!co_await write(chunk(std::string(static_cast<std::size_t>(std::min(left, piece)), 'x'))))
                co_return Next::gone;
        if (!co_await write(chunk("\"}}")))
            co_return Next::gone;
    }
    if (!co_await write("0\r\n\r\n"))
        co_return Next::gone;
    co_return keep_alive ? Next::go_on : Next::close;
}

/// Sends what announces the end, then reads on for a moment: closing with unread bytes would be a reset.
asio::awaitable<void> Session::good_bye(bool close_notify) {
    if (!wire_.socket().is_open())
        co_return;
    timer_.expires_after(good_bye_time);
    timer_.async_wait([weak = weak_from_this()](boost::system::error_code error) {
        if (const auto self = weak.lock(); self && !error)
            self->wire_.socket().cancel(error);
    });
    if (close_notify && wire_.tls() != nullptr)
        co_await wire_.tls()->async_shutdown(use_tuple);
    boost::system::error_code ignored;
    if (wire_.socket().is_open())
        wire_.socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
    if (timer_.expiry() > asio::steady_timer::clock_type::now()) {
        std::array<char, 4096> waste{};
        for (;;) {
            const auto [error, size] =
                co_await wire_.socket().async_read_some(asio::buffer(waste), use_tuple);
            if (error)
                break;
        }
    }
    timer_.cancel();
    count_unread();
    wire_.socket().close(ignored);
}

} // namespace bearerd::sim
