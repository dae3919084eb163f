#pragma once

#include <bearerd/base/secret.hpp>

#include <string>
#include <string_view>
#include <variant>

namespace bearerd::config {

/// Returns the content of a secret's file without what editors add: one UTF-8 BOM at the start, one trailing
/// "\n" or "\r\n".
[[nodiscard]] std::string_view content_of_secret_file(std::string_view text) noexcept;

/// Returns the password in the content of its file, without BOM and newline; or a text, which quotes none of
/// its bytes, that says why it can't be one: it is empty, has a second line, begins or ends with a blank,
/// holds control characters, or is not UTF-8.
[[nodiscard]] std::variant<Secret, std::string> password_in(const Secret& content);

/// The same for another secret, which the text calls `name`. An OAuth2 client's secret may be any text.
[[nodiscard]] std::variant<Secret, std::string> secret_in(const Secret& content, std::string_view name);

/// The same for a token, which must fit into a header as it is: see is_sendable_token().
[[nodiscard]] std::variant<Secret, std::string> token_in(const Secret& content);

/// What stands in place of the content of a secret's file that a command does not read. It is valid as each
/// kind of secret: password, client secret, token and key (16 bytes or more).
[[nodiscard]] Secret unread_secret();

/// password_in() of a file; "can't be read: …" if that fails. Blocks for as long as the disk takes.
[[nodiscard]] std::variant<Secret, std::string> read_password_file(const std::string& path);

} // namespace bearerd::config
