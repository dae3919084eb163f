#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string_view>

/// Compares, splits and reads text as protocols do: ASCII only, whatever the locale. Pure; any thread.
namespace bearerd {

[[nodiscard]] constexpr char to_lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

[[nodiscard]] constexpr bool is_letter(char c) noexcept {
    return to_lower(c) >= 'a' && to_lower(c) <= 'z';
}

[[nodiscard]] constexpr bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

/// Whether the character is a C0 control or DEL.
[[nodiscard]] constexpr bool is_control(char c) noexcept {
    return static_cast<unsigned char>(c) < ' ' || c == '\x7F';
}

/// Whether the text consists of one or more digits only.
[[nodiscard]] constexpr bool is_digits(std::string_view text) noexcept {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return is_digit(c); });
}

/// Reads a whole number that takes the whole text and fits in an Integer.
template<class Integer>
[[nodiscard]] std::optional<Integer> parse_integer(std::string_view text, int base = 10) noexcept {
    Integer number = 0;
    const auto [stop, failure] = std::from_chars(text.data(), text.data() + text.size(), number, base);
    const bool whole = failure == std::errc{} && stop == text.data() + text.size();
    return whole ? std::optional{number} : std::nullopt;
}

namespace detail {

inline constexpr auto token_characters = [] {
    std::array<bool, 256> table{};
    for (unsigned c = 0; c < table.size(); ++c)
        table[c] = is_letter(static_cast<char>(c)) || is_digit(static_cast<char>(c));
    for (const char c : std::string_view{"!#$%&'*+-.^_`|~"})
        table[static_cast<unsigned char>(c)] = true;
    return table;
}();

} // namespace detail

/// Whether the text is an HTTP token, as the names of fields and methods are (RFC 9110 section 5.6.2).
[[nodiscard]] constexpr bool is_token(std::string_view text) noexcept {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return detail::token_characters[static_cast<unsigned char>(c)];
    });
}

/// Compares as field names, tokens, media types and host names are compared.
[[nodiscard]] constexpr bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](char x, char y) { return to_lower(x) == to_lower(y); });
}

/// Returns the text without the spaces and tabs at either end (OWS, RFC 9110 section 5.6.3).
[[nodiscard]] constexpr std::string_view trim(std::string_view text) noexcept {
    // A plain loop: find_first_not_of would call memchr for each byte of each field line.
    const auto is_space = [](char c) { return c == ' ' || c == '\t'; };
    while (!text.empty() && is_space(text.front()))
        text.remove_prefix(1);
    while (!text.empty() && is_space(text.back()))
        text.remove_suffix(1);
    return text;
}

/// Takes off the part before the separator, and drops the separator. Takes everything if there is none.
[[nodiscard]] constexpr std::string_view take_until(std::string_view& rest, char separator) noexcept {
    const auto end = rest.find(separator);
    const auto taken = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    return taken;
}

} // namespace bearerd
