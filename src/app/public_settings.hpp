#pragma once

#include <bearerd/config/parse.hpp>

#include <string>

namespace bearerd::app {

/// The configuration for a command that needs one key, as "admin.address", and no secret: none is read, and a
/// variable that only the service has is no fault in any other key, so that any user who may read the file
/// can ask.
[[nodiscard]] config::ParseResult load_without_secrets(const std::string& file, const std::string& needed);

} // namespace bearerd::app
