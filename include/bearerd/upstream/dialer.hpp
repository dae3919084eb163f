#pragma once

#include <bearerd/base/clock.hpp>
#include <bearerd/config/config.hpp>
#include <bearerd/net/deadline.hpp>
#include <bearerd/net/event.hpp>
#include <bearerd/net/task.hpp>
#include <bearerd/upstream/tls.hpp>
#include <bearerd/upstream/transport.hpp>

#include <boost/asio/ip/tcp.hpp>

#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace bearerd::upstream {

using TcpSocket = net::asio::basic_stream_socket<net::asio::ip::tcp, net::Executor>;
using TcpEndpoint = net::asio::ip::tcp::endpoint;

/// A connection ready for its first request.
struct Dialed {
    TcpSocket socket;
    SslPtr ssl; ///< nullptr for an http:// upstream on loopback
    bool resumed = false;
};

using DialResult = std::variant<Dialed, Failure>;

/// Connects to the upstream: name, TCP (all addresses, staggered as RFC 8305 says), proxy, TLS. One thread
/// only; must outlive the coroutines that it started.
class Dialer {
public:
    /// `tls`: nullptr for an http:// upstream. Both must outlive the dialer.
    Dialer(net::asio::io_context& context, net::DeadlineClock& clock, const config::Upstream& settings,
           TlsContext* tls);
    ~Dialer();
    Dialer(const Dialer&) = delete;
    Dialer& operator=(const Dialer&) = delete;

    /// All of it within `connect_timeout` and before `give_up`, or Failure at Stage::connecting..
    [[nodiscard]] net::Task<DialResult> dial(TimePoint give_up);

    /// Ends every dial under way with errc::shutting_down.
    void stop() noexcept;

private:
    struct Attempt;
    struct Lookup;
    struct Race;

    [[nodiscard]] net::Task<std::variant<std::vector<TcpEndpoint>, Failure>> resolve(Attempt& attempt);
    [[nodiscard]] net::Task<std::variant<TcpSocket, Failure>> connect(Attempt& attempt,
                                                                      std::vector<TcpEndpoint>& remaining);
    [[nodiscard]] net::Task<std::variant<SslPtr, Failure>> secure(Attempt& attempt, TcpSocket& socket);
    [[nodiscard]] net::Task<std::optional<Failure>> traverse_proxy(Attempt& attempt, TcpSocket& socket);
    void start_connect(const std::shared_ptr<Race>& race, const TcpEndpoint& endpoint);
    [[nodiscard]] Failure failure(const Attempt& attempt, error_code code, std::string detail) const;

    net::Executor executor_;
    net::DeadlineClock& clock_;
    const config::Upstream& settings_;
    TlsContext* tls_;
    net::asio::ip::basic_resolver<net::asio::ip::tcp, net::Executor> resolver_;
    std::shared_ptr<Lookup> lookup_; ///< the look-up under way, if any
    std::vector<TcpEndpoint> known_; ///< what the last successful look-up brought
    TimePoint known_until_{};        ///< from then on it is looked up again, but still used where that fails
    std::vector<Attempt*> attempts_; ///< under way, for stop()
    bool stopped_ = false;
};

/// The order in which addresses are tried: families taking turns, the resolver's first one first (RFC 8305
/// section 4). Pure.
[[nodiscard]] std::vector<TcpEndpoint> interleave_families(const std::vector<TcpEndpoint>& resolved);

} // namespace bearerd::upstream
