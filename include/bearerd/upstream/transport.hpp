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

/// The seam between what decides (auth, proxy) and what moves bytes: one request, one response or a failure
/// that says how far it got. It knows nothing of GraphQL, tokens or resending.
namespace bearerd::upstream {

/// How far a failed exchange got: what contract 4 turns on.
enum class Stage : std::uint8_t {
    connecting, ///< not one byte of the request reached the kernel's socket: certainly not executed
    writing,    ///< some bytes were written, not all
    waiting,    ///< all were written; not one byte of the response came
    reading,    ///< some bytes of the response came
};

struct Failure {
    error_code code;
    Stage stage = Stage::connecting;
    bool reused = false; ///< on a kept-alive connection, which the upstream may have been closing meanwhile
    std::string detail;  ///< for the log and the status page, in words: "certificate has expired"
};

/// A response whose head has come, with its connection. All views are valid until the next read() or the
/// release.
class Exchange {
public:
    [[nodiscard]] virtual const http::ResponseHead& head() const noexcept = 0;

    /// The body's bytes that have come and were not taken yet (transfer coding removed, content coding not).
    [[nodiscard]] virtual std::string_view body() const noexcept = 0;

    /// Whether body() holds the last byte.
    [[nodiscard]] virtual bool complete() const noexcept = 0;

    /// Drops body() and waits for the next piece of it (at most some 256 KiB), which may be empty at the end;
    /// for the transport's `response_timeout` at the most, and not beyond `give_up`, by which a reader bounds
    /// a body that never ends. Fails with timed_out, truncated, garbled or shutting_down; then only the
    /// release is left.
    [[nodiscard]] virtual net::Task<error_code> read(TimePoint give_up) = 0;

    /// From the first byte written to the head's last byte.
    [[nodiscard]] virtual Duration response_time() const noexcept = 0;

    /// When what send() waits for had come.
    [[nodiscard]] virtual TimePoint answered_at() const noexcept = 0;

    /// Counts the exchange as a stream, which may hold its connection for ever, until its release. False if
    /// streams hold half of the connections already: then it is to be released, unless it `must` go on.
    [[nodiscard]] virtual bool become_stream(bool must) noexcept = 0;

    /// By ReleaseExchange only. Gives the connection back: kept where the message was complete and keep-alive
    /// agreed, closed otherwise.
    virtual void release() noexcept = 0;

protected:
    Exchange() = default;
    ~Exchange() = default;
};

struct ReleaseExchange {
    void operator()(Exchange* exchange) const noexcept { exchange->release(); }
};

using ExchangePtr = std::unique_ptr<Exchange, ReleaseExchange>;

/// Whoever waits for the answer to a request, and may give up before its first byte is sent (contract 4).
class Requester {
public:
    /// Called before each wait for a connection, and before another one is tried. gone() reports what has
    /// happened since the first call.
    virtual void about_to_wait() noexcept = 0;
    [[nodiscard]] virtual bool gone() noexcept = 0;

protected:
    Requester() = default;
    ~Requester() = default;
};

/// A request ready for the wire. The views must live until send() has completed.
struct OutgoingRequest {
    std::string_view head; ///< request line and header fields with the empty line that ends them
    std::string_view body; ///< exactly Content-Length bytes
    /// Takes a connection that is new or was used within `reuse_for_mutations` (contract 4).
    bool may_mutate = true;
    /// Takes a new connection whatever is idle: the resend of a query after a stale one.
    bool new_connection = false;
    /// Up to how many bytes of the body send() waits for; a larger body is handed over as soon as that is
    /// known, with what has come of it: up to some 256 KiB, which may be all. One of a type that streams
    /// (http::is_streaming_type) is handed over with its first unit, or with what has come within 250 ms.
    std::size_t hold_limit = 0;
    /// May use one connection beyond `max_connections`: a login must not wait behind the requests that wait
    /// for it.
    bool beyond_limit = false;
    /// The whole exchange up to the held answer ends by then, where that is sooner than the transport's own
    /// limits.
    TimePoint give_up = TimePoint::max();
    /// The time, where it has just been read: then send() needs no look at the clock of its own.
    TimePoint now{};
    /// Looked at before the first byte, where the request had to wait for a connection: one that is gone gets
    /// Failure at Stage::connecting, and nothing is sent. nullptr: nobody can go.
    Requester* requester = nullptr;
};

using SendResult = std::variant<ExchangePtr, Failure>;

class Transport {
public:
    virtual ~Transport() = default;

    /// Sends once, on one connection; never sends again by itself, but for addresses that did not accept and
    /// idle connections found dead before the first byte. Connecting is bounded by `connect_timeout`, the
    /// answer by `response_timeout` from the first byte written. On the transport's own thread only.
    [[nodiscard]] virtual net::Task<SendResult> send(OutgoingRequest request) = 0;
};

} // namespace bearerd::upstream
