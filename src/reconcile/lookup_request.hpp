#pragma once

#include <string>
#include <string_view>
#include <utility>

/// Builds the text of look-up requests. Pure.
namespace bearerd::reconcile {

/// Returns `{"query":…,"variables":{"key":` and what follows the key.
[[nodiscard]] std::pair<std::string, std::string> body_around_key(std::string_view query);

/// Returns a JSON string. Bytes that are not UTF-8 become U+FFFD.
[[nodiscard]] std::string json_string(std::string_view text);

} // namespace bearerd::reconcile
