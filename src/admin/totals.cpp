#include "totals.hpp"

#include <algorithm>
#include <numeric>

namespace bearerd::admin {
namespace {

constexpr std::size_t bounded = Histogram::bounds_us.size();

template<std::size_t Size>
void add(std::array<std::uint64_t, Size>& to, const std::array<Counter, Size>& from) noexcept {
    for (std::size_t i = 0; i < Size; ++i)
        to[i] += from[i].get();
}

template<auto Last>
void add(std::array<std::uint64_t, Counters<Last>::size>& to, const Counters<Last>& from) noexcept {
    auto sum = to.begin();
    for (const Counter& one : from)
        *sum++ += one.get();
}

void add(Distribution& to, const Histogram& from) noexcept {
    for (std::size_t i = 0; i < to.counts.size(); ++i)
        to.counts[i] += from.bucket(i);
    to.sum_us += from.sum_us();
}

void add(Totals& to, const Stats& from) noexcept {
    for (std::size_t kind = 0; kind < Stats::kinds; ++kind)
        add(to.requests[kind], from.requests[kind]);
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
    for (std::size_t kind = 0; kind < Stats::kinds; ++kind)
        all += of_kind(kind);
    return all;
}

std::uint64_t Totals::of_kind(std::size_t kind) const noexcept {
    return std::accumulate(requests[kind].begin(), requests[kind].end(), std::uint64_t{0});
}

std::uint64_t Totals::with_outcome(std::size_t outcome) const noexcept {
    std::uint64_t all = 0;
    for (const auto& kind : requests)
        all += kind[outcome];
    return all;
}

Totals sum(const std::vector<const Stats*>& threads) noexcept {
    Totals totals;
    for (const Stats* stats : threads)
        add(totals, *stats);
    return totals;
}

} // namespace bearerd::admin
