#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

/// The counters for the metrics of contract 8. Each thread counts in its own Stats, without locked
/// instructions; the admin listener adds them up. One writer, any number of readers.
namespace bearerd {

class Counter {
public:
    void add(std::uint64_t n = 1) noexcept {
        value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }

    [[nodiscard]] std::uint64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::uint64_t> value_{0};
};

/// One counter for each value of an enumeration, `Last` being its last one.
template<auto Last>
class Counters {
public:
    using Label = decltype(Last);
    static constexpr std::size_t size = static_cast<std::size_t>(Last) + 1;

    [[nodiscard]] Counter& operator[](Label label) noexcept {
        return values_[static_cast<std::size_t>(label)];
    }

    [[nodiscard]] const Counter& operator[](Label label) const noexcept {
        return values_[static_cast<std::size_t>(label)];
    }

    [[nodiscard]] auto begin() const noexcept { return values_.begin(); }

    [[nodiscard]] auto end() const noexcept { return values_.end(); }

private:
    std::array<Counter, size> values_;
};

/// A number that goes up and down, written by one thread.
class Gauge {
public:
    Gauge() noexcept = default;

    explicit Gauge(std::int64_t initial) noexcept : value_{initial} {}

    void add(std::int64_t n) noexcept {
        value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }

    void set(std::int64_t n) noexcept { value_.store(n, std::memory_order_relaxed); }

    [[nodiscard]] std::int64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::int64_t> value_{0};
};

/// Durations in fixed buckets.
class Histogram {
public:
    /// Upper bounds in microseconds; a last bucket without a bound follows.
    static constexpr std::array<std::uint64_t, 17> bounds_us{
        250,     500,     1'000,     2'500,     5'000,     10'000,     25'000,     50'000,    100'000,
        250'000, 500'000, 1'000'000, 2'500'000, 5'000'000, 10'000'000, 30'000'000, 60'000'000};

    void observe(std::chrono::nanoseconds duration) noexcept {
        const auto us = static_cast<std::uint64_t>(duration.count() < 0 ? 0 : duration.count() / 1'000);
        std::size_t bucket = 0;
        while (bucket < bounds_us.size() && us > bounds_us[bucket])
            ++bucket;
        buckets_[bucket].add();
        sum_us_.add(us);
    }

    [[nodiscard]] std::uint64_t bucket(std::size_t index) const noexcept { return buckets_[index].get(); }

    [[nodiscard]] std::uint64_t sum_us() const noexcept { return sum_us_.get(); }

private:
    std::array<Counter, bounds_us.size() + 1> buckets_;
    Counter sum_us_;
};

// The labels of contract 8, in the order in which the metrics name them. They are here because the counters
// are.
enum class LoginResult : std::uint8_t { ok, rejected, unavailable };
enum class SwapSource : std::uint8_t { login, response, store, fleet };
enum class IgnoredToken : std::uint8_t { older, foreign, login_operation };
enum class ResendReason : std::uint8_t { rejected, stale_connection };
/// The outcome of a look-up.
enum class Finding : std::uint8_t {
    found,     ///< it was executed
    not_found, ///< the upstream answered that it has none, each time: it may still be under way
    failed,    ///< the upstream could not be asked, or gave no answer that can be judged
};
/// How a repeat was answered.
enum class Repeat : std::uint8_t { joined, replayed, already_executed, key_reused, unknown };
enum class WarmDial : std::uint8_t { ok, failed };
enum class Handshake : std::uint8_t { full, resumed };

/// Everything that one thread counts.
struct Stats {
    static constexpr std::size_t kinds = 4; ///< graphql::OperationKind
    static constexpr std::size_t outcomes =
        23; ///< ok, graphql_error, rejected, outcome::ErrorCode, client_closed
    std::array<std::array<Counter, outcomes>, kinds> requests;
    Histogram request_duration;
    Histogram upstream_duration;
    Counters<LoginResult::unavailable> logins;
    Counters<SwapSource::fleet> token_swaps;
    Counters<IgnoredToken::login_operation> tokens_ignored;
    Counter token_store_failures;
    Counters<ResendReason::stale_connection> resends;
    Counters<Finding::failed> reconciliations;
    Counters<Repeat::unknown> repeats;
    Gauge upstream_idle;
    Gauge upstream_busy;
    Gauge upstream_warm; ///< idle connections that are kept ready for mutations
    Counters<WarmDial::failed> warm_dials;
    Counters<Handshake::resumed> handshakes;
    Gauge client_connections;
    Gauge requests_in_flight;
    Gauge fleet_store_up{-1};     ///< -1: there is none; else whether it answers, 0 or 1
    Counter fleet_store_errors;   ///< commands that it did not carry out
    Counter fleet_unclaimed;      ///< guarded requests that went on without a whole claim in it
    Counter fleet_dropped;        ///< settlements that were dropped, because too many wait for it
    Gauge throttle_available{-1}; ///< -1: not reported yet
};

} // namespace bearerd
