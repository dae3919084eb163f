#pragma once

#include <span>
#include <string_view>

namespace bearerd::config {

/// Returns the candidate so similar to the word that it was probably meant; empty if there is none.
[[nodiscard]] std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);

} // namespace bearerd::config
