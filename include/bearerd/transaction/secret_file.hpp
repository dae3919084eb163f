#pragma once

#include <bearerd/base/error.hpp>
#include <bearerd/base/secret.hpp>

#include <string>

namespace bearerd::transaction {

/// Returns the secret in the journal's folder, so that fingerprints can be compared after a restart. Makes
/// the folder (0700) and the file (0600) if they are missing; of two processes that make it at once, one
/// wins. A file of another size is replaced. Blocking.
[[nodiscard]] Result<Secret> load_or_make_secret(const std::string& journal_directory);

} // namespace bearerd::transaction
