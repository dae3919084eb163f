#include <bearerd/upstream/dialer.hpp>

#include <bearerd/net/readiness.hpp>

#include "connect_proxy.hpp"

#include <boost/asio/connect.hpp>

#include <unistd.h>

#include <algorithm>
#include <charconv>

namespace bearerd::upstream {
namespace {

namespace asio = net::asio;
using namespace std::chrono_literals;

constexpr Duration stagger = 250ms;    // RFC 8305 section 8, Connection Attempt Delay
constexpr Duration address_life = 30s; // getaddrinfo tells no TTL; this follows a moved upstream soon enough
constexpr std::size_t most_addresses = 16; // a bound on what one name can make us try

std::string endpoint_text(const TcpEndpoint& endpoint) {
    const bool v6 = endpoint.address().is_v6();
    return (v6 ? "[" : "") + endpoint.address().to_string() + (v6 ? "]:" : ":") +
           std::to_string(endpoint.port());
}

/// The same descriptor as the reactor has never seen it. Connecting left it registered for writability, and
/// with that every re-armed wait for an answer would wake the loop once for nothing.
error_code register_anew(TcpSocket& socket) {
    error_code code;
    const auto protocol = socket.local_endpoint(code).protocol();
    if (code)
        return code;
    TcpSocket fresh{socket.get_executor()};
    const int descriptor = socket.release(code);
    if (code)
        return code;
    fresh.assign(protocol, descriptor, code);
    if (code)
        ::close(descriptor);
    socket = std::move(fresh);
    return code;
}

} // namespace

/// What one dial waits for, so that its deadline, or the shutdown, can end the wait.
struct Dialer::Attempt {
    Attempt(Dialer& owner)
        : dialer{owner},
          event{std::make_shared<net::Event>(owner.executor_)},
          deadline{owner.clock_, &Attempt::on_deadline, this} {
        dialer.attempts_.push_back(this);
    }

    Attempt(const Attempt&) = delete;
    Attempt& operator=(const Attempt&) = delete;

    ~Attempt() { std::erase(dialer.attempts_, this); }

    static void on_deadline(void* self) noexcept {
        auto& attempt = *static_cast<Attempt*>(self);
        attempt.event->set();
        if (attempt.socket != nullptr) {
            error_code ignored;
            attempt.socket->cancel(ignored);
        }
    }

    Dialer& dialer;
    std::shared_ptr<net::Event> event; ///< a look-up that was given up may still set it later
    net::Deadline deadline;
    TcpSocket* socket = nullptr; ///< what a handshake waits on
};

struct Dialer::Lookup {
    std::vector<std::shared_ptr<net::Event>> waiters;
    bool done = false;
    error_code code;
    std::vector<TcpEndpoint> endpoints;
};

/// Connection attempts running side by side; the first to succeed wins.
struct Dialer::Race {
    Race(std::shared_ptr<net::Event> event) : changed{std::move(event)} {}

