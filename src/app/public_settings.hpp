#pragma once

#include <bearerd/config/config.hpp>

#include <optional>
#include <string>

namespace bearerd::app {

/// The configuration for a command that needs one key, as "admin.address", and no secret: none is read, and a
/// variable that only the service has is no fault in any other key, so that any user who may read the file
/// can ask. Prints each fault and returns nullopt if there are any.
[[nodiscard]] std::optional<config::Settings> load_without_secrets(const std::string& file,
                                                                   const std::string& needed);

} // namespace bearerd::app
