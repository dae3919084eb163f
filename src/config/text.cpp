#include "text.hpp"

#include <bearerd/config/nearest.hpp>

#include <algorithm>
#include <array>
#include <cstdint>

namespace bearerd::config {
namespace {

constexpr std::size_t longest_compared = 64;

/// What the lead byte of a UTF-8 sequence promises: its length, and the range of the second byte.
struct Lead {
    std::size_t length;
    std::uint8_t second_from;
    std::uint8_t second_to;
};

Lead lead_of(std::uint8_t byte) noexcept {
    if (byte < 0x80)
        return {1, 0, 0};
    if (byte < 0xC2) // a continuation byte, or the lead of an overlong form
        return {0, 0, 0};
    if (byte < 0xE0)
        return {2, 0x80, 0xBF};
    if (byte < 0xF0) {
        const std::uint8_t from = byte == 0xE0 ? 0xA0 : 0x80;
        const std::uint8_t to = byte == 0xED ? 0x9F : 0xBF; // no surrogates
        return {3, from, to};
    }
    if (byte < 0xF5) {
        const std::uint8_t from = byte == 0xF0 ? 0x90 : 0x80;
        const std::uint8_t to = byte == 0xF4 ? 0x8F : 0xBF; // not above U+10FFFF
        return {4, from, to};
    }
    return {0, 0, 0};
}

} // namespace

std::string to_lower(std::string_view text) {
    std::string lower{text};
    for (char& c : lower)
        if (c >= 'A' && c <= 'Z')
            c = static_cast<char>(c - 'A' + 'a');
    return lower;
}

bool is_control(char c) noexcept {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}

std::optional<std::size_t> find_invalid_utf8(std::string_view text) noexcept {
    const auto byte = [text](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
    for (std::size_t i = 0; i < text.size();) {
        const Lead lead = lead_of(byte(i));
        if (lead.length == 0 || lead.length > text.size() - i)
            return i;
        if (lead.length > 1 && (byte(i + 1) < lead.second_from || byte(i + 1) > lead.second_to))
            return i;
        for (std::size_t k = 2; k < lead.length; ++k)
            if ((byte(i + k) & 0xC0) != 0x80)
                return i;
        i += lead.length;
    }
    return std::nullopt;
}

std::size_t edit_distance(std::string_view a, std::string_view b) noexcept {
    a = a.substr(0, longest_compared);
    b = b.substr(0, longest_compared);
    std::array<std::size_t, longest_compared + 1> row{};
    for (std::size_t j = 0; j <= b.size(); ++j)
        row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
        }
    }
    return row[b.size()];
}

std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates) {
    std::string_view best;
    std::size_t least = word.size() / 3 + 2; // a third of the letters may differ, and one more
    for (const std::string_view candidate : candidates)
        if (const std::size_t distance = edit_distance(word, candidate); distance < least) {
            least = distance;
            best = candidate;
        }
    return best;
}

std::string with_brackets(std::string_view host) {
    if (host.find(':') == std::string_view::npos)
        return std::string{host};
    return "[" + std::string{host} + "]";
}

std::string printable(std::string_view text) {
    std::string result{text.substr(0, longest_compared)};
    // Not in the middle of a character.
    if (const auto cut = find_invalid_utf8(result))
        result.resize(*cut);
    std::replace_if(result.begin(), result.end(), is_control, '?');
    return result;
}

} // namespace bearerd::config
