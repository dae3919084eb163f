#pragma once

#include "section.hpp"
#include "values.hpp"

#include <bearerd/config/parse.hpp>

#include <functional>
#include <optional>
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

/// Reads the secret of the file. Returns nullopt after an error at the key, with `prefix` before it.
[[nodiscard]] std::optional<Secret> read_secret(Section& in, const Environment& environment,
                                                std::string_view key, const std::string& path,
                                                const std::string& prefix, const SecretIn& secret_in);

/// Reads `upstream.tls`, or another section with the same keys.
void read_tls(Section in, const Environment& environment, UpstreamTls& out);

/// Reads the secret of the file into the credentials; or adds an error at the key, with `prefix` before it.
void read_secret_file(Section& in, const Environment& environment, std::string_view key,
                      const std::string& path, const std::string& prefix, const SecretIn& secret_in,
                      Credentials& out);

} // namespace bearerd::config
