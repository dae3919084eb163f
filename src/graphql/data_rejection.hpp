#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace bearerd::graphql {

/// Whether an answer says within `data` that the token was rejected (`auth.rejected_at`, contract 11): no
/// errors, a value at one of the pointers, and no value elsewhere but `__typename`. A value is anything but
/// null, "", an empty list or object; at a pointer, false is none either. In a batch every element must say
/// so. Returns the number of elements of a batch, or 0 for a single answer; nullopt if the answer is not such
/// a rejection, or not JSON. Pointers begin with "/data/".
[[nodiscard]] std::optional<std::size_t> rejected_in_data(std::string_view body,
                                                          std::span<const std::string> pointers);

} // namespace bearerd::graphql
