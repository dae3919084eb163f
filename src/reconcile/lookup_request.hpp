#pragma once

#include <string>
#include <string_view>
#include <utility>

/// The text of questions. Pure.
namespace bearerd::reconcile {

/// `{"query":…,"variables":{"key":` and what follows the key.
[[nodiscard]] std::pair<std::string, std::string> body_around_key(std::string_view query);

/// A JSON string. Bytes that are not UTF-8 become U+FFFD.
[[nodiscard]] std::string json_string(std::string_view text);

} // namespace bearerd::reconcile
