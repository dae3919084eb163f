#pragma once

#include <bearerd/base/clock.hpp>
#include <bearerd/graphql/operation.hpp>
#include <bearerd/graphql/reply.hpp>
#include <bearerd/http/framing.hpp>
#include <bearerd/http/headers.hpp>
#include <bearerd/http/message.hpp>
#include <bearerd/net/task.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// The seam between a session, which speaks HTTP with the app, and whoever answers its requests.
namespace bearerd::proxy {

/// A whole request that has passed the framing guard and the access rules. Lives until handle() has
/// completed.
struct AppRequest {
    const http::RequestHead& head;
    const http::Target& target;
    std::string_view body;
    const http::ReplyContext& context;
};

/// How many outcomes are a graphql::Verdict; those of error codes follow them.
inline constexpr std::size_t verdict_count = 3;
/// The app had gone before the first byte of its request was sent.
inline constexpr std::size_t client_closed_outcome = verdict_count + graphql::error_code_count;

/// What became of a request, for log line and metrics.
struct Report {
    graphql::OperationKind kind = graphql::OperationKind::unknown;
    std::string name;         ///< the operation's
    std::uint16_t status = 0; ///< as sent to the app
    /// Index of Stats::requests: a graphql::Verdict, verdict_count + a graphql::ErrorCode, or
    /// client_closed_outcome.
    std::size_t outcome = 0;
    /// Of a mutation, what is proven; of a query, yes: the upstream answered.
    graphql::Executed executed = graphql::Executed::no;
    std::uint64_t bytes_out = 0; ///< body bytes for the app, before framing
    Duration upstream_time{};    ///< spent on exchanges, waits for a connection included
    std::uint32_t resends = 0;
    std::string detail; ///< of a failure, for the log: "connection refused"
    bool quiet = false; ///< not counted and not logged as a request (the admin listener's)

    [[nodiscard]] bool has_error_code() const noexcept { return outcome >= verdict_count; }

    void set_error(graphql::ErrorCode code, graphql::Executed value) noexcept {
        outcome = verdict_count + static_cast<std::size_t>(code);
        executed = value;
    }
};

/// "ok", "graphql_error", "rejected", "client_closed", or an error code in lower case (contract 8).
[[nodiscard]] std::string_view outcome_label(std::size_t outcome) noexcept;

/// The way back to the app.
class Responder {
public:
    /// Writes the pieces one behind the other, in one system call where the socket takes it. False: the app
    /// is gone; nothing more reaches it, and the connection will be closed.
    [[nodiscard]] virtual net::Task<bool> write(std::string_view first, std::string_view second,
                                                std::string_view third) = 0;

    /// As write(), but only what the socket takes at once; how many bytes that was. The rest is for write(),
    /// which waits, and which meets a failure again.
    [[nodiscard]] virtual std::size_t write_now(std::string_view first, std::string_view second) = 0;

    /// The answer is not whole, or its end is told by the end of the connection: close behind it.
    virtual void close_after() noexcept = 0;

    /// As close_after(), but by a reset, where a plain close would make a cut answer look whole.
    virtual void reset_after() noexcept { close_after(); }

    /// Notes whether the app's stream has ended already, or ends within a short time from now: such an end
    /// came with the request, from an app that closes only its own direction and waits for the answer
    /// (contract 4). Returns true if the app is gone for certain: it has reset the connection, or closed both
    /// directions. Call it once a request, before the first wait; it costs a system call.
    [[nodiscard]] virtual bool note_end() noexcept { return false; }

    /// Whether the app has reset the connection, or ended its stream later than note_end() allows. A system
    /// call.
    [[nodiscard]] virtual bool app_is_gone() noexcept { return false; }

protected:
    Responder() = default;
    ~Responder() = default;
};

/// Answers requests. Used on one thread.
class Handler {
public:
    virtual ~Handler() = default;

    /// Always writes exactly one answer, and fills in the report.
    [[nodiscard]] virtual net::Task<void> handle(AppRequest request, Responder& responder,
                                                 Report& report) = 0;
};

/// An error of bearerd's own.
struct ErrorReply {
    graphql::ErrorCode code;
    graphql::Executed executed;
    std::optional<Duration> retry_after;
    std::string_view extra_fields; ///< whole field lines, such as Allow
    /// JSON text: what was found of a mutation that was asked after, "null" for nothing. Absent: not asked.
    std::optional<std::string_view> reconciled{};
    std::string_view sentence{}; ///< in place of the code's own
};

/// As contract 4's table has it.
[[nodiscard]] inline ErrorReply error_reply(graphql::ErrorCode code) noexcept {
    return {code, graphql::table_executed(code), std::nullopt, {}};
}

/// Everything of an error reply but where it goes (contract 4): status, content type by what the app accepts,
/// body, Retry-After. Appended to `out`; the report is filled in.
void append_error_reply(std::string& out, const ErrorReply& error, const http::ReplyContext& context,
                        std::string_view accept, bool always_200, Report& report);

} // namespace bearerd::proxy
