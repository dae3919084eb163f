#pragma once

#include <bearerd/base/stats.hpp>
#include <bearerd/http/framing.hpp>
#include <bearerd/http/head_text.hpp>
#include <bearerd/http/headers.hpp>
#include <bearerd/http/message.hpp>
#include <bearerd/net/task.hpp>
#include <bearerd/server/report.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

/// The seam between a session, which speaks HTTP with the app, and what answers its requests. A handler
/// returns its reply as a value; only the session writes to the app.
namespace bearerd::server {

/// Says whether a request may still be sent, until its first byte leaves: another replica of a fleet may have
/// sent the same one meanwhile (contract 12).
class SendGate {
public:
    enum class State : std::uint8_t {
        open,
        ask,    ///< it is not known: call ask() once before the request is sent; then only `closed` counts
        closed, ///< the request must not be sent any more, and nothing of its reply reaches the app
    };

    /// Returns the present state. A gate that has once been reported as closed stays closed.
    [[nodiscard]] virtual State check() noexcept = 0;

    /// After `closed`, returns what is known of the transaction elsewhere, for the journal: already_executed,
    /// key_reused, or outcome_unknown if the other replica's request is in flight or unknown.
    [[nodiscard]] virtual outcome::ErrorCode closed_as() const noexcept = 0;

    /// Finds out whether the gate is closed; check() then says so. Takes 100 ms at most. Does not throw.
    [[nodiscard]] virtual net::Task<void> ask() = 0;

    /// Returns whether another replica may have executed the same transaction although the gate is open. An
    /// error of our own that says that nothing was executed must then say so as well
    /// (ErrorReply::others_may_have_executed).
    [[nodiscard]] virtual bool others_may_have_executed() const noexcept = 0;

protected:
    SendGate() = default;
    ~SendGate() = default;
};

/// What a handler can ask about the app's connection while the request is in flight (contract 4).
class AppWatcher {
public:
    /// Notes whether the app's stream has ended already, or ends within a short time from now: such an end
    /// came with the request, from an app that closes only its own direction and waits for the answer.
    /// Returns true if the app is gone for certain: it has reset the connection, or closed both directions.
    /// Call it once a request, before the first wait; it costs a system call, and another one if the app did
    /// something.
    [[nodiscard]] virtual bool note_end() noexcept = 0;

    /// Returns whether the app has reset the connection, or ended its stream later than note_end() allows.
    /// Costs as much as note_end().
    [[nodiscard]] virtual bool is_gone() noexcept = 0;

    /// Returns what else can keep the request from being sent, or nullptr. It is not in Request, because each
    /// frame of a request holds a copy of that.
    [[nodiscard]] virtual SendGate* gate() noexcept { return nullptr; }

protected:
    AppWatcher() = default;
    ~AppWatcher() = default;
};

/// A whole request that has passed the framing guard and the access rules. What it refers to lives until its
/// reply has been written or destroyed, but `app` only until handle() has ended.
struct Request {
    const http::RequestHead& head;
    const http::Target& target;
    std::string_view body;
    const http::ReplyContext& context;
    AppWatcher& app;
};

/// A body that is produced while it is written. It owns what it reads from, and the request's report until
/// finish().
class BodySource {
public:
    enum class State : std::uint8_t {
        more,   ///< another piece follows
        last,   ///< this piece ends the body
        broken, ///< the body ends here without being whole: the app must be able to see that
    };

    struct Piece {
        std::string_view bytes; ///< without framing; may be empty; valid until the next call
        State state = State::more;
    };

    virtual ~BodySource() = default;

    /// Returns what has arrived of the body, and waits only if there is nothing yet. The first piece, which
    /// is sent with the head, is returned without a wait and is not broken.
    [[nodiscard]] virtual net::Task<Piece> next() = 0;

    /// Called once the app is gone, even if it missed only the end of the last piece. Reads on instead of
    /// next(), as far as the outcome requires (contract 4).
    [[nodiscard]] virtual net::Task<void> read_for_nobody() = 0;

