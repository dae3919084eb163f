#pragma once

#include "value.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

namespace bearerd::sim {

/// Counts since the start or the last reset.
struct Stats {
    std::uint64_t requests = 0; ///< Everything but control requests.
    std::uint64_t executed = 0; ///< Mutations, as in the ledger.
    std::uint64_t logins_ok = 0;
    std::uint64_t logins_rejected = 0;
    std::uint64_t refreshes_ok = 0; ///< Renewals by a refresh token.
    std::uint64_t refreshes_rejected = 0;
    std::uint64_t refreshes_again = 0; ///< Of these, by one that had been used before.
    std::uint64_t unauthorized = 0;    ///< Answers that said so, whether by the table or by a fault.
    std::uint64_t without_token = 0;
    std::uint64_t unknown_tokens = 0;
    std::uint64_t expired_tokens = 0;
    std::uint64_t revoked_tokens = 0;
    std::uint64_t foreign_tokens = 0; ///< Requests that carried a token planted by `foreign_token`.
    std::uint64_t rotations = 0;
    std::uint64_t throttled = 0; ///< Operations that cost more points than were left.
    std::uint64_t connections = 0;
    std::uint64_t open_connections = 0; ///< Not reset.
    std::uint64_t held = 0;             ///< Now, by the faults `hold` and `tls_hold`. Not reset.
    std::uint64_t tls_handshakes = 0;
    std::uint64_t tls_resumed = 0;
    std::uint64_t tls_failed = 0;
    std::uint64_t client_certificates = 0;
    std::uint64_t faults = 0;
    std::map<std::string_view, std::uint64_t> faults_by_kind;
    std::uint64_t unread_requests = 0; ///< Came on a connection that was being closed, and were never read.
    std::uint64_t unread_first_requests = 0;     ///< Of these, the first ones of their connection.
    std::vector<std::int64_t> login_attempts_ms; ///< Since the simulator's start.

    [[nodiscard]] Json json() const;
};

} // namespace bearerd::sim
