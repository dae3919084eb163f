#include "snapshot.hpp"

namespace bearerd::admin {

Snapshot take_snapshot(const Sources& sources, TimePoint now) {
    Snapshot snapshot;
    snapshot.version = sources.version;
    snapshot.upstream_url = sources.upstream_url;
    snapshot.host = sources.host;
    snapshot.uptime = now - sources.started_at;
    snapshot.phase = sources.phase->load(std::memory_order_relaxed);
    snapshot.auth = sources.tokens->status();
    snapshot.health = sources.health->view();
    const upstream::IdleLimits& limits = sources.health->idle_limits();
    snapshot.unused_limit = limits.least(upstream::IdleKind::unused, now);
    snapshot.used_limit = limits.least(upstream::IdleKind::used, now);
    snapshot.since_last_error = now - snapshot.health.last_error_at;
    snapshot.totals = sum(sources.stats);
    snapshot.reloads = sources.reloads->counts();
    snapshot.reload_failed = sources.reloads->rejected();
    if (const auto* journal = sources.journal)
        snapshot.journal = journal->view();
    return snapshot;
}

} // namespace bearerd::admin
