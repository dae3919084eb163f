#pragma once

#include <cstddef>
#include <string>
#include <string_view>

/// Small functions on text for the whole module. Pure; ASCII only unless stated otherwise.
namespace bearerd::config {

[[nodiscard]] std::string to_lower(std::string_view text);

/// Whether the text is a name of GraphQL or of an environment variable: [_A-Za-z][_0-9A-Za-z]*.
[[nodiscard]] bool is_name(std::string_view text) noexcept;

/// Returns how many single characters to insert, remove or replace. Compares only the first 64 of each text.
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b) noexcept;

/// Returns a host as it is written before a port: IPv6 in brackets.
[[nodiscard]] std::string with_brackets(std::string_view host);

/// Returns a user's key in a form fit for a message: cut to 64 bytes, controls replaced by '?'.
[[nodiscard]] std::string printable(std::string_view text);

} // namespace bearerd::config
