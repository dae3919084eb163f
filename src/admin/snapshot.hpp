#pragma once

#include "totals.hpp"

#include <bearerd/admin/admin_handler.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace bearerd::admin {

/// Everything that an answer may show, read at one moment, so that the rest of the module is pure.
struct Snapshot {
    std::string version;
    std::string upstream_url;
    std::string host; ///< this machine's name
    Duration uptime{};
    Phase phase = Phase::serving;
    auth::AuthStatus auth;
    upstream::Health::View health;
    upstream::KnownLimit unused_limit; ///< of connections that have carried no request
    upstream::KnownLimit used_limit;   ///< of those that have
    Duration since_last_error{};       ///< valid with a health.last_error
    Totals totals;
    Counters<ReloadResult::failed, std::uint64_t> reloads;
    std::optional<std::string> reload_failed; ///< why the last one did, if it did

    std::optional<journal::View> journal; ///< nullopt: none is kept
};

[[nodiscard]] Snapshot take_snapshot(const Sources& sources, TimePoint now);

} // namespace bearerd::admin
