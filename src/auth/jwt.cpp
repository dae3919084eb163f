#include <bearerd/auth/jwt.hpp>

#include <bearerd/base/ascii.hpp>
#include <bearerd/json/scan.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <utility>

namespace bearerd::auth {
namespace {

constexpr std::int64_t max_time = std::int64_t{1} << 53;

constexpr std::uint32_t no_digit = 1U << 31U;

/// What each character stands for as the first, second, third and fourth of its four: its bits where they are
/// in the three bytes, the first of which is the lowest.
constexpr auto make_digits() {
    std::array<std::array<std::uint32_t, 256>, 4> digits{};
    for (auto& place : digits)
        place.fill(no_digit);
    std::uint32_t value = 0;
    for (const char c :
         std::string_view{"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"}) {
        const auto at = static_cast<unsigned char>(c);
        digits[0][at] = value << 2U;
        digits[1][at] = value >> 4U | (value << 12U & 0xF000U);
        digits[2][at] = (value >> 2U) << 8U | (value << 22U & 0xC00000U);
        digits[3][at] = value << 16U;
        ++value;
    }
    return digits;
}

/// Returns "" if the text is not base64url, otherwise a view of `buffer`.
std::string_view decode_base64url(std::string_view text, json::TextBuffer& buffer) {
    static constexpr auto digits = make_digits();
    const auto digit = [&](std::size_t place) {
        return digits[place][static_cast<unsigned char>(text[place])];
    };
    for (int padding = 0; padding < 2 && text.ends_with('='); ++padding)
        text.remove_suffix(1);
    if (text.size() % 4 == 1)
        return {};
    const std::size_t size = text.size() * 3 / 4;
    char* const out = buffer.room(size);
    char* to = out;
    std::uint32_t faults = 0; // has the bit of no_digit once a character was none
    for (; text.size() >= 4; text.remove_prefix(4)) {
        const std::uint32_t three = digit(0) | digit(1) | digit(2) | digit(3);
        faults |= three;
        *to++ = static_cast<char>(three);
        *to++ = static_cast<char>(three >> 8U);
        *to++ = static_cast<char>(three >> 16U);
    }
    std::uint32_t rest = 0;
    for (std::size_t i = 0; i < text.size(); ++i)
        rest |= digit(i);
    faults |= rest;
    for (std::size_t i = 1; i < text.size(); ++i, rest >>= 8U)
        *to++ = static_cast<char>(rest);
    return {out, (faults & no_digit) != 0 ? 0 : size};
}

/// The part between the two dots of a text that has exactly two.
std::string_view payload_of(std::string_view token) noexcept {
    const auto first = token.find('.');
    if (first == std::string_view::npos)
        return {};
    const auto second = token.find('.', first + 1);
    if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos)
        return {};
    return token.substr(first + 1, second - first - 1);
}

/// A number as JSON writes it. A double would round a number just above 2^53 to 2^53.
std::optional<std::int64_t> time_of(std::string_view number) noexcept {
    constexpr std::size_t surely_fits = 15; // digits; a time has ten
    const char* const begin = number.data();
    const char* const end = begin + number.size();
    std::int64_t whole = 0;
    const char* at = begin;
    for (const char* const stop = begin + std::min(number.size(), surely_fits); at != stop && is_digit(*at);
         ++at)
        whole = whole * 10 + (*at - '0');
    if (at == end && at != begin)
        return whole;
    if (const auto read = std::from_chars(begin, end, whole); read.ec == std::errc{} && read.ptr == end)
        return whole >= 0 && whole <= max_time ? std::optional{whole} : std::nullopt;
    double value = 0;
    const auto read = std::from_chars(begin, end, value);
    if (read.ec != std::errc{} || read.ptr != end || !(value >= 0 && value <= static_cast<double>(max_time)))
        return std::nullopt;
    return static_cast<std::int64_t>(value);
}

constexpr std::array<std::string_view, 5> identity_claims{"sub", "id", "user_id", "username", "email"};

/// Reads the members of the payload without building a tree of values, because a token may come with every
/// answer.
class ClaimsReader {
public:
    explicit ClaimsReader(std::string_view text) noexcept : scan_{text} {}

    Claims read() {
        if (scan_.peek() != json::Kind::object)
            return {};
        json::String key;
        for (scan_.enter_object(); scan_.next_member(key);)
            read_member(key.text(key_buffer_));
        if (!scan_.finish())
            return {};
        for (std::size_t i = 0; i < identity_claims.size(); ++i)
            if (identity_[i])
                claims_.identity.emplace_back(identity_claims[i], std::move(*identity_[i]));
        return std::move(claims_);
    }

private:
    void read_member(std::string_view name) {
        if (name == "iat")
            claims_.issued_at = read_time();
        else if (name == "exp")
            claims_.expires_at = read_time();
        else if (const auto* claim = std::ranges::find(identity_claims, name); claim != identity_claims.end())
            identity_[static_cast<std::size_t>(claim - identity_claims.begin())] = read_identity();
        else
            scan_.skip();
    }

    std::optional<std::int64_t> read_time() {
        const bool number = scan_.peek() == json::Kind::number;
        std::string_view raw;
        return scan_.skip(raw) && number ? time_of(raw) : std::nullopt;
    }

    std::optional<std::string> read_identity() {
        const auto kind = scan_.peek();
        if (kind == json::Kind::string) {
            json::String string;
            if (!scan_.string(string))
                return std::nullopt;
            return std::string{string.text(value_buffer_)};
        }
        std::string_view raw;
        if (!scan_.skip(raw) || kind != json::Kind::number)
            return std::nullopt;
        return std::string{raw};
    }

    json::Scan scan_;
    json::TextBuffer key_buffer_;
    json::TextBuffer value_buffer_;
    Claims claims_;
    std::array<std::optional<std::string>, identity_claims.size()> identity_;
};

} // namespace

Claims parse_claims(std::string_view token) {
    if (token.size() > max_token_size)
        return {};
    json::TextBuffer buffer;
    return ClaimsReader{decode_base64url(payload_of(token), buffer)}.read();
}

} // namespace bearerd::auth
