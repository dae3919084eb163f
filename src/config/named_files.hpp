#pragma once

#include "section.hpp"
#include "values.hpp"

#include <bearerd/config/parse.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <variant>

/// Files that settings name.
namespace bearerd::config {

/// Makes a relative path start from the configuration file's folder; an empty one stays empty. `environment`
/// must outlive the parser.
[[nodiscard]] Parser<std::string> path_by(const Environment& environment, const Parser<std::string>& parser);

/// Returns the secret in a file's content, or in words why it can't be one.
using SecretIn = std::function<std::variant<Secret, std::string>(const Secret& content)>;

/// Reads the secret in the file into the credentials, or adds a fault at the key, with `prefix` before it.
void read_secret_file(Section& in, const Environment& environment, std::string_view key,
                      const std::string& path, const std::string& prefix, const SecretIn& secret_in,
                      Credentials& out);

} // namespace bearerd::config
