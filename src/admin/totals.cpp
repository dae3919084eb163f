#include "totals.hpp"

#include <algorithm>
#include <numeric>

namespace bearerd::admin {
namespace {

constexpr std::size_t bounded = Histogram::bounds_us.size();

template<auto Last>
void add(Counters<Last, std::uint64_t>& to, const Counters<Last>& from) noexcept {
    for (const auto label : values_of<decltype(Last)>())
        to[label] += from[label].get();
}

void add(RequestTable<std::uint64_t>& to, const RequestTable<Counter>& from) noexcept {
    for (const OperationKind kind : values_of<OperationKind>())
        for (const outcome::RequestOutcome outcome : outcome::RequestOutcome::all())
            to.at(kind, outcome) += from.at(kind, outcome).get();
}

void add(Distribution& to, const Histogram& from) noexcept {
    for (std::size_t i = 0; i < to.counts.size(); ++i)
        to.counts[i] += from.bucket(i);
    to.sum_us += from.sum_us();
}

void add(Totals& to, const Stats& from) noexcept {
    add(to.requests, from.requests);
    add(to.request_duration, from.request_duration);
    add(to.upstream_duration, from.upstream_duration);
    add(to.logins, from.logins);
    add(to.token_swaps, from.token_swaps);
    add(to.tokens_ignored, from.tokens_ignored);
    to.token_store_failures += from.token_store_failures.get();
    add(to.resends, from.resends);
    add(to.reconciliations, from.reconciliations);
    add(to.repeats, from.repeats);
    add(to.handshakes, from.handshakes);
    to.upstream_idle += from.upstream_idle.get();
    to.upstream_busy += from.upstream_busy.get();
    to.upstream_warm += from.upstream_warm.get();
    add(to.warm_dials, from.warm_dials);
    to.client_connections += from.client_connections.get();
    to.requests_in_flight += from.requests_in_flight.get();
    if (const std::int64_t up = from.fleet_store_up.get(); up >= 0)
        to.fleet_store_up = up != 0 && to.fleet_store_up.value_or(true);
    to.fleet_store_errors += from.fleet_store_errors.get();
    to.fleet_unclaimed += from.fleet_unclaimed.get();
    to.fleet_dropped += from.fleet_dropped.get();
    if (const std::int64_t available = from.throttle_available.get(); available >= 0)
        to.throttle_available = std::min(available, to.throttle_available.value_or(available));
}

} // namespace

std::uint64_t Distribution::count() const noexcept {
    return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

std::optional<double> Distribution::quantile_ms(double q) const noexcept {
    const std::uint64_t all = count();
    if (all == 0)
        return std::nullopt;
    const double rank = q * static_cast<double>(all);
    double below = 0;
    for (std::size_t i = 0; i < bounded; ++i) {
        const auto here = static_cast<double>(counts[i]);
        if (here > 0 && below + here >= rank) {
            const double from = i == 0 ? 0 : static_cast<double>(Histogram::bounds_us[i - 1]);
            const double to = static_cast<double>(Histogram::bounds_us[i]);
            return (from + (to - from) * std::max(0.0, rank - below) / here) / 1000;
        }
        below += here;
    }
    return static_cast<double>(Histogram::bounds_us.back()) / 1000;
}

std::uint64_t Totals::all_requests() const noexcept {
    std::uint64_t all = 0;
    for (const OperationKind kind : values_of<OperationKind>())
        all += of_kind(kind);
    return all;
}

std::uint64_t Totals::of_kind(OperationKind kind) const noexcept {
    std::uint64_t all = 0;
    for (const outcome::RequestOutcome outcome : outcome::RequestOutcome::all())
        all += requests.at(kind, outcome);
    return all;
}

std::uint64_t Totals::with_outcome(outcome::RequestOutcome which) const noexcept {
    std::uint64_t all = 0;
    for (const OperationKind kind : values_of<OperationKind>())
        all += requests.at(kind, which);
    return all;
}

Totals sum(const std::vector<const Stats*>& threads) noexcept {
    Totals totals;
    for (const Stats* stats : threads)
        add(totals, *stats);
    return totals;
}

} // namespace bearerd::admin
