#pragma once

#include "section.hpp"

#include <bearerd/config/parse.hpp>

#include <optional>
#include <string>
#include <string_view>

/// Warnings about files that others may change. bearerd trusts what it is configured with: who may change the
/// password, a key or the journal can redirect or forge payments. Rights to read are not judged: a Kubernetes
/// secret is readable by everybody in its pod.
namespace bearerd::config {

/// Returns what is wrong with the rights, as one sentence; nullopt if only root and `self` may change it.
[[nodiscard]] std::optional<std::string> rights_problem(const FileRights& rights, const Identity& self);

/// Returns the first problem with what is at the path, or with the folders that hold it.
[[nodiscard]] std::optional<std::string> rights_problem(const std::string& path,
                                                        const Environment& environment);

/// Adds a warning at the key that names the path. An empty path has none.
void warn_of_rights(Section in, std::string_view key, const std::string& path,
                    const Environment& environment);

} // namespace bearerd::config
