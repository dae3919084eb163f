#pragma once

#include "totals.hpp"

#include <bearerd/admin/admin_handler.hpp>

#include <array>
#include <cstdint>
#include <string>

namespace bearerd::admin {

/// Everything that an answer may tell, read at one moment, so that the rest of the module is pure.
struct Snapshot {
    std::string version;
    std::string upstream_url;
    Duration uptime{};
    Phase phase = Phase::serving;
    auth::AuthStatus auth;
    upstream::Health::View health;
    Duration since_last_error{}; ///< meaningful with a health.last_error
    Totals totals;
    std::array<std::uint64_t, 2> reloads{}; ///< that succeeded, that failed
};

[[nodiscard]] Snapshot take_snapshot(const Sources& sources, TimePoint now);

} // namespace bearerd::admin
