#pragma once

#include <bearerd/base/clock.hpp>
#include <bearerd/base/error.hpp>
#include <bearerd/http/message.hpp>
#include <bearerd/net/task.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

/// The interface between the deciding modules (auth, proxy) and the one that moves bytes: one request, then
/// one response or a failure that says how far it got. It knows nothing about GraphQL, tokens or resending.
namespace bearerd::upstream {

/// How far a failed exchange got. Contract 4 depends on it.
enum class Stage : std::uint8_t {
    connecting, ///< not one byte of the request reached the kernel's socket: certainly not executed
    writing,    ///< some bytes were written, not all
    waiting,    ///< all were written, but not one byte of the response arrived
    reading,    ///< some bytes of the response arrived
};

struct Failure {
    error_code code;
    Stage stage = Stage::connecting;
    bool reused = false; ///< on a kept-alive connection, which the upstream may have been closing
    std::string detail;  ///< text for the log and the status page: "certificate has expired"
};

/// A response whose head has arrived, with its connection. All views are valid until the next read() or the
/// release.
class Exchange {
public:
    [[nodiscard]] virtual const http::ResponseHead& head() const noexcept = 0;

    /// Returns received bytes of the body not yet taken (transfer coding removed, content coding not).
    [[nodiscard]] virtual std::string_view body() const noexcept = 0;

    /// Whether body() holds the last byte.
    [[nodiscard]] virtual bool complete() const noexcept = 0;

    /// Drops body() and waits for the next piece of it (at most about 256 KiB), which may be empty at the
    /// end. Waits for the transport's `response_timeout` at most, and never beyond `give_up`, with which a
    /// reader bounds an endless body. Fails with timed_out, truncated, garbled or shutting_down; after that
    /// only the release is allowed.
    [[nodiscard]] virtual net::Task<error_code> read(TimePoint give_up) = 0;

    /// From the first byte written to the last byte of the head.
    [[nodiscard]] virtual Duration response_time() const noexcept = 0;

    /// When the part that send() waits for had arrived.
    [[nodiscard]] virtual TimePoint answered_at() const noexcept = 0;

    /// Counts the exchange as a stream, which may hold its connection for ever, until its release. Returns
    /// false if streams already hold half of the connections: then release it, unless it `must` continue.
    [[nodiscard]] virtual bool become_stream(bool must) noexcept = 0;

    /// Called by ReleaseExchange only. Releases the connection: it is kept if the message was complete and
    /// keep-alive was agreed, and closed otherwise.
    virtual void release() noexcept = 0;

protected:
    Exchange() = default;
    ~Exchange() = default;
};

struct ReleaseExchange {
    void operator()(Exchange* exchange) const noexcept { exchange->release(); }
};

using ExchangePtr = std::unique_ptr<Exchange, ReleaseExchange>;

/// Waits for the answer to a request, and may give up before its first byte is sent (contract 4).
class Requester {
public:
    /// Called before each wait for a connection, and before another one is tried.
    virtual void about_to_wait() noexcept {}

    /// Asked before the first byte after each such call, and after a send was deferred.
    [[nodiscard]] virtual bool gone() noexcept { return false; }

    /// Called before send() returns a failure, if the head of the answer had arrived: a new token in it
    /// counts, and so does its status.
    virtual void broke_off(const http::ResponseHead& head) = 0;

protected:
    Requester() = default;
    ~Requester() = default;
};

/// A request ready for the wire. The views must live until send() has completed.
struct OutgoingRequest {
    std::string_view head; ///< request line and header fields, with the empty line at the end
    std::string_view body; ///< exactly Content-Length bytes
    /// Allows only a connection that is new or may carry a mutation (contract 4).
    bool may_mutate = true;
    /// Requires a new connection, even if one is idle: for the resend of a query after a stale connection.
    bool new_connection = false;
    /// send() waits for up to this many bytes of the body. A larger body is returned as soon as that is
    /// known, with the part that has arrived: up to about 256 KiB, possibly all. A body of a streaming type
    /// (http::is_streaming_type) is returned with its first unit, or with what has arrived within 250 ms.
    std::size_t hold_limit = 0;
    /// Allows one connection beyond `max_connections`: a login must not wait for the requests that wait for
    /// it.
    bool beyond_limit = false;
    /// The latest end of the whole exchange up to the held answer, if the transport's own limits are later.
    TimePoint give_up = TimePoint::max();
    /// The current time, if it has just been read: send() then need not read the clock.
    TimePoint now{};
    /// Asked before the first byte if the request had to wait for a connection or was deferred. If it is
    /// gone, send() returns Failure at Stage::connecting, and nothing is sent. nullptr: nobody can give up,
    /// or wants to know of half an answer.
    Requester* requester = nullptr;
};

using SendResult = std::variant<ExchangePtr, Failure>;

class Transport {
public:
    virtual ~Transport() = default;

    /// Sends once, on one connection. Never sends again by itself, except for addresses that did not accept
    /// and idle connections found dead before the first byte. Connecting is bounded by `connect_timeout`, the
    /// answer by `response_timeout` from the first byte written. On the transport's own thread only.
    [[nodiscard]] virtual net::Task<SendResult> send(OutgoingRequest request) = 0;
};

} // namespace bearerd::upstream
