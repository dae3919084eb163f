#include "status.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <cmath>
#include <optional>

namespace bearerd::admin {
namespace {

using Json = nlohmann::ordered_json;

std::string text_of(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json journal(const std::optional<journal::View>& from) {
    if (!from)
        return {};
    Json list = Json::array();
    for (const journal::JournalEntry& entry : from->listed) {
        std::string fields;
        std::string keys;
        for (const journal::MutationField& field : entry.intent.fields) {
            fields.append(fields.empty() ? "" : ", ").append(field.name);
            if (!field.key.empty())
                keys.append(keys.empty() ? "" : ", ").append(field.key);
        }
        list.push_back({{"at_ms", entry.intent.at_ms},
                        {"request_id", entry.intent.request_id},
                        {"fields", fields.empty() ? entry.intent.operation : fields},
                        {"key", keys},
                        {"executed", outcome::to_string(entry.executed())}});
    }
    return {{"unresolved", from->unresolved},
            {"unheard", from->unheard},
            {"missed", from->missed},
            {"working", from->working},
            {"listed", std::move(list)}};
}

Json rounded_ms(std::optional<double> ms) {
    return ms ? Json(std::round(*ms * 100) / 100) : Json(nullptr);
}

Json token(const auth::AuthStatus& auth) {
    return {{"state", auth.state},
            {"expires_in_s", auth.expires_in ? Json(floor_seconds(*auth.expires_in)) : Json()},
            {"identity", auth.identity}};
}

Json login(const auth::AuthStatus& auth) {
    return {{"last_result", auth.last_login_result},
            {"last_reason", auth.last_login_reason},
            {"next_try_s", auth.next_try ? Json(ceil_seconds(*auth.next_try)) : Json()}};
}

Json seconds_of(std::optional<Duration> limit) {
    return limit ? Json(std::round(std::chrono::duration<double>{*limit}.count() * 10) / 10) : Json();
}

Json idle_limit(const upstream::KnownLimit& limit) {
    return {{"closes_at_s", seconds_of(limit.closes_at)}, {"survived_s", seconds_of(limit.survived_for)}};
}

Json upstream(const Snapshot& snapshot) {
    using State = upstream::Health::View::State;
    const upstream::Health::View& health = snapshot.health;
    const Totals& totals = snapshot.totals;
    const bool has_error = !health.last_error.empty();
    return {
        {"url", snapshot.upstream_url},
        {"reachable", health.state == State::unknown ? Json() : Json(health.state == State::up)},
        {"last_error", has_error ? Json(health.last_error) : Json()},
        {"last_error_age_s", has_error ? Json(floor_seconds(snapshot.since_last_error)) : Json()},
        {"connections",
         {{"idle", totals.upstream_idle}, {"busy", totals.upstream_busy}, {"warm", totals.upstream_warm}}},
        {"idle_limit",
         {{"used", idle_limit(snapshot.used_limit)}, {"unused", idle_limit(snapshot.unused_limit)}}},
        {"throttle_available", totals.throttle_available ? Json(*totals.throttle_available) : Json()}};
}

/// From the buckets, a page can compute the figures for the interval between its own requests.
Json latency(const Distribution& from) {
    Json buckets = Json::array();
    for (std::size_t i = 0; i < from.counts.size(); ++i) {
        const bool bounded = i < Histogram::bounds_us.size();
        const Json bound = bounded ? Json(static_cast<double>(Histogram::bounds_us[i]) / 1000) : Json();
        buckets.push_back({{"le_ms", bound}, {"count", from.counts[i]}});
    }
    return {{"p50_ms", rounded_ms(from.quantile_ms(0.5))},
            {"p99_ms", rounded_ms(from.quantile_ms(0.99))},
            {"buckets", std::move(buckets)}};
}

template<auto Last>
Json by_label(const Counters<Last, std::uint64_t>& counters) {
    Json json = Json::object();
    for (const auto value : values_of<decltype(Last)>())
        json[std::string{label_of(value)}] = counters[value];
    return json;
}

Json requests(const Totals& totals) {
    Json by_outcome = Json::object();
    for (const outcome::RequestOutcome outcome : outcome::RequestOutcome::all())
        by_outcome[std::string{outcome.label()}] = totals.with_outcome(outcome);
    Json by_operation = Json::object();
    for (const OperationKind kind : values_of<OperationKind>())
        by_operation[std::string{label_of(kind)}] = totals.of_kind(kind);
    return {{"total", totals.all_requests()},
            {"in_flight", totals.requests_in_flight},
            {"client_connections", totals.client_connections},
            {"by_outcome", std::move(by_outcome)},
            {"by_operation", std::move(by_operation)},
            {"resends", by_label(totals.resends)},
            {"reconciliations", by_label(totals.reconciliations)},
            {"latency", latency(totals.request_duration)},
            {"upstream_latency", latency(totals.upstream_duration)}};
}

} // namespace

std::string status_json(const Snapshot& snapshot) {
    const Summary summary = summarize(snapshot);
    const Readiness ready = readiness(snapshot);
    return text_of({{"version", snapshot.version},
                    {"host", snapshot.host},
                    {"uptime_s", floor_seconds(snapshot.uptime)},
                    {"ready", ready.ready},
                    {"reason", ready.reason},
                    {"summary",
                     {{"level", to_string(summary.level)},
                      {"title", summary.title},
                      {"text", summary.text},
                      {"advice", summary.advice}}},
                    {"configuration",
                     {{"last_reload_successful", !snapshot.reload_failed},
                      {"rejected", snapshot.reload_failed ? Json(*snapshot.reload_failed) : Json()}}},
                    {"token", token(snapshot.auth)},
                    {"login", login(snapshot.auth)},
                    {"upstream", upstream(snapshot)},
                    {"requests", requests(snapshot.totals)},
                    {"journal", journal(snapshot.journal)}});
}

std::string history_json(const History& history, TimePoint now) {
    Json bounds = Json::array();
    for (const std::uint64_t bound : Histogram::bounds_us)
        bounds.push_back(static_cast<double>(bound) / 1000);
    bounds.push_back(Json());
    Json samples = Json::array();
    for (const History::Sample& sample : history.samples())
        samples.push_back({{"age_s", seconds_of(now - sample.at)},
                           {"requests", sample.requests},
                           {"latency", sample.durations}});
    return text_of({{"le_ms", std::move(bounds)}, {"samples", std::move(samples)}});
}

std::string readiness_json(const Readiness& readiness) {
    return text_of({{"ready", readiness.ready}, {"reason", readiness.reason}});
}

} // namespace bearerd::admin
