#include "server.hpp"

#include "session.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cstdio>
#include <exception>
#include <sstream>
#include <stdexcept>

namespace bearerd::sim {
namespace {

asio::awaitable<void> run_session(std::shared_ptr<Session> session) {
    co_await session->run();
}

void report_exception(std::exception_ptr exception) {
    try {
        if (exception)
            std::rethrow_exception(exception);
    } catch (const std::exception& error) { // the coroutine is gone; nobody else would tell
        std::fprintf(stderr, "bearerd-sim: a connection ended by: %s\n", error.what());
    }
}

int choose_protocol(SSL*, const unsigned char** out, unsigned char* size, const unsigned char* in,
                    unsigned in_size, void*) {
    static constexpr unsigned char offered[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
    unsigned char* chosen = nullptr;
    if (SSL_select_next_proto(&chosen, size, offered, sizeof offered, in, in_size) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

} // namespace

asio::ssl::context make_tls(const std::string& certificate, const std::string& key,
                            const std::string& client_ca, const std::string& version) {
    asio::ssl::context context(asio::ssl::context::tls_server);
    SSL_CTX* raw = context.native_handle();
    SSL_CTX_set_min_proto_version(raw, version == "1.3" ? TLS1_3_VERSION : TLS1_2_VERSION);
    if (version == "1.2")
        SSL_CTX_set_max_proto_version(raw, TLS1_2_VERSION);
    context.use_certificate_chain(asio::buffer(certificate));
    context.use_private_key(asio::buffer(key), asio::ssl::context::pem);
    SSL_CTX_set_alpn_select_cb(raw, choose_protocol, nullptr);
    static constexpr unsigned char name[] = {'s', 'i', 'm'};
    SSL_CTX_set_session_id_context(raw, name, sizeof name);
    if (!client_ca.empty()) {
        context.add_certificate_authority(asio::buffer(client_ca));
        context.set_verify_mode(asio::ssl::verify_peer); // asked for, not demanded
    }
    return context;
}

Server::Server(asio::io_context& io, ServerOptions options, Api& api, asio::ssl::context* tls)
    : io_(io),
      options_(std::move(options)),
      api_(api),
      control_(api, {[this] { close_idle(); }, [this](std::chrono::milliseconds time) { down(time); },
                     [this] { release(); }}),
      tls_(tls),
      acceptor_(io),
      control_acceptor_(io),
      down_timer_(io) {
    open(acceptor_, options_.listen);
    if (options_.control)
        open(control_acceptor_, *options_.control);
}

Server::~Server() = default;

std::uint16_t Server::control_port() const noexcept {
    return options_.control ? options_.control->port() : std::uint16_t{0};
}

void Server::open(asio::ip::tcp::acceptor& acceptor, asio::ip::tcp::endpoint& endpoint) const {
    try {
        acceptor.open(endpoint.protocol());
        acceptor.set_option(asio::socket_base::reuse_address(true));
        acceptor.bind(endpoint);
        acceptor.listen(1024);
    } catch (const boost::system::system_error& error) {
        std::ostringstream text;
        text << "can't listen on " << endpoint << ": " << error.code().message();
        throw std::runtime_error(text.str());
    }
    // A reopened listener has the port of the first, which others may be reading meanwhile.
    if (endpoint.port() == 0)
        endpoint = acceptor.local_endpoint();
}

void Server::start() {
    asio::co_spawn(io_, accept(acceptor_, false), report_exception);
    if (options_.control)
        asio::co_spawn(io_, accept(control_acceptor_, true), report_exception);
}

asio::awaitable<void> Server::accept(asio::ip::tcp::acceptor& acceptor, bool control) {
    while (acceptor.is_open()) {
        auto [error, socket] = co_await acceptor.async_accept(use_tuple);
        if (error == asio::error::operation_aborted)
            co_return;
        if (error) { // out of descriptors, most likely: others must end first
            asio::steady_timer pause(io_, std::chrono::milliseconds(10));
            co_await pause.async_wait(use_tuple);
            continue;
        }
        auto session = std::make_shared<Session>(*this, std::move(socket), control ? nullptr : tls_, control,
                                                 next_connection_++);
        asio::co_spawn(io_, run_session(std::move(session)), report_exception);
    }
}

void Server::close_idle() {
    for (auto* session : sessions_)
        session->close_if_idle();
}

void Server::release() {
    for (auto* session : sessions_)
        session->release();
}

void Server::down(std::chrono::milliseconds time) {
    boost::system::error_code ignored;
    down_ = true;
    acceptor_.close(ignored);
    close_idle();
    asio::co_spawn(io_, reopen(time), report_exception);
}

asio::awaitable<void> Server::reopen(std::chrono::milliseconds time) {
    down_timer_.expires_after(time); // a second call cuts the first one's wait short
    const auto [error] = co_await down_timer_.async_wait(use_tuple);
    if (error || stopped_)
        co_return;
    down_ = false;
    open(acceptor_, options_.listen);
    asio::co_spawn(io_, accept(acceptor_, false), report_exception);
}

void Server::stop() {
    stopped_ = true;
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    control_acceptor_.close(ignored);
    down_timer_.cancel();
    for (auto* session : sessions_)
        session->stop();
}

} // namespace bearerd::sim
