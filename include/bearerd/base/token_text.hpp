#pragma once

#include <cstddef>
#include <string_view>

namespace bearerd {

/// The longest header value, in bytes, that is taken for a token.
inline constexpr std::size_t max_token_size = 16UL << 10;

/// Returns the token in a header's value, without white space around it and a leading "Bearer " (in any
/// case). Empty if the rest is a placeholder (null, undefined), or could not be sent as it is: not visible
/// ASCII throughout, with a comma (two values joined), or longer than max_token_size.
[[nodiscard]] std::string_view token_in_header(std::string_view value) noexcept;

/// Whether the text is a token that can be sent as it is: token_in_header() finds one in it and changes
/// nothing.
[[nodiscard]] bool is_sendable_token(std::string_view text) noexcept;

} // namespace bearerd
