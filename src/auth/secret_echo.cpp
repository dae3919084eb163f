#include "secret_echo.hpp"

#include <bearerd/base/hex.hpp>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace bearerd::auth {
namespace {

/// If the secret is longer than this, no text is shown; searching for it would cost too much.
constexpr std::size_t longest_secret = 2048;
/// This many letters and digits of it in a row reveal the secret.
constexpr std::size_t plain_window = 6;
constexpr std::size_t encoded_window = 8;
/// So do fewer characters if symbols are counted too, because these make it hard to guess.
constexpr std::size_t visible_window = 5;
constexpr std::size_t shortest_run = 4;
constexpr std::size_t longest_entity = 32;

constexpr std::string_view letters_and_digits =
    "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz0123456789"; // base64's, in lower case
constexpr std::string_view base32 = "abcdefghijklmnopqrstuvwxyz234567";
constexpr std::string_view bits = "01";

constexpr bool is_hex(char c) noexcept {
    return hex_digit(c) >= 0;
}

/// An escape of HTML, a URL, JSON, a programming language, MIME or Unicode at the text's begin.
bool begins_escape(std::string_view text) noexcept {
    const auto at = [text](std::size_t i) { return i < text.size() ? text[i] : '\0'; };
    switch (text.front()) {
    case '\\':
        return true;
    case '%':
        return (is_hex(at(1)) && is_hex(at(2))) || to_lower(at(1)) == 'u';
    case '=':
        return is_hex(at(1)) && is_hex(at(2));
    case '&':
        return at(1) == '#' || (is_letter(at(1)) && text.substr(0, longest_entity).find(';') != text.npos);
    case '0':
        return to_lower(at(1)) == 'x' && is_hex(at(2));
    case 'U':
    case 'u':
        return at(1) == '+' && is_hex(at(2));
    default:
        return false;
    }
}

bool looks_escaped(std::string_view text) noexcept {
    for (; !text.empty(); text.remove_prefix(1))
        if (begins_escape(text))
            return true;
    return false;
}

/// What no quoting changes: letters in lower case, and digits.
Secret folded(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (const char c : text)
        if (is_letter(c) || is_digit(c))
            out += to_lower(c);
    return Secret{std::move(out)};
}

/// Everything but blanks, with letters in lower case.
Secret visible(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (const char c : text)
        if (static_cast<unsigned char>(c) > ' ')
            out += to_lower(c);
    return Secret{std::move(out)};
}

Secret backwards(std::string_view text) {
    return Secret{std::string{text.rbegin(), text.rend()}};
}

/// The characters that stand for `width` bits each from bit `skip` on: those of an encoding in which the
/// bytes before and after are not known. What the alphabet lacks is left out, as folded() would.
Secret regrouped(std::string_view bytes, std::size_t skip, std::size_t width, std::string_view alphabet) {
    std::string out;
    out.reserve(8 * bytes.size() / width + 1);
    for (std::size_t bit = skip; bit + width <= 8 * bytes.size(); bit += width) {
        std::size_t value = 0;
        for (std::size_t i = bit; i < bit + width; ++i)
            value = 2 * value + ((static_cast<unsigned char>(bytes[i / 8]) >> (7 - i % 8)) & 1U);
        if (value < alphabet.size())
            out += alphabet[value];
    }
    return Secret{std::move(out)};
}

Secret in_decimal(std::string_view bytes) {
    std::string out;
    out.reserve(3 * bytes.size());
    for (const char c : bytes)
        out += std::to_string(static_cast<unsigned char>(c));
    return Secret{std::move(out)};
}

Secret in_rot13(std::string_view text) {
    std::string out{text};
    for (char& c : out)
        if (is_letter(c))
            c = static_cast<char>('a' + (c - 'a' + 13) % 26);
    return Secret{std::move(out)};
}

/// As UTF-16, little endian.
Secret widened(std::string_view text) {
    std::string out(2 * text.size(), '\0');
    for (std::size_t i = 0; i < text.size(); ++i)
        out[2 * i] = text[i];
    return Secret{std::move(out)};
}

/// Looks for a form of the secret, or for any part of it that is `window` long.
class Needle {
public:
    explicit Needle(std::string_view text) noexcept : text_{text} {}

