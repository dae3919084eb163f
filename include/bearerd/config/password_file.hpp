#pragma once

#include <bearerd/base/secret.hpp>

#include <string>
#include <string_view>
#include <variant>

namespace bearerd::config {

/// Returns the password in the content of its file, without BOM and newline; or a text, which quotes none of
/// its bytes, that says why it can't be one: it is empty, has a second line, begins or ends with a blank,
/// holds control characters, or is not UTF-8.
[[nodiscard]] std::variant<Secret, std::string> password_in(const Secret& content);

/// The same for another secret, which the text calls `name`. An OAuth2 client's secret may be any text.
[[nodiscard]] std::variant<Secret, std::string> secret_in(const Secret& content, std::string_view name);

/// The same for a token, which must fit into a header as it is: see is_sendable_token().
[[nodiscard]] std::variant<Secret, std::string> token_in(const Secret& content);

/// Reads a file and returns password_in() of it; "can't be read: …" if reading fails. Blocks on the disk.
[[nodiscard]] std::variant<Secret, std::string> read_password_file(const std::string& path);

} // namespace bearerd::config
