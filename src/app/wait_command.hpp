#pragma once

#include <bearerd/base/clock.hpp>

#include <string>

namespace bearerd::app {

/// `bearerd wait`: asks the running daemon's /readyz again and again until it is ready, or `timeout` has
/// passed. A daemon that does not listen yet is waited for. Needs no secret, as `bearerd status`. Returns the
/// exit status.
[[nodiscard]] int wait_command(const std::string& file, Duration timeout);

} // namespace bearerd::app
