#pragma once

#include <string>

namespace bearerd::app {

/// `bearerd status`: asks the running daemon through its admin listener and prints a table. Needs neither the
/// password nor anything else that the file names, so every user who may read the file can run it. Returns
/// the exit status. `as_json`: prints the daemon's JSON, indented and in ASCII.
[[nodiscard]] int status_command(const std::string& file, bool as_json);

} // namespace bearerd::app