    /// Called if the app is gone, but next() should continue for other requests that wait for the answer.
    /// Returns false if it can't; the caller then calls read_for_nobody().
    [[nodiscard]] virtual bool expect_nobody() { return false; }

    /// Records the outcome and returns the final report. Called once, at the end, however the body ended.
    [[nodiscard]] virtual Report finish() = 0;
};

/// A body in memory that `owner` keeps unchanged until it is destroyed.
struct BorrowedBody {
    using Owner = std::unique_ptr<void, void (*)(void*) noexcept>;
    std::string_view bytes;
    Owner owner;
};

/// Learns whether a reply that is held whole has reached the app.
class Delivery {
public:
    Delivery() = default;
    Delivery(const Delivery&) = delete;
    Delivery& operator=(const Delivery&) = delete;
    virtual ~Delivery() = default;

    /// Called once, after the last write. `whole`: all of the reply was handed to the kernel.
    virtual void ended(bool whole) noexcept = 0;
};

/// What happens to the app's connection after the reply, mildest first.
enum class AfterReply : std::uint8_t {
    keep,
    close,
    reset, ///< a plain close would make half a body look whole
};

/// Counts a request as in flight for as long as it lives: in the total of all threads, and in one thread's
/// gauge. An empty one counts nothing.
class InFlight {
public:
    InFlight() noexcept = default;

    InFlight(std::atomic<std::uint32_t>& total, Gauge& gauge) noexcept
        : total_{&total}, gauge_{&gauge}, count_{total.fetch_add(1, std::memory_order_relaxed) + 1} {
        gauge.add(1);
    }

    InFlight(InFlight&& other) noexcept
        : total_{std::exchange(other.total_, nullptr)}, gauge_{other.gauge_}, count_{other.count_} {}

    InFlight& operator=(InFlight&& other) noexcept {
        std::swap(total_, other.total_);
        std::swap(gauge_, other.gauge_);
        std::swap(count_, other.count_);
        return *this;
    }

    ~InFlight() {
        if (total_ == nullptr)
            return;
        total_->fetch_sub(1, std::memory_order_relaxed);
        gauge_->add(-1);
    }

    /// Returns how many there were in all when this one began, itself included.
    [[nodiscard]] std::uint32_t count() const noexcept { return count_; }

private:
    std::atomic<std::uint32_t>* total_ = nullptr;
    Gauge* gauge_ = nullptr;
    std::uint32_t count_ = 0;
};

/// The answer to a request.
struct Reply {
    /// Status line and fields with the empty line that ends them, the body's framing included. An empty head
    /// means no reply: the app gets `OUTCOME_UNKNOWN`.
    http::HeadText head;
    /// Held, borrowed until it is written, or produced while it is written. Empty if no body may follow the
    /// head, as after HEAD or a 204.
    std::variant<std::string, BorrowedBody, std::unique_ptr<BodySource>> body;
    /// How the head delimits the body; only a BodySource needs it.
    http::BodyFraming framing = http::BodyFraming::length;
    AfterReply after = AfterReply::keep;
    Report report; ///< for a BodySource, the state when the head is made; without a head, what is known
    InFlight in_flight{};
    /// For a reply that is held whole; may be null. A BodySource learns it by read_for_nobody().
    std::unique_ptr<Delivery> delivery{};
};

/// Returns the body if it is held whole, otherwise "". Valid as long as the reply.
[[nodiscard]] inline std::string_view whole_body(const Reply& reply) noexcept {
    if (const auto* held = std::get_if<std::string>(&reply.body))
        return *held;
    if (const auto* borrowed = std::get_if<BorrowedBody>(&reply.body))
        return borrowed->bytes;
    return {};
}

/// Answers requests. Used on one thread.
class Handler {
public:
    Handler() = default;
    Handler(const Handler&) = delete;
    Handler& operator=(const Handler&) = delete;
    virtual ~Handler() = default;

    /// If it throws, the app gets `OUTCOME_UNKNOWN`.
    [[nodiscard]] virtual net::Task<Reply> handle(Request request) = 0;
};

} // namespace bearerd::server
