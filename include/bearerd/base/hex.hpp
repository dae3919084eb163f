#pragma once

#include <bearerd/base/ascii.hpp>

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace bearerd {

inline constexpr std::string_view hex_digits = "0123456789abcdef";

/// The two digits of each byte.
inline constexpr auto hex_of_byte = [] {
    std::array<std::array<char, 2>, 256> pairs{};
    for (std::size_t byte = 0; byte < pairs.size(); ++byte)
        pairs[byte] = {hex_digits[byte >> 4], hex_digits[byte & 0xF]};
    return pairs;
}();

[[nodiscard]] inline std::string hex(std::span<const unsigned char> bytes) {
    std::string text;
    text.reserve(2 * bytes.size());
    for (const unsigned char byte : bytes)
        text.append(hex_of_byte[byte].data(), 2);
    return text;
}

/// Returns the value of a digit of either case; -1 if it is not one.
[[nodiscard]] constexpr int hex_digit(char c) noexcept {
    const char lower = to_lower(c);
    return is_digit(c) ? c - '0' : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// Returns the value of the two digits at the text's begin; -1 if it does not begin with two.
[[nodiscard]] constexpr int hex_byte(std::string_view text) noexcept {
    const int high = text.size() < 2 ? -1 : hex_digit(text[0]);
    const int low = high < 0 ? -1 : hex_digit(text[1]);
    return low < 0 ? -1 : high * 16 + low;
}

} // namespace bearerd