    std::shared_ptr<net::Event> changed;
    std::vector<std::unique_ptr<TcpSocket>> sockets;
    std::size_t running = 0;
    std::optional<std::size_t> winner;
    bool failed_one = false; ///< since it was last looked at: the next one starts at once
    error_code last_error;
    std::string last_endpoint;
};

std::vector<TcpEndpoint> interleave_families(const std::vector<TcpEndpoint>& resolved) {
    std::vector<TcpEndpoint> first;
    std::vector<TcpEndpoint> second;
    for (const TcpEndpoint& endpoint : resolved)
        (endpoint.protocol() == resolved.front().protocol() ? first : second).push_back(endpoint);
    std::vector<TcpEndpoint> order;
    for (std::size_t i = 0; order.size() < most_addresses && (i < first.size() || i < second.size()); ++i) {
        if (i < first.size())
            order.push_back(first[i]);
        if (i < second.size())
            order.push_back(second[i]);
    }
    return order;
}

Dialer::Dialer(asio::io_context& context, net::DeadlineClock& clock, const config::Upstream& settings,
               TlsContext* tls)
    : executor_{context.get_executor()},
      clock_{clock},
      settings_{settings},
      tls_{tls},
      resolver_{context.get_executor()} {}

Dialer::~Dialer() = default;

void Dialer::stop() noexcept {
    stopped_ = true;
    resolver_.cancel();
    for (Attempt* attempt : attempts_)
        attempt->deadline.expire();
}

Failure Dialer::failure(const Attempt& attempt, error_code code, std::string detail) const {
    if (stopped_)
        return {errc::shutting_down, Stage::connecting, false, std::move(detail)};
    if (attempt.deadline.expired())
        return {errc::timed_out, Stage::connecting, false, "connecting took too long: " + detail};
    return {code, Stage::connecting, false, std::move(detail)};
}

net::Task<DialResult> Dialer::dial(TimePoint give_up) {
    Attempt attempt{*this};
    if (stopped_)
        co_return Failure{errc::shutting_down, Stage::connecting, false, {}};
    attempt.deadline.set(std::min(BootClock::now() + settings_.connect_timeout, give_up));
    auto resolved = co_await resolve(attempt);
    if (auto* failed = std::get_if<Failure>(&resolved))
        co_return std::move(*failed);
    auto& remaining = std::get<std::vector<TcpEndpoint>>(resolved);
    std::optional<Failure> last;
    while (!remaining.empty()) {
        auto connected = co_await connect(attempt, remaining);
        if (auto* failed = std::get_if<Failure>(&connected)) {
            last = last.value_or(std::move(*failed)); // a TLS fault of an earlier address says more
            break;
        }
        auto& socket = std::get<TcpSocket>(connected);
        if (settings_.proxy) {
            last = co_await traverse_proxy(attempt, socket);
            if (last)
                break; // the proxy's other addresses would say the same
        }
        SslPtr ssl;
        if (tls_ != nullptr) {
            auto secured = co_await secure(attempt, socket);
            if (auto* failed = std::get_if<Failure>(&secured)) {
                last = std::move(*failed);
                if (attempt.deadline.expired())
                    break;
                continue;
            }
            ssl = std::get<SslPtr>(std::move(secured));
        }
        const error_code registered = register_anew(socket);
        if (stopped_ || attempt.deadline.expired() || registered) {
            last = failure(attempt, registered, registered.message());
            break;
        }
        const bool resumed = ssl && tls_resumed(ssl.get());
        co_return Dialed{std::move(socket), std::move(ssl), resumed};
    }
    known_until_ = {}; // no address served: ask again for the next connection
    co_return std::move(*last);
}

net::Task<std::variant<std::vector<TcpEndpoint>, Failure>> Dialer::resolve(Attempt& attempt) {
    const std::string& host = settings_.proxy ? settings_.proxy->host : settings_.url.host;
    const std::uint16_t port = settings_.proxy ? settings_.proxy->port : settings_.url.port;
    error_code not_literal;
    const auto literal = asio::ip::make_address(host, not_literal);
    if (!not_literal)
        co_return std::vector<TcpEndpoint>{TcpEndpoint{literal, port}};
    if (!known_.empty() && BootClock::now() < known_until_)
        co_return known_;
    if (!lookup_) {
        lookup_ = std::make_shared<Lookup>();
        resolver_.async_resolve(host, std::to_string(port), asio::ip::resolver_base::numeric_service,
                                [lookup = lookup_](error_code code, const auto& results) {
                                    lookup->done = true;
                                    lookup->code = code;
                                    for (const auto& result : results)
                                        lookup->endpoints.push_back(result.endpoint());
                                    for (const auto& waiter : lookup->waiters)
                                        waiter->set();
                                });
    }
    const std::shared_ptr<Lookup> lookup = lookup_;
    lookup->waiters.push_back(attempt.event);
    while (!lookup->done && !attempt.deadline.expired())
        co_await attempt.event->wait();
    if (!lookup->done) // getaddrinfo can't be interrupted; it may serve a later dial yet
        co_return failure(attempt, errc::name_not_found, "looking up " + host + " brings no answer");
    if (lookup_ == lookup)
        lookup_.reset();
    if (!lookup->endpoints.empty()) {
        known_ = interleave_families(lookup->endpoints);
        known_until_ = BootClock::now() + address_life;
    } else if (known_.empty()) {
        co_return failure(attempt, errc::name_not_found,
                          "looking up " + host + ": " + lookup->code.message());
    }
    co_return known_; // where the name server is down, yesterday's addresses are the best guess
}

void Dialer::start_connect(const std::shared_ptr<Race>& race, const TcpEndpoint& endpoint) {
    const std::size_t index = race->sockets.size();
    TcpSocket& socket = *race->sockets.emplace_back(std::make_unique<TcpSocket>(executor_));
    ++race->running;
    error_code code;
    socket.open(endpoint.protocol(), code);
    if (!code)
        socket.set_option(asio::ip::tcp::no_delay{true}, code);
    socket.async_connect(endpoint, [race, index, endpoint](error_code result) {
        --race->running;
        if (result) {
            race->failed_one = true;
            race->last_error = result;
            race->last_endpoint = endpoint_text(endpoint);
        } else if (!race->winner) {
            race->winner = index;
        }
        race->changed->set();
    });
}

net::Task<std::variant<TcpSocket, Failure>> Dialer::connect(Attempt& attempt,
                                                            std::vector<TcpEndpoint>& remaining) {
    auto race = std::make_shared<Race>(attempt.event);
    net::Deadline next{clock_, [](void* event) noexcept { static_cast<net::Event*>(event)->set(); },
                       attempt.event.get()};
    std::size_t started = 0;
    while (!race->winner && !attempt.deadline.expired()) {
        const bool turn = started == 0 || race->failed_one || next.expired();
        if (turn && started < remaining.size()) {
            race->failed_one = false;
            start_connect(race, remaining[started++]);
            next.set_after(stagger);
        } else if (race->running == 0) {
            break;
        }
        co_await attempt.event->wait();
    }
    for (const auto& socket : race->sockets) {
        error_code ignored;
        if (!race->winner || socket != race->sockets[*race->winner])
            socket->close(ignored);
    }
    if (!race->winner) {
        remaining.clear();
        auto detail = race->last_error ? race->last_endpoint + ": " + race->last_error.message()
                                       : std::string{"no address answers"};
        co_return failure(attempt, errc::connect_failed, std::move(detail));
    }
    // Addresses that lost the race stay candidates, should TLS fail on the winner's.
    remaining.erase(remaining.begin() + static_cast<std::ptrdiff_t>(*race->winner));
    TcpSocket socket = std::move(*race->sockets[*race->winner]);
    error_code code;
    socket.non_blocking(true, code);
    if (!code)
        socket.native_non_blocking(true, code);
    if (code)
        co_return failure(attempt, code, "the socket can't be set up: " + code.message());
    co_return std::move(socket);
}

net::Task<std::variant<SslPtr, Failure>> Dialer::secure(Attempt& attempt, TcpSocket& socket) {
    SslPtr ssl = tls_->make_stream(socket.native_handle());
    attempt.socket = &socket;
    IoState state = IoState::failed;
    error_code waited;
    while (!waited) {
        state = tls_handshake(ssl.get());
        if (state != IoState::want_read && state != IoState::want_write)
            break;
        const auto what = state == IoState::want_read ? TcpSocket::wait_read : TcpSocket::wait_write;
        waited = co_await net::wait_ready(socket, what, attempt.deadline);
    }
    attempt.socket = nullptr;
    if (waited)
        co_return failure(attempt, waited, "the TLS handshake was not finished");
    if (state == IoState::done)
        co_return std::move(ssl);
    TlsFault fault = tls_fault(ssl.get());
    const errc code = fault.certificate ? errc::certificate_invalid : errc::tls_failed;
    co_return failure(attempt, code, std::move(fault.reason));
}

net::Task<std::optional<Failure>> Dialer::traverse_proxy(Attempt& attempt, TcpSocket& socket) {
    attempt.socket = &socket;
    const std::string target =
        (settings_.url.host.find(':') == std::string::npos ? settings_.url.host
                                                           : "[" + settings_.url.host + "]") +
        ":" + std::to_string(settings_.url.port);
    auto refused = co_await connect_through_proxy(socket, attempt.deadline, *settings_.proxy, target);
    attempt.socket = nullptr;
    if (refused)
        co_return failure(attempt, refused->code, std::move(refused->detail));
    co_return std::nullopt;
}

} // namespace bearerd::upstream
