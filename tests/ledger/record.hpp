#pragma once

#include <chrono>
#include <string>
#include <string_view>

/// The ledger test: clients record the outcome they got for each mutation, and afterwards these records are
/// compared with what the upstream's ledger says was executed (contract 4).
namespace bearerd::ledger {

using Clock = std::chrono::steady_clock;

/// The outcome that a client got for its request.
enum class View {
    acknowledged, ///< the whole answer: data with an id
    refused,      ///< the upstream's own no: validation, or another GraphQL error
    unauthorized, ///< the upstream's "Unauthorized", passed on
    nulled,       ///< an error whose path goes below the root field: it ran, and its answer was lost upstream
    upstream_status, ///< an HTTP error of the upstream's own, which proves nothing
    not_executed,    ///< bearerd's error with executed "no"
    unknown,         ///< bearerd's error with executed "unknown"
    found,           ///< bearerd's error with executed "yes": bearerd looked it up
    left,            ///< nothing: it left before its request could be sent, and did not repeat it
    unanswered,      ///< the connection ended without a whole answer
    wrong,           ///< anything that must never be seen; Record::problem says what
};

[[nodiscard]] std::string_view name_of(View view);

struct Record {
    std::string
        reference; ///< merchant_transaction_reference of a mutation; a query has one for its request id only
    bool mutation = true;
    bool valid = true; ///< false: made to fail validation
    View view = View::wrong;
    std::string code;      ///< of bearerd's error
    std::string answer_id; ///< of an acknowledged mutation
    std::string problem;   ///< why it is wrong
    Clock::time_point began{};
    Clock::time_point ended{};
};

} // namespace bearerd::ledger
