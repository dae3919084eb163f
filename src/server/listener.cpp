#include <bearerd/server/listener.hpp>

#include <bearerd/base/log.hpp>
#include <bearerd/net/spawn.hpp>
#include <bearerd/server/own_reply.hpp>

#include "request_id.hpp"
#include "session.hpp"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <memory>
#include <new>
#include <system_error>
#include <utility>

namespace bearerd::server {
namespace {

using namespace std::chrono_literals;

constexpr Duration pause_length = 100ms; // out of descriptors: some will be released
constexpr Duration complaint_interval = 1min;
constexpr std::uint32_t most_heard = 64; // clients over the limit whose request is read before the error
constexpr int most_turns = 64;           // accept rounds for the queue of a listener that closes
constexpr int most_in_one_turn = 64;     // so that other connections get their turn in a flood

std::optional<std::uint32_t> peer_uid(int descriptor) noexcept {
    ucred credentials{};
    socklen_t size = sizeof credentials;
    if (::getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
        return std::nullopt;
    return credentials.uid;
}

/// Returns the local address that the client has connected to; empty if that fails.
std::string local_address(int descriptor) {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&storage), &size) != 0)
        return {};
    return ip_text(storage);
}

/// Sends OVERLOADED before the request has been read, and ends the connection: in a flood above the limit,
/// nothing is kept for a client.
void turn_away(int descriptor, const SessionContext& session_context) {
    constexpr int most_pieces = 16;
    std::string id;
    make_request_id(id);
    http::ReplyContext context;
    context.keep_alive = false;
    context.request_id = id;
    const Reply reply = render(error_reply(outcome::ErrorCode::overloaded), context, {},
                               session_context.service->errors_always_200);
    const std::string answer = reply.head + std::string{whole_body(reply)};
    static_cast<void>(::send(descriptor, answer.data(), answer.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
    const Report& report = reply.report;
    session_context.stats.requests.at(report.kind, report.outcome).add();
    // Closing with unread bytes would send a reset, which could overtake the answer.
    ::shutdown(descriptor, SHUT_WR);
    std::array<char, 4096> sink{};
    int left = most_pieces;
    while (left > 0 && ::recv(descriptor, sink.data(), sink.size(), MSG_DONTWAIT) > 0)
        --left;
}

} // namespace

Listener::Listener(net::asio::io_context& context, net::DeadlineClock& clock, net::TaskGroup& group,
                   ListeningSocket socket, std::size_t header_limit, SessionContext& session_context,
                   ClientLimit& limit)
    : context_{context},
      clock_{clock},
      group_{group},
      socket_{std::move(socket)},
      acceptor_{context.get_executor(), socket_.descriptor.release()},
      header_limit_{header_limit},
      session_context_{session_context},
      limit_{limit},
      pause_{clock, &Listener::on_pause_over, this} {}

Listener::~Listener() {
    stop();
}

void Listener::start() {
    wait();
}

void Listener::stop() noexcept {
    if (stopped_)
        return;
    stopped_ = true;
    // First, because after the socket is closed, another instance may take the file for stale and replace it.
    socket_.file.remove();
    // Connections that the kernel has accepted would be reset with the socket, perhaps after their request.
    try {
        for (int turns = 0; turns < most_turns && !paused_; ++turns)
            if (accept_all())
                break;
    } catch (const std::bad_alloc&) { // those that still wait are reset with the socket
    }
    pause_.clear();
    error_code ignored;
    acceptor_.close(ignored);
}

void Listener::wait() {
    acceptor_.async_wait(net::asio::posix::descriptor_base::wait_read, [this](error_code code) {
        if (code || stopped_)
            return;
        try {
            static_cast<void>(accept_all());
        } catch (const std::bad_alloc&) { // one client is lost; the listener must not be
            pause(ENOMEM);
        }
        if (!paused_)
            wait_again();
    });
}

void Listener::wait_again() noexcept {
    try {
        wait();
    } catch (const std::bad_alloc&) { // it tries again after the pause
        paused_ = true;
        pause_.set_after(pause_length);
    }
}

/// Returns whether the queue is empty now.
bool Listener::accept_all() {
    for (int i = 0; i < most_in_one_turn; ++i) {
        const int descriptor =
            ::accept4(acceptor_.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (descriptor >= 0) {
            start_session(descriptor);
            continue;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK)
            return true;
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            pause(errno);
            return true;
        }
        // Any other error concerns one connection only (accept(2)): the next one may be fine.
    }
    return false;
}

void Listener::start_session(int descriptor) {
    Descriptor owned{descriptor};
    ConnectionSlot slot{limit_};
    if (slot.excess() > most_heard) {
        turn_away(descriptor, session_context_);
        return;
    }
    AcceptedConnection accepted{socket_.identity, std::nullopt, slot.excess() != 0};
    if (accepted.listener.unix_socket)
        accepted.peer_uid = peer_uid(descriptor);
    else if (accepted.listener.address.empty())
        accepted.listener.address = local_address(descriptor);
    error_code code;
    ClientSocket socket{context_.get_executor()};
    socket.assign(net::asio::generic::stream_protocol{accepted.listener.unix_socket ? AF_UNIX : AF_INET, 0},
                  descriptor, code);
    if (code)
        return;
    static_cast<void>(owned.release());
    auto session = std::make_unique<Session>(std::move(socket), std::move(accepted), header_limit_,
                                             session_context_, clock_, group_, std::move(slot));
    net::spawn(context_.get_executor(), Session::run(std::move(session)), "session");
}

void Listener::pause(int reason) {
    paused_ = true;
    pause_.set_after(pause_length);
    const TimePoint now = BootClock::now();
    if (complained_ != TimePoint{} && now - complained_ < complaint_interval)
        return;
    complained_ = now;
    const std::string why = std::generic_category().message(reason);
    log::error("can't accept connections just now; raise the limit on open files (LimitNOFILE=)",
               {{"listener", std::string_view{socket_.text}}, {"reason", std::string_view{why}}});
}

void Listener::on_pause_over(void* self) noexcept {
    auto& listener = *static_cast<Listener*>(self);
    listener.paused_ = false;
    if (!listener.stopped_)
        listener.wait_again();
}

} // namespace bearerd::server
