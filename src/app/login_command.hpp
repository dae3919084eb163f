#pragma once

#include <string>

namespace bearerd::app {

/// `bearerd login`: logs in once, by the way that the daemon takes, and prints what came of it; never the
/// token. Gives back the exit status.
[[nodiscard]] int login_command(const std::string& file);

} // namespace bearerd::app
