#pragma once

#include <bearerd/base/clock.hpp>
#include <bearerd/base/stats.hpp>
#include <bearerd/outcome/error_reply.hpp>
#include <bearerd/outcome/request_outcome.hpp>

#include <cstdint>
#include <string>

namespace bearerd::server {

/// The outcome of a request, for the log line and the metrics.
struct Report {
    OperationKind kind = OperationKind::unknown;
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
    outcome::RequestOutcome outcome;
    std::uint64_t bytes_out = 0; ///< body bytes for the app, before framing
    Duration upstream_time{};    ///< spent on exchanges, waits for a connection included
    std::string name;            ///< the operation's
    std::string detail;          ///< of a failure, for the log: "connection refused"

    /// What this process knows of its own doing, for the journal and the local guard.
    [[nodiscard]] outcome::Executed executed_here() const noexcept {
        return not_executed_here ? outcome::Executed::no : executed;
    }

    void set_error(outcome::ErrorCode code, outcome::Executed value) noexcept {
        outcome = code;
        executed = value;
    }
};

} // namespace bearerd::server
