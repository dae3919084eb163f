#pragma once

#include <bearerd/base/stats.hpp>
#include <bearerd/outcome/request_outcome.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

namespace bearerd::admin {

/// A histogram's numbers, read once.
struct Distribution {
    std::array<std::uint64_t, Histogram::bounds_us.size() + 1>
        counts{}; ///< one for each bucket, not cumulative
    std::uint64_t sum_us = 0;

    [[nodiscard]] std::uint64_t count() const noexcept;

    /// Returns the quantile `q` in milliseconds, as exactly as the buckets allow: linear within a bucket, at
    /// most the highest bound. Returns nullopt without observations.
    [[nodiscard]] std::optional<double> quantile_ms(double q) const noexcept;
};

/// What all threads have counted together.
struct Totals {
    RequestTable<std::uint64_t> requests;
    Distribution request_duration;
    Distribution upstream_duration;
    Counters<LoginResult::unavailable, std::uint64_t> logins;
    Counters<SwapSource::fleet, std::uint64_t> token_swaps;
    Counters<IgnoredToken::login_operation, std::uint64_t> tokens_ignored;
    std::uint64_t token_store_failures = 0;
    Counters<ResendReason::stale_connection, std::uint64_t> resends;
    Counters<Finding::failed, std::uint64_t> reconciliations;
    Counters<Repeat::unknown, std::uint64_t> repeats;
    Counters<Handshake::resumed, std::uint64_t> handshakes;
    std::int64_t upstream_idle = 0;
    std::int64_t upstream_busy = 0;
    std::int64_t upstream_warm = 0;
    Counters<WarmDial::failed, std::uint64_t> warm_dials;
    std::int64_t client_connections = 0;
    std::int64_t requests_in_flight = 0;
    std::optional<bool> fleet_store_up; ///< for every thread; nullopt: there is none
    std::uint64_t fleet_store_errors = 0;
    std::uint64_t fleet_unclaimed = 0;
    std::uint64_t fleet_dropped = 0;
    std::optional<std::int64_t> throttle_available; ///< the smallest of what the threads have seen last

    [[nodiscard]] std::uint64_t all_requests() const noexcept;
    [[nodiscard]] std::uint64_t of_kind(OperationKind kind) const noexcept;
    [[nodiscard]] std::uint64_t with_outcome(outcome::RequestOutcome which) const noexcept;
};

/// Any thread; the other threads may go on counting.
[[nodiscard]] Totals sum(const std::vector<const Stats*>& threads) noexcept;

} // namespace bearerd::admin
