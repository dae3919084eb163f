#pragma once

#include <bearerd/json/scan.hpp>

#include <string>
#include <string_view>

/// JSON pointers (RFC 6901) such as `/data/login/token`. Pure.
namespace bearerd::json {

/// Appends a slash and the key as a segment of a pointer.
void append_segment(std::string& pointer, std::string_view key);

/// Returns the key that a segment of a pointer means.
[[nodiscard]] std::string key_of(std::string_view segment);

/// Moves on to the value at the pointer, which is empty or begins with a slash. Returns false if there is
/// none. Takes the first of two members with the same name; what follows the value is not looked at.
[[nodiscard]] bool go_to(Scan& scan, std::string_view pointer);

} // namespace bearerd::json
