#pragma once

#include <bearerd/reconcile/reconciler.hpp>

#include <string_view>

/// Reads the answer to a look-up. Pure.
namespace bearerd::reconcile {

/// Judges a whole, decoded answer by the value at `pointer` (RFC 6901). Found: a value other than null,
/// false, 0, "", {} or a list, in an answer without errors. Not found: no such value, in an answer with data
/// and without errors. Failed: any other answer, and one deeper than 64 levels.
[[nodiscard]] Answer read_answer(std::string_view body, std::string_view pointer);

} // namespace bearerd::reconcile
