#pragma once

#include <bearerd/config/parse.hpp>

#include <string>

namespace bearerd::app {

/// The configuration for commands that need no secret: none is read, and a variable that only the service has
/// is no fault, so that any user who may read the file can ask.
[[nodiscard]] config::ParseResult load_without_secrets(const std::string& file);

} // namespace bearerd::app
