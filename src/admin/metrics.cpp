#include "metrics.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <limits>
#include <string_view>
#include <utility>
#include <vector>

namespace bearerd::admin {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Families = std::vector<MetricFamily>;
using Labels = std::vector<ClientMetric::Label>;

void add_counter(MetricFamily& family, Labels labels, std::uint64_t value) {
    ClientMetric metric;
    metric.label = std::move(labels);
    metric.counter.value = static_cast<double>(value);
    family.metric.push_back(std::move(metric));
}

void add_gauge(MetricFamily& family, Labels labels, double value) {
    ClientMetric metric;
    metric.label = std::move(labels);
    metric.gauge.value = value;
    family.metric.push_back(std::move(metric));
}

void counter(Families& out, const char* name, const char* help, std::uint64_t value) {
    add_counter(out.emplace_back(MetricFamily{name, help, MetricType::Counter, {}}), {}, value);
}

/// One counter with one label, a series for each of its values.
template<auto Last>
void counters(Families& out, const char* name, const char* help, const char* label,
              const Counters<Last, std::uint64_t>& numbers) {
    MetricFamily& family = out.emplace_back(MetricFamily{name, help, MetricType::Counter, {}});
    for (const auto value : values_of<decltype(Last)>())
        add_counter(family, {{label, std::string{label_of(value)}}}, numbers[value]);
}

void gauge(Families& out, const char* name, const char* help, double value) {
    add_gauge(out.emplace_back(MetricFamily{name, help, MetricType::Gauge, {}}), {}, value);
}

void histogram(Families& out, const char* name, const char* help, const Distribution& from) {
    ClientMetric metric;
    std::uint64_t cumulative = 0;
    for (std::size_t i = 0; i < from.counts.size(); ++i) {
        cumulative += from.counts[i];
        const double bound = i < Histogram::bounds_us.size()
                                 ? static_cast<double>(Histogram::bounds_us[i]) / 1e6
                                 : std::numeric_limits<double>::infinity();
        metric.histogram.bucket.push_back({cumulative, bound});
    }
    metric.histogram.sample_count = cumulative;
    metric.histogram.sample_sum = static_cast<double>(from.sum_us) / 1e6;
    out.emplace_back(MetricFamily{name, help, MetricType::Histogram, {}}).metric.push_back(std::move(metric));
}

void requests(Families& out, const Totals& totals) {
    MetricFamily& family =
        out.emplace_back(MetricFamily{"bearerd_requests_total",
                                      "Requests from apps, by what they asked for and their outcome.",
                                      MetricType::Counter,
                                      {}});
    for (const OperationKind kind : values_of<OperationKind>())
        for (const outcome::RequestOutcome outcome : outcome::RequestOutcome::all())
            add_counter(
                family,
                {{"operation", std::string{label_of(kind)}}, {"outcome", std::string{outcome.label()}}},
                totals.requests.at(kind, outcome));
    histogram(out, "bearerd_request_duration_seconds",
              "From a request's first byte to the last of its answer, waits for a login included.",
              totals.request_duration);
    histogram(out, "bearerd_upstream_duration_seconds", "From sending upstream to the head of the answer.",
              totals.upstream_duration);
    gauge(out, "bearerd_requests_in_flight", "Requests in flight, those that wait for a login included.",
          static_cast<double>(totals.requests_in_flight));
    gauge(out, "bearerd_client_connections", "Connections from apps.",
          static_cast<double>(totals.client_connections));
    counters(out, "bearerd_resends_total", "Requests that were sent upstream once more, by why.", "reason",
             totals.resends);
    counters(out, "bearerd_reconciliations_total",
             "Mutations of unknown outcome that were looked up at the upstream, by result.", "result",
             totals.reconciliations);
    counters(out, "bearerd_repeats_total",
             "Repeated mutations that were answered without being sent, by how.", "result", totals.repeats);
}

void token(Families& out, const Snapshot& snapshot) {
    const Totals& totals = snapshot.totals;
    counters(out, "bearerd_logins_total", "Logins that were tried, by how they ended.", "result",
             totals.logins);
    counters(out, "bearerd_token_swaps_total", "Tokens that were adopted, by where they came from.", "source",
             totals.token_swaps);
    counters(out, "bearerd_token_ignored_total", "Tokens in responses that were not adopted, by why.",
             "reason", totals.tokens_ignored);
    gauge(out, "bearerd_token_expiry_seconds", "How long the token is still good; 0 without one.",
          std::chrono::duration<double>{snapshot.auth.expires_in.value_or(Duration{0})}.count());
    counter(out, "bearerd_token_store_failures_total", "Tokens that could not be stored.",
            totals.token_store_failures);
    if (!totals.fleet_store_up)
        return;
    gauge(out, "bearerd_fleet_store_up", "Whether the store that the replicas share answers.",
          *totals.fleet_store_up ? 1 : 0);
    counter(out, "bearerd_fleet_store_errors_total",
            "Commands that the store that the replicas share did not carry out.", totals.fleet_store_errors);
    counter(out, "bearerd_fleet_unclaimed_total",
            "Guarded requests that went on although the store had not confirmed their claim.",
            totals.fleet_unclaimed);
    counter(out, "bearerd_fleet_settlements_dropped_total",
            "Outcomes that were not written to the store, because too many waited for it.",
            totals.fleet_dropped);
}

/// What is known about the age at which the upstream closes idle connections. Absent if nothing is known yet.
void idle_limits(Families& out, const Snapshot& snapshot) {
    MetricFamily family{"bearerd_upstream_idle_limit_seconds",
                        "The idle age at which the upstream closes connections: at that age (closes), or not "
                        "up to it (survived), for those that have carried a request and those that have not.",
                        MetricType::Gauge,
                        {}};
    const auto add = [&family](const char* kind, const char* evidence, std::optional<Duration> limit) {
        if (limit)
            add_gauge(family, {{"connection", kind}, {"evidence", evidence}},
                      std::chrono::duration<double>{*limit}.count());
    };
    add("used", "closes", snapshot.used_limit.closes_at);
    add("used", "survived", snapshot.used_limit.survived_for);
    add("unused", "closes", snapshot.unused_limit.closes_at);
    add("unused", "survived", snapshot.unused_limit.survived_for);
    if (!family.metric.empty())
        out.push_back(std::move(family));
}

void upstream(Families& out, const Snapshot& snapshot) {
    using State = upstream::Health::View::State;
    const Totals& totals = snapshot.totals;
    if (snapshot.health.state != State::unknown)
        gauge(out, "bearerd_upstream_reachable",
              "1 if the upstream could be reached at the last attempt, else 0.",
              snapshot.health.state == State::up ? 1 : 0);
    MetricFamily& connections = out.emplace_back(
        MetricFamily{"bearerd_upstream_connections", "Connections to the upstream.", MetricType::Gauge, {}});
    add_gauge(connections, {{"state", "idle"}}, static_cast<double>(totals.upstream_idle));
    add_gauge(connections, {{"state", "busy"}}, static_cast<double>(totals.upstream_busy));
    gauge(out, "bearerd_upstream_warm_connections",
          "Idle connections that are kept ready, so that a mutation takes one round trip.",
          static_cast<double>(totals.upstream_warm));
    counters(out, "bearerd_upstream_warm_dials_total",
             "Connections made ahead of the request that would need them, by how that ended.", "result",
             totals.warm_dials);
    idle_limits(out, snapshot);
    counters(out, "bearerd_upstream_handshakes_total", "TLS handshakes, by whether they resumed a session.",
             "resumed", totals.handshakes);
    if (totals.throttle_available)
        gauge(out, "bearerd_upstream_throttle_available",
              "The query cost that the upstream still allows, according to its last answer.",
              static_cast<double>(*totals.throttle_available));
}

} // namespace

