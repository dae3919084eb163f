#pragma once

#include <bearerd/config/parse.hpp>

#include <optional>
#include <string>
#include <vector>

/// What `check` as root can say about a service that runs as another user.
namespace bearerd::app {

/// Returns the first of these (a file and the folders that contain it) that only root may read or enter. What
/// belongs to another user or group may belong to the service's, and is not judged. Pure.
[[nodiscard]] std::optional<config::FileRights>
first_for_root_alone(const std::vector<config::FileRights>& rights);

/// Returns warnings for the configuration and the files that it names if a service that does not run as root
/// can't read them. Empty if this process does not run as root.
[[nodiscard]] std::vector<config::ConfigError> unreadable_for_service(const std::string& file,
                                                                      const config::Settings& settings);

} // namespace bearerd::app
