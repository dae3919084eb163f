#pragma once

#include <bearerd/http/byte_buffer.hpp>
#include <bearerd/http/framing.hpp>
#include <bearerd/http/message.hpp>
#include <bearerd/http/parser.hpp>
#include <bearerd/net/deadline.hpp>
#include <bearerd/net/stream_socket.hpp>
#include <bearerd/net/task.hpp>
#include <bearerd/outcome/error_reply.hpp>
#include <bearerd/server/memory_budget.hpp>
#include <bearerd/server/service_settings.hpp>

#include "accepted_connection.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bearerd::server {

/// Reads a connection's requests one after the other, and checks each as soon as its head is there. Holds no
/// memory between them.
class RequestReader {
public:
    enum class Read : std::uint8_t {
        request,          ///< whole and sound
        faulty,           ///< refuse it with fault()
        gone,             ///< the app has left
        nothing,          ///< only empty lines came, as old clients send them after a body
        expects_continue, ///< once a request: send "100 Continue", then call read() again
    };

    /// The callback of `deadline` must cancel the socket's operations. All references must outlive the
    /// reader.
    RequestReader(net::StreamSocket<ClientSocket>& socket, net::Deadline& deadline,
                  const AcceptedConnection& accepted, std::size_t header_limit, MemoryBudget& bodies);

    /// Returns whether no byte of a request has arrived, or only the beginning of an empty line.
    [[nodiscard]] bool is_idle() const noexcept;

    /// Releases all memory. Only while it is idle.
    void release() noexcept;

    /// Receives the first bytes of a request. Returns asio's would_block if there are none; the memory is
    /// then released again.
    [[nodiscard]] error_code receive_first();

    /// Begins a request, which is judged by `service`. That must live until end().
    void begin(const ServiceSettings& service);

    /// Takes what has been received of the request, without waiting and without a coroutine. Returns nullopt
    /// if more is needed: call read() then. After the head, `deadline` is that of the body; it is cleared
    /// once the body is whole.
    [[nodiscard]] std::optional<Read> read_now();

    /// Reads the rest of the request.
    [[nodiscard]] net::Task<Read> read();

    /// Reads no more of the request. Returns Read::faulty.
    [[nodiscard]] Read refuse(outcome::ErrorCode code) noexcept;

    /// Drops the request, and the empty lines after it.
    void end() noexcept;

    /// Why the request can't be served, after Read::faulty.
    [[nodiscard]] outcome::ErrorCode fault() const noexcept { return fault_; }

    /// Whether the head could be parsed: head(), target() and cors() are those of the request.
    [[nodiscard]] bool has_head() const noexcept { return stage_ != Stage::head; }

    /// Whether all of the request has been received.
    [[nodiscard]] bool is_whole() const noexcept { return parse_state_ == http::ParseState::complete; }

    [[nodiscard]] const http::RequestHead& head() const noexcept { return parser_.head(); }

    [[nodiscard]] const http::Target& target() const noexcept { return target_; }

    [[nodiscard]] std::string_view body() noexcept { return parser_.body(); }

    /// The field lines that every reply to an allowed origin carries; empty for any other.
    [[nodiscard]] std::string_view cors() const noexcept { return cors_; }

private:
    enum class Stage : std::uint8_t {
        head,
        body,
        continued, ///< the body, after Read::expects_continue
    };

    [[nodiscard]] std::optional<Read> take_head();
    [[nodiscard]] bool take_body();
    [[nodiscard]] std::optional<Read> check_body();
    [[nodiscard]] bool may_hold_body() noexcept;
    [[nodiscard]] Read interrupted(error_code code) noexcept;
    [[nodiscard]] error_code receive_now();
    [[nodiscard]] net::Task<error_code> receive();

    net::StreamSocket<ClientSocket>& socket_;
    net::Deadline& deadline_;
    const AcceptedConnection& accepted_;
    const ServiceSettings* service_ = nullptr; ///< of the request that is read
    http::ByteBuffer received_;
    http::RequestParser parser_;
    MemoryReservation body_reservation_; ///< for the parser's body
    http::Target target_;
    std::string cors_;
    http::ParseState parse_state_ = http::ParseState::need_more;
    Stage stage_ = Stage::head;
    outcome::ErrorCode fault_ = outcome::ErrorCode::bad_request;
};

} // namespace bearerd::server
