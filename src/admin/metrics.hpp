#pragma once

#include "snapshot.hpp"

#include <string>

namespace bearerd::admin {

/// The metrics of contract 8 in Prometheus' text format (version 0.0.4). The set of series is the same in
/// every answer, zeros included, except for gauges whose value is not known yet: increase() and rate() miss a
/// counter's first step if its series appears only then.
[[nodiscard]] std::string metrics_text(const Snapshot& snapshot);

} // namespace bearerd::admin
