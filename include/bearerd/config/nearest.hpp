#pragma once

#include <span>
#include <string_view>

namespace bearerd::config {

/// The candidate that differs from the word by so little that it was probably meant; empty for none.
[[nodiscard]] std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);

} // namespace bearerd::config