std::string metrics_text(const Snapshot& snapshot) {
    Families families;
    requests(families, snapshot.totals);
    token(families, snapshot);
    upstream(families, snapshot);
    counters(families, "bearerd_config_reloads_total", "Reloads of the configuration, by how they ended.",
             "result", snapshot.reloads);
    gauge(families, "bearerd_config_last_reload_successful",
          "Whether what runs is what the configuration file said at the last reload, or at the start.",
          snapshot.reload_failed ? 0 : 1);
    const journal::View journal = snapshot.journal.value_or(journal::View{});
    gauge(families, "bearerd_journal_unresolved",
          "Mutations in the journal of which nobody knows whether they were executed.",
          static_cast<double>(journal.unresolved));
    counter(families, "bearerd_unheard_total",
            "Mutations that were executed, but whose app was gone before its answer was written.",
            journal.unheard_total);
    counter(families, "bearerd_journal_missed_total",
            "Mutations that the journal did not take in time: refused if it is required, else sent without.",
            journal.missed);
    add_gauge(families.emplace_back(MetricFamily{
                  "bearerd_build_info", "Always 1; the label is the version.", MetricType::Gauge, {}}),
              {{"version", snapshot.version}}, 1);
    return prometheus::TextSerializer{}.Serialize(families);
}

} // namespace bearerd::admin
