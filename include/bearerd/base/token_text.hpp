#pragma once

#include <cstddef>
#include <string_view>

namespace bearerd {

/// Longer header values are not taken for tokens.
inline constexpr std::size_t max_token_size = 16UL << 10;

/// The token in a header's value: without white space around it and a leading "Bearer " (in any case). Empty
/// where what is left is a placeholder (null, undefined), or could not be sent as it is: not visible ASCII
/// throughout, with a comma (two values joined), or longer than max_token_size.
[[nodiscard]] std::string_view token_in_header(std::string_view value) noexcept;

} // namespace bearerd