    [[nodiscard]] bool find(std::string_view form, std::size_t window) const {
        if (form.size() <= window)
            return !form.empty() && text_.find(form) != std::string_view::npos;
        auto parts = parts_of(form, window);
        std::sort(parts.begin(), parts.end());
        bool found = false;
        for (std::size_t at = 0; at + window <= text_.size() && !found; ++at)
            found = std::binary_search(parts.begin(), parts.end(), pack(text_.substr(at, window)));
        wipe(parts.data(), parts.size() * sizeof(std::uint64_t));
        return found;
    }

private:
    static std::uint64_t pack(std::string_view part) noexcept {
        std::uint64_t packed = 0;
        std::memcpy(&packed, part.data(), std::min(part.size(), sizeof packed));
        return packed;
    }

    static std::vector<std::uint64_t> parts_of(std::string_view form, std::size_t window) {
        std::vector<std::uint64_t> parts;
        parts.reserve(form.size());
        for (std::size_t at = 0; at + window <= form.size(); ++at)
            parts.push_back(pack(form.substr(at, window)));
        return parts;
    }

    std::string_view text_;
};

/// Letters and digits alone can be too few if there are symbols between them.
bool holds_characters_of(std::string_view text, std::string_view secret) {
    const Secret message = visible(text);
    const Needle needle{message.reveal()};
    const Secret plain = visible(secret);
    return needle.find(plain.reveal(), visible_window) ||
           needle.find(backwards(plain.reveal()).reveal(), visible_window);
}

bool holds_bits_of(const Needle& text, std::string_view bytes) {
    // It is not known where the secret begins within a group of base64 or base32.
    for (const std::size_t skip : {0U, 2U, 4U})
        if (text.find(regrouped(bytes, skip, 6, letters_and_digits).reveal(), encoded_window))
            return true;
    for (std::size_t skip = 0; skip < 5; ++skip)
        if (text.find(regrouped(bytes, skip, 5, base32).reveal(), encoded_window))
            return true;
    return text.find(regrouped(bytes, 0, 4, hex_digits).reveal(), encoded_window);
}

/// What remains if an encoding changes only the other characters, as punycode and UTF-7 do.
bool holds_run_of(const Needle& text, std::string_view secret) {
    while (!secret.empty()) {
        const auto* const end = std::find_if_not(secret.begin(), secret.end(),
                                                 [](char c) { return is_letter(c) || is_digit(c); });
        const auto size = static_cast<std::size_t>(end - secret.begin());
        if (size >= shortest_run && text.find(folded(secret.substr(0, size)).reveal(), plain_window))
            return true;
        secret.remove_prefix(std::min(size + 1, secret.size()));
    }
    return false;
}

} // namespace

bool may_echo(std::string_view text, const Secret& secret) {
    if (secret.empty())
        return false;
    const std::string_view whole = secret.reveal();
    if (whole.size() > longest_secret || looks_escaped(text) || text.find(whole) != std::string_view::npos ||
        holds_characters_of(text, whole))
        return true;
    const Secret message = folded(text);
    const Needle needle{message.reveal()};
    const Secret plain = folded(whole);
    const Secret wide = widened(whole);
    return needle.find(plain.reveal(), plain_window) || holds_run_of(needle, whole) ||
           needle.find(backwards(plain.reveal()).reveal(), plain_window) ||
           needle.find(in_rot13(plain.reveal()).reveal(), plain_window) ||
           needle.find(in_decimal(whole).reveal(), encoded_window) ||
           needle.find(regrouped(whole, 0, 1, bits).reveal(), encoded_window) ||
           holds_bits_of(needle, whole) || holds_bits_of(needle, wide.reveal());
}

} // namespace bearerd::auth
