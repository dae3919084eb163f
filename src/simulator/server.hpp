#pragma once

#include "api.hpp"
#include "control.hpp"
#include "wire.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <random>
#include <set>

namespace bearerd::sim {

struct ServerOptions {
    asio::ip::tcp::endpoint listen{asio::ip::address_v4::loopback(), 0};
    std::optional<asio::ip::tcp::endpoint> control;
    std::chrono::milliseconds idle_timeout{0}; ///< 0: idle connections stay.
    bool idle_random = false;                  ///< Each idle time ends anywhere up to `idle_timeout`.
    std::uint64_t max_requests = 0;            ///< On one connection; 0: any number.
};

class Session;

/// Listener, sessions and control port. Everything runs on one thread's io_context, which must have drained
/// before this is destroyed; `stop` makes it drain.
class Server {
public:
    /// `tls` is null for plain HTTP. Throws runtime_error that names the address if it can't listen.
    Server(asio::io_context& io, ServerOptions options, Api& api, asio::ssl::context* tls);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    void start();
    void stop();

    [[nodiscard]] std::uint16_t port() const noexcept { return options_.listen.port(); }

    [[nodiscard]] std::uint16_t control_port() const noexcept;

    void close_idle();
    /// Lets everything that the faults `hold` and `tls_hold` hold continue.
    void release();
    /// Refuses connections for that time; idle connections are closed, others end with their answer.
    void down(std::chrono::milliseconds time);

private:
    friend class Session;

    void open(asio::ip::tcp::acceptor& acceptor, asio::ip::tcp::endpoint& endpoint) const;
    asio::awaitable<void> accept(asio::ip::tcp::acceptor& acceptor, bool control);
    asio::awaitable<void> reopen(std::chrono::milliseconds time);

    asio::io_context& io_;
    ServerOptions options_;
    Api& api_;
    Control control_;
    asio::ssl::context* tls_;
    asio::ip::tcp::acceptor acceptor_;
    asio::ip::tcp::acceptor control_acceptor_;
    asio::steady_timer down_timer_;
    std::set<Session*> sessions_;
    std::minstd_rand dice_;
    Session* held_ = nullptr; ///< Whose answer waits for a later one, by the fault `reorder`.
    std::uint64_t next_connection_ = 1;
    bool down_ = false;
    bool stopped_ = false;
};

/// TLS 1.2 or newer, ALPN http/1.1, resumption by tickets; PEM texts. `client_ca` empty: no certificate is
/// asked for. `version` is "1.2" or "1.3" for only that, else both. Throws if OpenSSL refuses.
asio::ssl::context make_tls(const std::string& certificate, const std::string& key,
                            const std::string& client_ca, const std::string& version);

} // namespace bearerd::sim
