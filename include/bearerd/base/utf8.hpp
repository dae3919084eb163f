#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace bearerd {

/// Returns the length of the well-formed UTF-8 sequence that begins at `at` (RFC 3629: no overlong form, no
/// surrogate, at most U+10FFFF), or 0 if there is none. `at` is before `end`.
[[nodiscard]] inline std::size_t utf8_length(const char* at, const char* end) noexcept {
    const auto byte = [at](std::size_t i) { return static_cast<unsigned char>(at[i]); };
    const auto continues = [&byte](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
    const auto left = static_cast<std::size_t>(end - at);
    const unsigned char lead = byte(0);
    if (lead < 0x80)
        return 1;
    if (lead >= 0xC2 && lead <= 0xDF)
        return left >= 2 && continues(1) ? 2 : 0;
    if (lead >= 0xE0 && lead <= 0xEF) {
        if (left < 3 || !continues(1) || !continues(2))
            return 0;
        const bool overlong = lead == 0xE0 && byte(1) < 0xA0;
        const bool surrogate = lead == 0xED && byte(1) > 0x9F;
        return overlong || surrogate ? 0 : 3;
    }
    if (lead >= 0xF0 && lead <= 0xF4) {
        if (left < 4 || !continues(1) || !continues(2) || !continues(3))
            return 0;
        const bool overlong = lead == 0xF0 && byte(1) < 0x90;
        const bool too_large = lead == 0xF4 && byte(1) > 0x8F;
        return overlong || too_large ? 0 : 4;
    }
    return 0;
}

inline constexpr std::string_view utf8_bom = "\xEF\xBB\xBF";

/// Returns the text without the byte order mark at its start, which some editors write.
[[nodiscard]] constexpr std::string_view without_bom(std::string_view text) noexcept {
    return text.substr(text.starts_with(utf8_bom) ? utf8_bom.size() : 0);
}

/// Returns the offset of the first byte that does not belong to well-formed UTF-8.
[[nodiscard]] inline std::optional<std::size_t> find_invalid_utf8(std::string_view text) noexcept {
    const char* const end = text.data() + text.size();
    for (const char* at = text.data(); at != end;) {
        const std::size_t length = utf8_length(at, end);
        if (length == 0)
            return static_cast<std::size_t>(at - text.data());
        at += length;
    }
    return std::nullopt;
}

/// Whether the whole text is well-formed UTF-8.
[[nodiscard]] inline bool is_utf8(std::string_view text) noexcept {
    return !find_invalid_utf8(text);
}

/// Writes a character's one to four bytes; returns the end of them.
inline char* append_utf8(char* out, std::uint32_t value) noexcept {
    const auto tail = [value](unsigned shift) {
        return static_cast<char>(0x80U | ((value >> shift) & 0x3FU));
    };
    if (value < 0x80) {
        *out++ = static_cast<char>(value);
        return out;
    }
    if (value < 0x800) {
        *out++ = static_cast<char>(0xC0U | (value >> 6U));
    } else if (value < 0x10000) {
        *out++ = static_cast<char>(0xE0U | (value >> 12U));
        *out++ = tail(6);
    } else {
        *out++ = static_cast<char>(0xF0U | (value >> 18U));
        *out++ = tail(12);
        *out++ = tail(6);
    }
    *out++ = tail(0);
    return out;
}

} // namespace bearerd
