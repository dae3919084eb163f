#pragma once

#include <string>

namespace bearerd::app {

/// `bearerd login`: logs in once, as the daemon would, and prints the result, never the token. Returns the
/// exit status.
[[nodiscard]] int login_command(const std::string& file);

} // namespace bearerd::app
