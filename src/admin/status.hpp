#pragma once

#include "health.hpp"

#include <bearerd/admin/history.hpp>

#include <string>

namespace bearerd::admin {

/// Returns the JSON of /status.json (contract 8), in UTF-8 whatever bytes the upstream's messages had.
[[nodiscard]] std::string status_json(const Snapshot& snapshot);

/// The JSON of /history.json (contract 8).
[[nodiscard]] std::string history_json(const History& history, TimePoint now);

/// The JSON of /readyz.
[[nodiscard]] std::string readiness_json(const Readiness& readiness);

} // namespace bearerd::admin
