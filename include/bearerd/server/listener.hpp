#pragma once

#include <bearerd/net/deadline.hpp>
#include <bearerd/net/task_group.hpp>
#include <bearerd/server/client_limit.hpp>
#include <bearerd/server/listening_socket.hpp>
#include <bearerd/server/service_settings.hpp>

#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include <cstddef>

namespace bearerd::server {

/// Accepts on one descriptor for one thread and starts sessions. A client above the limit gets a session that
/// only answers with the error; if there are many such clients, the listener sends the error itself. If
/// descriptors run out, it waits instead of spinning.
class Listener {
public:
    /// All references must outlive the listener and its sessions.
    Listener(net::asio::io_context& context, net::DeadlineClock& clock, net::TaskGroup& group,
             ListeningSocket socket, std::size_t header_limit, SessionContext& session_context,
             ClientLimit& limit);
    ~Listener();
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

    void start();

    /// Accepts the connections already in the queue, then no more.
    void stop() noexcept;

    /// Returns the address for display.
    [[nodiscard]] const std::string& text() const noexcept { return socket_.text; }

private:
    void wait();
    void wait_again() noexcept;
    [[nodiscard]] bool accept_all();
    void start_session(int descriptor);
    void pause(int reason);
    static void on_pause_over(void* self) noexcept;

    net::asio::io_context& context_;
    net::DeadlineClock& clock_;
    net::TaskGroup& group_;
    ListeningSocket socket_;
    net::asio::posix::basic_stream_descriptor<net::Executor> acceptor_;
    std::size_t header_limit_;
    SessionContext& session_context_;
    ClientLimit& limit_;
    net::Deadline pause_;
    TimePoint complained_{};
    bool paused_ = false;
    bool stopped_ = false;
};

} // namespace bearerd::server
