#pragma once

#include <bearerd/base/clock.hpp>
#include <bearerd/graphql/operation.hpp>
#include <bearerd/outcome/error_reply.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace bearerd::server {

/// The number of outcomes that are a graphql::Verdict; those of error codes follow them.
inline constexpr std::uint32_t verdict_count = 3;
/// The app left before the first byte of its request was sent.
inline constexpr std::uint32_t client_closed_outcome =
    verdict_count + static_cast<std::uint32_t>(outcome::error_code_count);

/// The outcome of a request, for the log line and the metrics.
struct Report {
    graphql::OperationKind kind = graphql::OperationKind::unknown;
    /// For a mutation, what is proven; for a query, `yes` if the upstream answered.
    outcome::Executed executed = outcome::Executed::no;
    bool quiet = false; ///< neither counted nor logged as a request (the admin listener's)
    /// `executed` is `answered`, and the answer says that nothing was executed (outcome::ran_nothing).
    bool nothing_ran = false;
    /// `executed` is `unknown` only because another replica may have executed the same transaction (contract
    /// 12): this process has not.
    bool not_executed_here = false;
    std::uint16_t status = 0; ///< as sent to the app
    std::uint32_t resends = 0;
    /// Index of Stats::requests: a graphql::Verdict, verdict_count + an outcome::ErrorCode, or
    /// client_closed_outcome.
    std::uint32_t outcome = 0;
    std::uint64_t bytes_out = 0; ///< body bytes for the app, before framing
    Duration upstream_time{};    ///< spent on exchanges, waits for a connection included
    std::string name;            ///< the operation's
    std::string detail;          ///< of a failure, for the log: "connection refused"

    [[nodiscard]] bool has_error_code() const noexcept { return outcome >= verdict_count; }

    /// What this process knows of its own doing, for the journal and the local guard.
    [[nodiscard]] outcome::Executed executed_here() const noexcept {
        return not_executed_here ? outcome::Executed::no : executed;
    }

    void set_error(outcome::ErrorCode code, outcome::Executed value) noexcept {
        outcome = verdict_count + static_cast<std::uint32_t>(code);
        executed = value;
    }
};

/// Returns "ok", "graphql_error", "rejected", "client_closed", or an error code in lower case (contract 8).
[[nodiscard]] std::string_view outcome_label(std::size_t outcome) noexcept;

} // namespace bearerd::server
