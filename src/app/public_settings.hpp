#pragma once

#include <bearerd/config/config.hpp>

#include <optional>
#include <string>

namespace bearerd::app {

/// Returns the configuration for a command that needs one key, such as "admin.address", and no secret: no
/// secret is read, and a variable that only the service has is no error in any other key, so that every user
/// who may read the file can run the command. Prints each error and returns nullopt if there are any.
[[nodiscard]] std::optional<config::Settings> load_without_secrets(const std::string& file,
                                                                   const std::string& needed);

} // namespace bearerd::app
