#pragma once

#include <bearerd/config/parse.hpp>

#include <optional>
#include <string>
#include <vector>

/// What `check` as root can say of a service that runs as another user.
namespace bearerd::app {

/// The first of these, a file and the folders that contain it, that only root may read or pass through. What
/// belongs to another user or group may belong to the service's, and is not judged. Pure.
[[nodiscard]] std::optional<config::FileRights>
first_for_root_alone(const std::vector<config::FileRights>& rights);

/// Warnings for files that the configuration names, and the configuration itself, that a service that does
/// not run as root can't read. Empty if this process is not root's.
[[nodiscard]] std::vector<config::ConfigError> unreadable_for_service(const std::string& file,
                                                                      const config::Settings& settings);

} // namespace bearerd::app
