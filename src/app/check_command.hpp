#pragma once

#include <bearerd/config/parse.hpp>

#include <optional>
#include <string>

namespace bearerd::app {

/// Returns the settings and warnings, or nullopt after printing every error with its position to standard
/// error.
[[nodiscard]] std::optional<config::ValidConfig> load_config(const std::string& file);

/// Returns a sentence about a setting, such as "upstream.tls.ca_file: PATH can't be used", as an error with
/// its position in the file.
[[nodiscard]] config::ConfigError place_error(const std::string& file, const std::string& sentence);

/// `bearerd check`: validates the file and, as this user, what can only be seen by opening it: TLS files, the
/// token store's folder and key. Uses no network and changes nothing. Returns the exit status.
[[nodiscard]] int check_command(const std::string& file);

/// `bearerd check --settings`: checks the file alone. What it names is not opened, and variables that are not
/// set are no errors: for callers without the service's environment, such as its ExecReload=.
[[nodiscard]] int check_settings_command(const std::string& file);

} // namespace bearerd::app
