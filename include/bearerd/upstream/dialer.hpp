#pragma once

#include <bearerd/base/clock.hpp>
#include <bearerd/config/config.hpp>
#include <bearerd/net/deadline.hpp>
#include <bearerd/net/event.hpp>
#include <bearerd/net/task.hpp>
#include <bearerd/upstream/tls.hpp>
#include <bearerd/upstream/transport.hpp>

#include <boost/asio/ip/tcp.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
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
    TcpEndpoint endpoint; ///< the upstream's, or the outbound proxy's
};

using DialResult = std::variant<Dialed, Failure>;

struct Resolved {
    error_code code;
    std::vector<TcpEndpoint> endpoints;
};

/// Looks up a name, which may take long. Called on a thread of its own, which may outlive the dialer.
using ResolveFunction = std::function<Resolved(const std::string& host, std::uint16_t port)>;

/// Asks the system (getaddrinfo).
[[nodiscard]] Resolved look_up(const std::string& host, std::uint16_t port);

/// Whether a look-up thread of any dialer is running. A process that ends now must not destroy static
/// objects, because the thread still runs.
[[nodiscard]] bool is_looking_up() noexcept;

/// Connects to the upstream: name, TCP, proxy, TLS. Addresses race through all of these steps, staggered as
/// in RFC 8305, and the last one that worked goes first. Known addresses are used while a look-up is running.
/// One thread only; must outlive the coroutines that it started.
class Dialer {
public:
    /// `tls`: nullptr for an http:// upstream. Both must outlive the dialer.
    Dialer(net::asio::io_context& context, net::DeadlineClock& clock, const config::Upstream& settings,
           TlsContext* tls, ResolveFunction resolve = look_up);
    ~Dialer();
    Dialer(const Dialer&) = delete;
    Dialer& operator=(const Dialer&) = delete;

    /// Takes at most `connect_timeout`, and ends before `give_up`; else Failure at Stage::connecting.
    [[nodiscard]] net::Task<DialResult> dial(TimePoint give_up);

    /// Ends every running dial with errc::shutting_down.
    void stop() noexcept;

    /// Whether no attempt on any address is running.
    [[nodiscard]] bool quiet() const noexcept { return races_ == 0; }

private:
    struct Attempt;
    struct Lookups;
    struct Race;

    [[nodiscard]] net::Task<std::variant<std::vector<TcpEndpoint>, Failure>> resolve(Attempt& attempt);
    void start_lookup(const std::string& host, std::uint16_t port);
    void take_looked_up();
    void add_known(std::vector<TcpEndpoint>& addresses) const;
    [[nodiscard]] net::Task<void> run_race(Attempt& attempt, std::shared_ptr<Race> race,
                                           std::vector<TcpEndpoint> addresses);
    [[nodiscard]] net::Task<void> try_address(std::shared_ptr<Race> race, TcpEndpoint endpoint);
    [[nodiscard]] net::Task<void> connect_and_secure(Race& race, TcpEndpoint endpoint);
    [[nodiscard]] net::Task<std::optional<Failure>> connect(Attempt& attempt, TcpSocket& socket,
                                                            TcpEndpoint endpoint);
    [[nodiscard]] net::Task<std::variant<SslPtr, Failure>> secure(Attempt& attempt, TcpSocket& socket);
    [[nodiscard]] net::Task<std::optional<Failure>> traverse_proxy(Race& race, Attempt& attempt,
                                                                   TcpSocket& socket);
    [[nodiscard]] Failure failure(const Attempt& attempt, error_code code, std::string detail) const;

    net::Executor executor_;
    net::DeadlineClock& clock_;
    const config::Upstream& settings_;
    TlsContext* tls_;
    ResolveFunction resolve_;
    std::shared_ptr<Lookups> lookups_;
    error_code lookup_error_;                ///< of the last look-up that was taken over
    std::vector<TcpEndpoint> known_;         ///< the result of the last successful look-up
    TimePoint known_until_{};                ///< after this they are looked up again, but still used
    std::optional<TcpEndpoint> last_served_; ///< tried first
    std::vector<Attempt*> attempts_;         ///< running, for stop()
    std::size_t races_ = 0;                  ///< races that still have running attempts
    bool stopped_ = false;
};

/// Returns the order in which addresses are tried: families alternate, beginning with the resolver's first
/// address (RFC 8305 section 4). Pure.
[[nodiscard]] std::vector<TcpEndpoint> interleave_families(const std::vector<TcpEndpoint>& resolved);

} // namespace bearerd::upstream
