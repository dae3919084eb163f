#pragma once

#include <bearerd/base/clock.hpp>

#include <string>

namespace bearerd::app {

/// `bearerd wait`: asks the running daemon's /readyz again and again until it is ready, or `timeout` has
/// passed. Also waits for a daemon that does not listen yet. Needs no secret, like `bearerd status`. Returns
/// the exit status.
[[nodiscard]] int wait_command(const std::string& file, Duration timeout);

} // namespace bearerd::app
