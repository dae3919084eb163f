#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <tuple>

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

/// The labels of an enumeration's values (contract 8), in their order.
template<class Enum>
inline constexpr std::array<std::string_view, 0> labels_of{};

template<class Enum>
[[nodiscard]] constexpr std::string_view label_of(Enum value) noexcept {
    return labels_of<Enum>[static_cast<std::size_t>(value)];
}

/// Returns all values of an enumeration that has labels.
template<class Enum>
[[nodiscard]] constexpr auto values_of() noexcept {
    std::array<Enum, labels_of<Enum>.size()> values{};
    for (std::size_t i = 0; i < values.size(); ++i)
        values[i] = static_cast<Enum>(i);
    return values;
}

/// One `Value` for each value of an enumeration, `Last` being its last one.
template<auto Last, class Value = Counter>
class Counters {
public:
    using Label = decltype(Last);
    static constexpr std::size_t size = static_cast<std::size_t>(Last) + 1;
    static_assert(labels_of<Label>.size() == size);

    [[nodiscard]] Value& operator[](Label label) noexcept { return values_[static_cast<std::size_t>(label)]; }

    [[nodiscard]] const Value& operator[](Label label) const noexcept {
        return values_[static_cast<std::size_t>(label)];
    }

private:
    std::array<Value, size> values_{};
};

// What is counted by a label, with the labels. They are here because the counters are.
enum class OperationKind : std::uint8_t { query, mutation, subscription, unknown };
template<>
inline constexpr std::array<std::string_view, 4> labels_of<OperationKind>{"query", "mutation", "subscription",
                                                                          "unknown"};

enum class LoginResult : std::uint8_t { ok, rejected, unavailable };
template<>
inline constexpr std::array<std::string_view, 3> labels_of<LoginResult>{"ok", "rejected", "unavailable"};

enum class SwapSource : std::uint8_t { login, response, store, fleet };
template<>
inline constexpr std::array<std::string_view, 4> labels_of<SwapSource>{"login", "response", "store", "fleet"};

enum class IgnoredToken : std::uint8_t { older, foreign, login_operation };
template<>
inline constexpr std::array<std::string_view, 3> labels_of<IgnoredToken>{"older", "foreign",
                                                                         "login_operation"};

enum class ResendReason : std::uint8_t { rejected, stale_connection };
template<>
inline constexpr std::array<std::string_view, 2> labels_of<ResendReason>{"rejected", "stale_connection"};

/// The outcome of a look-up.
enum class Finding : std::uint8_t {
    found,     ///< it was executed
    not_found, ///< the upstream answered that it has none, each time: it may still be under way
    failed,    ///< the upstream could not be asked, or gave no answer that can be judged
};
template<>
inline constexpr std::array<std::string_view, 3> labels_of<Finding>{"found", "not_found", "failed"};

/// How a repeat was answered.
enum class Repeat : std::uint8_t { joined, replayed, already_executed, key_reused, unknown };
template<>
inline constexpr std::array<std::string_view, 5> labels_of<Repeat>{"joined", "replayed", "already_executed",
                                                                   "key_reused", "unknown"};

enum class WarmDial : std::uint8_t { ok, failed };
template<>
inline constexpr std::array<std::string_view, 2> labels_of<WarmDial>{"ok", "failed"};

enum class Handshake : std::uint8_t { full, resumed };
template<>
inline constexpr std::array<std::string_view, 2> labels_of<Handshake>{"false", "true"}; // of "resumed"

enum class ReloadResult : std::uint8_t { ok, failed };
template<>
inline constexpr std::array<std::string_view, 2> labels_of<ReloadResult>{"ok", "failed"};

/// One `Value` for each kind and outcome of a request. `Outcome` is outcome::RequestOutcome, which base does
/// not know.
template<class Value>
class RequestTable {
public:
    template<class Outcome>
    [[nodiscard]] Value& at(OperationKind kind, Outcome outcome) noexcept {
        static_assert(Outcome::count == std::tuple_size_v<Row>);
        return rows_[kind][outcome.index()];
    }

    template<class Outcome>
    [[nodiscard]] const Value& at(OperationKind kind, Outcome outcome) const noexcept {
        static_assert(Outcome::count == std::tuple_size_v<Row>);
        return rows_[kind][outcome.index()];
    }

private:
    using Row = std::array<Value, 23>;
    Counters<OperationKind::unknown, Row> rows_;
};

/// Everything that one thread counts.
struct Stats {
    RequestTable<Counter> requests;
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
