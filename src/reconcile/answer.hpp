#pragma once

#include <bearerd/reconcile/reconciler.hpp>

#include <string>
#include <string_view>
#include <utility>

/// The text of questions and answers. Pure.
namespace bearerd::reconcile {

/// `{"query":…,"variables":{"key":` and what stands behind the key.
[[nodiscard]] std::pair<std::string, std::string> body_around_key(std::string_view query);

/// A JSON string; `text` is UTF-8.
[[nodiscard]] std::string json_string(std::string_view text);

/// Judges a whole answer, decoded, by what stands at `pointer` (RFC 6901). Found: a value that says
/// something, that is not null, false, 0, "", {} or a list, in an answer without errors. Not found: nothing,
/// or none such, in an answer with data and without errors. Failed: any other answer, and one deeper than 64
/// levels.
[[nodiscard]] Answer read_answer(std::string_view body, std::string_view pointer);

} // namespace bearerd::reconcile
