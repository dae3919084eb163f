#pragma once

#include "server.hpp"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

namespace bearerd::sim {

/// One connection: reads requests, gets their answers, and misbehaves as the plan's faults say. Held by the
/// coroutine that runs it; timers hold it weakly, because their handlers may be queued when it ends.
class Session : public std::enable_shared_from_this<Session> {
public:
    Session(Server& server, asio::ip::tcp::socket socket, asio::ssl::context* tls, bool control,
            std::uint64_t id);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    asio::awaitable<void> run();

    void close_if_idle();
    void release();
    void stop();

private:
    enum class Next { go_on, close, gone };

    asio::awaitable<bool> handshake();
    asio::awaitable<bool> wait_for_bytes();
    asio::awaitable<bool> read(HttpRequest& request);
    asio::awaitable<Next> serve(HttpRequest request);
    asio::awaitable<Next> deliver(HttpReply reply, std::vector<Fault> faults, bool keep_alive,
                                  bool with_body);
    asio::awaitable<Next> stream(HttpReply reply, bool keep_alive);
    asio::awaitable<bool> write(std::string bytes);
    asio::awaitable<bool> trickle(std::string bytes, std::chrono::milliseconds pause);
    asio::awaitable<void> wait(std::chrono::milliseconds time);
    asio::awaitable<void> good_bye(bool close_notify);
    asio::awaitable<void> hold(Fault::Kind kind);
    asio::awaitable<bool> hold_back(std::chrono::milliseconds longest);
    void let_go();
    void reset_connection();
    void count_unread();
    [[nodiscard]] std::uint64_t bytes_received();
    std::string client_certificate();

    Server& server_;
    Wire wire_;
    boost::beast::flat_buffer buffer_{64 * 1024};
    asio::steady_timer timer_;
    asio::steady_timer idle_timer_;
    bool control_;
    bool idle_ = false;
    bool closing_ = false;
    bool held_ = false; ///< Until release().
    std::uint64_t id_;
    std::uint64_t served_ = 0;
    std::uint64_t received_before_ = 0; ///< Bytes on the wire, when the last request had been read.
    bool counted_unread_ = false;
};

} // namespace bearerd::sim
