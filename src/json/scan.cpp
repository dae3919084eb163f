#include <bearerd/json/scan.hpp>

#include <bearerd/base/find.hpp>
#include <bearerd/base/hex.hpp>
#include <bearerd/base/utf8.hpp>

#include <bitset>
#include <charconv>
#include <cstring>
#include <string>

namespace bearerd::json {
namespace {

/// Returns the first byte that is not an ordinary character of a string: quote, backslash, control character,
/// or beyond ASCII, which is below 0 here.
inline const char* skip_plain(const char* at, const char* end) noexcept {
    return find_first(at, end, [](auto c) { return (c < ' ') | (c == '"') | (c == '\\'); });
}

/// Returns the value of the `\uXXXX` at `at`, or nullopt.
std::optional<std::uint32_t> unicode_escape(const char* at, const char* end) noexcept {
    if (end - at < 6 || at[0] != '\\' || at[1] != 'u')
        return std::nullopt;
    std::uint32_t value = 0;
    for (int i = 2; i < 6; ++i) {
        const int digit = hex_digit(at[i]);
        if (digit < 0)
            return std::nullopt;
        value = value * 16 + static_cast<std::uint32_t>(digit);
    }
    return value;
}

constexpr bool is_high_surrogate(std::uint32_t unit) noexcept {
    return unit >= 0xD800 && unit <= 0xDBFF;
}

constexpr bool is_low_surrogate(std::uint32_t unit) noexcept {
    return unit >= 0xDC00 && unit <= 0xDFFF;
}

struct Escape {
    std::size_t length = 0; ///< 0: not a valid JSON escape
    std::uint32_t value = 0;
};

/// Returns the meaning of the letter after a backslash; 0 if it is not a valid JSON escape.
char letter_escape(char letter) noexcept {
    switch (letter) {
    case '"':
    case '\\':
    case '/':
        return letter;
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return 0;
    }
}

/// Reads the escape at `at`, which is a backslash. A pair of surrogates is one escape.
Escape read_escape(const char* at, const char* end) noexcept {
    if (end - at < 2)
        return {};
    if (const char meant = letter_escape(at[1]); meant != 0)
        return {2, static_cast<unsigned char>(meant)};
    const auto unit = unicode_escape(at, end);
    if (!unit || is_low_surrogate(*unit))
        return {};
    if (!is_high_surrogate(*unit))
        return {6, *unit};
    const auto second = unicode_escape(at + 6, end);
    if (!second || !is_low_surrogate(*second))
        return {};
    return {12, 0x10000 + ((*unit - 0xD800) << 10U) + (*second - 0xDC00)};
}

/// Continues a string at a byte that is not an ordinary character. Returns what follows its closing quote;
/// nullptr if it is not valid.
const char* skip_rest_of_string(const char* at, const char* end, bool& escaped) noexcept {
    while (at != end && *at != '"') {
        std::size_t length = 0;
        if (*at == '\\') {
            escaped = true;
            length = read_escape(at, end).length;
        } else if (static_cast<unsigned char>(*at) >= 0x80) {
            length = utf8_length(at, end);
        }
        if (length == 0)
            return nullptr;
        at = skip_plain(at + length, end);
    }
    return at != end ? at + 1 : nullptr;
}

/// Returns what follows the string whose opening quote is at `at`; nullptr if it is not valid. Sets `escaped`
/// if it holds a backslash. Not inlined: one copy of it stays in the cache.
[[gnu::noinline]] const char* skip_string(const char* at, const char* end, bool& escaped) noexcept {
    at = skip_plain(at + 1, end);
    return at != end && *at == '"' ? at + 1 : skip_rest_of_string(at, end, escaped);
}

/// The same for a string whose value nobody wants. Most are short.
inline const char* skip_string(const char* at, const char* end) noexcept {
    if (static_cast<std::size_t>(end - at) > Bytes16::size + 1) {
        const char* const stop = skip_plain(at + 1, at + 1 + Bytes16::size);
        if (*stop == '"')
            return stop + 1;
    }
    bool escaped = false;
    return skip_string(at, end, escaped);
}

inline const char* skip_spaces(const char* at, const char* end) noexcept {
    // One comparison for the usual case: a byte that is not white space.
    while (at != end && *at <= ' ' && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'))
        ++at;
    return at;
}

/// Returns what follows a member's name and its colon; nullptr if they are not there.
inline const char* skip_name(const char* at, const char* end) noexcept {
    at = skip_spaces(at, end);
    at = at != end && *at == '"' ? skip_string(at, end) : nullptr;
    if (at == nullptr)
        return nullptr;
    at = skip_spaces(at, end);
    return at != end && *at == ':' ? at + 1 : nullptr;
}

inline const char* skip_digits(const char* at, const char* end) noexcept {
    while (at != end && is_digit(*at))
        ++at;
    return at;
}

/// Returns what follows the exponent whose 'e' is at `at`; nullptr if it is not valid or greater than 200.
const char* skip_exponent(const char* at, const char* end) noexcept {
    constexpr unsigned largest = 200;
    ++at;
    const bool negative = at != end && *at == '-';
    if (at != end && (*at == '-' || *at == '+'))
        ++at;
    const char* const after = skip_digits(at, end);
    if (after == at)
        return nullptr;
    unsigned value = 0;
    for (; at != after && value <= largest; ++at)
        value = value * 10 + static_cast<unsigned>(*at - '0');
    return negative || value <= largest ? after : nullptr;
}

/// Returns what follows the number at `at`; nullptr if it is not valid. At most 100 digits and an exponent of
/// 200: less than the greatest double, so no reader takes it for infinite.
const char* skip_number(const char* at, const char* end) noexcept {
    constexpr std::ptrdiff_t most_digits = 100;
    if (at != end && *at == '-')
        ++at;
    const char* const begin = at;
    at = skip_digits(at, end);
    if (at == begin || (*begin == '0' && at - begin > 1) || at - begin > most_digits)
        return nullptr;
    if (at != end && *at == '.') {
        const char* const fraction = at + 1;
        at = skip_digits(fraction, end);
        if (at == fraction)
            return nullptr;
    }
    return at != end && (*at == 'e' || *at == 'E') ? skip_exponent(at, end) : at;
}

const char* skip_word(const char* at, const char* end, std::string_view word) noexcept {
    const std::string_view rest{at, static_cast<std::size_t>(end - at)};
    return rest.starts_with(word) ? at + word.size() : nullptr;
}

/// Returns what follows the value at `at`, which is no object and no array; nullptr if it is not valid.
/// Requires at != end.
inline const char* skip_scalar(const char* at, const char* end) noexcept {
    switch (*at) {
    case '"':
        return skip_string(at, end);
    case 't':
        return skip_word(at, end, "true");
    case 'f':
        return skip_word(at, end, "false");
    case 'n':
        return skip_word(at, end, "null");
    default:
        return skip_number(at, end);
    }
}

} // namespace

std::size_t String::decode(char* out) const noexcept {
    char* const begin = out;
    const char* at = raw.data();
    const char* const end = at + raw.size();
    while (at != end) {
        const auto* const found =
            static_cast<const char*>(std::memchr(at, '\\', static_cast<std::size_t>(end - at)));
        const char* const stop = found != nullptr ? found : end;
        const auto plain = static_cast<std::size_t>(stop - at);
        std::memcpy(out, at, plain);
        out += plain;
        at = stop;
        if (at == end)
            break;
        const Escape escape = read_escape(at, end);
        if (escape.length == 0)
            break; // impossible: `raw` was checked when it was scanned
        out = append_utf8(out, escape.value);
        at += escape.length;
    }
    return static_cast<std::size_t>(out - begin);
}

std::string String::text() const {
    std::string text(raw.size(), '\0');
    text.resize(decode(text.data())); // shrinks, so that nothing is copied
    return text;
}

std::string_view String::text(TextBuffer& buffer) const {
    if (!escaped)
        return raw;
    char* const out = buffer.room(raw.size());
    return {out, decode(out)};
}

bool String::is(std::string_view expected) const {
    if (!escaped)
        return raw == expected;
    if (raw.size() > expected.size() * 6) // the longest way to write a byte is \u00XX
        return false;
    std::string decoded(raw.size(), '\0');
    decoded.resize(decode(decoded.data()));
    return decoded == expected;
}

Scan::Scan(std::string_view text) noexcept : at_{without_bom(text).data()}, end_{text.data() + text.size()} {}

bool Scan::fail() noexcept {
    failed_ = true;
    at_ = end_;
    return false;
}

/// Continues at `after`; fails if it is nullptr.
inline bool Scan::advance(const char* after) noexcept {
    if (after == nullptr)
        return fail();
    at_ = after;
    return true;
}

inline void Scan::skip_space() noexcept {
    at_ = skip_spaces(at_, end_);
}

Kind Scan::peek() noexcept {
    skip_space();
    if (at_ == end_)
        return Kind::invalid;
    switch (*at_) {
    case '{':
        return Kind::object;
    case '[':
        return Kind::array;
    case '"':
        return Kind::string;
    case 't':
    case 'f':
        return Kind::boolean;
    case 'n':
        return Kind::null;
    default:
        return is_digit(*at_) || *at_ == '-' ? Kind::number : Kind::invalid;
    }
}

bool Scan::enter(char bracket) noexcept {
    skip_space();
    if (at_ == end_ || *at_ != bracket || depth_ == max_depth)
        return fail();
    ++at_;
    ++depth_;
    first_ = true;
    return true;
}

/// Called before a member or element. Leaves the container at its closing bracket; otherwise requires the
/// comma, except before the first. Returns true if a value, or a key, follows.
bool Scan::leave_or_separate(char bracket) noexcept {
    const bool first = first_;
    first_ = false;
    skip_space();
    if (at_ == end_)
        return fail();
    if (*at_ == bracket) {
        ++at_;
        --depth_;
        return false;
    }
    if (first)
        return true;
    if (*at_ != ',')
        return fail();
    ++at_;
    return true; // a closing bracket after the comma is an error when the value is read
}

bool Scan::enter_object() noexcept {
    return enter('{');
}

bool Scan::next_member(String& key) noexcept {
    if (failed_ || !leave_or_separate('}') || !string(key))
        return false;
    skip_space();
    if (at_ == end_ || *at_ != ':')
        return fail();
    ++at_;
    return true;
}

bool Scan::enter_array() noexcept {
    return enter('[');
}

bool Scan::next_element() noexcept {
    return !failed_ && leave_or_separate(']');
}

bool Scan::string(String& out) noexcept {
    skip_space();
    if (at_ == end_ || *at_ != '"')
        return fail();
    const char* const begin = at_ + 1;
    out.escaped = false;
    const char* const after = skip_string(at_, end_, out.escaped);
    if (after == nullptr)
        return fail();
    out.raw = {begin, static_cast<std::size_t>(after - 1 - begin)};
    at_ = after;
    return true;
}

std::optional<double> Scan::number() noexcept {
    skip_space();
    const char* const begin = at_;
    if (!advance(skip_number(at_, end_)))
        return std::nullopt;
    double value = 0;
    const auto [stop, failure] = std::from_chars(begin, at_, value);
    if (failure != std::errc{} || stop != at_)
        return std::nullopt;
    return value;
}

bool Scan::skip() noexcept {
    skip_space();
    if (at_ == end_)
        return fail();
    return *at_ == '{' || *at_ == '[' ? skip_container() : advance(skip_scalar(at_, end_));
}

/// Most of a text is skipped here, such as nearly all of a mutation's answer, so the position and the depth
/// stay in registers.
bool Scan::skip_container() noexcept {
    std::bitset<max_depth> objects; // which of the open containers are objects
    const std::size_t most = max_depth - depth_;
    std::size_t depth = 0; // from here
    char closing = '\0';   // what ends the innermost one
    const char* at = at_;
    for (;;) {
        // One value, and in an object its name.
        if (closing == '}' && (at = skip_name(at, end_)) == nullptr)
            return fail();
        at = skip_spaces(at, end_);
        if (at == end_)
            return fail();
        if (*at == '{' || *at == '[') {
            if (depth == most)
                return fail();
            objects.set(depth++, *at == '{');
            closing = *at == '{' ? '}' : ']';
            at = skip_spaces(at + 1, end_);
            if (at == end_ || *at != closing)
                continue;
        } else if ((at = skip_scalar(at, end_)) == nullptr) {
            return fail();
        }
        // The ends of containers, up to the comma before the next value.
        for (;;) {
            at = skip_spaces(at, end_);
            if (at == end_ || *at != closing)
                break;
            ++at;
            if (--depth == 0)
                return advance(at);
            closing = objects[depth - 1] ? '}' : ']';
        }
        if (at == end_ || *at != ',')
            return fail();
        ++at;
    }
}

bool Scan::skip(std::string_view& raw) noexcept {
    skip_space();
    const char* const begin = at_;
    if (!skip())
        return false;
    raw = {begin, static_cast<std::size_t>(at_ - begin)};
    return true;
}

bool Scan::finish() noexcept {
    skip_space();
    return !failed_ && depth_ == 0 && at_ == end_;
}

} // namespace bearerd::json
