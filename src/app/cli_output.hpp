#pragma once

#include <bearerd/config/parse.hpp>

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

/// The output of the commands.
namespace bearerd::app {

/// Writes and flushes the text. Except for line ends, it writes only what printable() allows.
void print(std::FILE* stream, std::string_view text);

/// Prints each error in the configuration `file` on standard error, with its position.
void print_errors(const std::string& file, const std::vector<config::ConfigError>& errors);

/// Prints the message of a command that failed: "bearerd: …" on standard error.
void complain(std::string_view text);

/// Returns text from elsewhere in a form that is safe for a terminal: control characters (C0, C1) become
/// spaces; marks of direction and invalid UTF-8 become question marks; text beyond `limit` bytes becomes "…".
[[nodiscard]] std::string printable(std::string_view text, std::size_t limit = 300);

/// Returns a line of a table: the label, and the value from column 16 on.
[[nodiscard]] std::string row(std::string_view label, std::string_view value);

} // namespace bearerd::app
