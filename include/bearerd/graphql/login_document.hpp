#pragma once

#include <string>
#include <string_view>

namespace bearerd::graphql {

/// Returns what is wrong with a document for logins, in words; empty if nothing is. It must be one query or
/// mutation that uses the variable with the secret.
[[nodiscard]] std::string login_document_flaw(std::string_view document,
                                              std::string_view variable = "password");

/// Whether `field` is among the root fields that the document would run, through aliases and fragments.
[[nodiscard]] bool logs_in_by(std::string_view document, std::string_view field);

/// Whether the answer to a document without such errors has this key in `data`: a root field's alias or name.
/// Also true if that can't be known because there is a fragment at the root.
[[nodiscard]] bool answers_with(std::string_view document, std::string_view key);

} // namespace bearerd::graphql
