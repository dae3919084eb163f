#pragma once

#include <bearerd/config/parse.hpp>

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

/// What the commands print.
namespace bearerd::app {

/// Writes and flushes; but for line ends, only what a terminal may have, as printable() says.
void print(std::FILE* stream, std::string_view text);

/// Each fault of the configuration `file` on standard error, with its position.
void print_faults(const std::string& file, const std::vector<config::Fault>& faults);

/// A message of a command that failed: "bearerd: …" on standard error.
void complain(std::string_view text);

/// Text from elsewhere as a terminal may have it: control characters (C0, C1) become spaces, marks of
/// direction and what is no UTF-8 question marks, an end beyond `limit` bytes "…".
[[nodiscard]] std::string printable(std::string_view text, std::size_t limit = 300);

/// "3 d 4 h", "41 min", "12 s": the two largest units, as people say it.
[[nodiscard]] std::string spoken_seconds(std::int64_t seconds);

/// A line of a table: the label, and the value from column 16 on.
[[nodiscard]] std::string row(std::string_view label, std::string_view value);

} // namespace bearerd::app
