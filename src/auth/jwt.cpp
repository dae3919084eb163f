#include <bearerd/auth/jwt.hpp>

#include <bearerd/graphql/json_scan.hpp>

#include <array>
#include <charconv>
#include <string>
#include <utility>

namespace bearerd::auth {
namespace {

constexpr std::int64_t max_time = std::int64_t{1} << 53;

constexpr std::array<std::int8_t, 256> make_alphabet() {
    std::array<std::int8_t, 256> values{};
    values.fill(-1);
    std::int8_t next = 0;
    for (const char c : std::string_view{"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"})
        values[static_cast<unsigned char>(c)] = next++;
    return values;
}

/// Empty where the text is not base64url.
std::string decode_base64url(std::string_view text) {
    static constexpr auto alphabet = make_alphabet();
    const auto value = [](char c) { return std::int32_t{alphabet[static_cast<unsigned char>(c)]}; };
    for (int padding = 0; padding < 2 && text.ends_with('='); ++padding)
        text.remove_suffix(1);
    if (text.size() % 4 == 1)
        return {};
    std::string out(text.size() * 3 / 4, '\0');
    char* to = out.data();
    std::int32_t faults = 0; // negative once a character was none of the alphabet
    for (; text.size() >= 4; text.remove_prefix(4)) {
        const std::int32_t a = value(text[0]);
        const std::int32_t b = value(text[1]);
        const std::int32_t c = value(text[2]);
        const std::int32_t d = value(text[3]);
        faults |= a | b | c | d;
        *to++ = static_cast<char>(a << 2 | b >> 4);
        *to++ = static_cast<char>(b << 4 | c >> 2);
        *to++ = static_cast<char>(c << 6 | d);
    }
    if (text.size() >= 2) {
        const std::int32_t a = value(text[0]);
        const std::int32_t b = value(text[1]);
        faults |= a | b;
        *to++ = static_cast<char>(a << 2 | b >> 4);
        if (text.size() == 3) {
            const std::int32_t c = value(text[2]);
            faults |= c;
            *to++ = static_cast<char>(b << 4 | c >> 2);
        }
    }
    return faults < 0 ? std::string{} : out;
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

/// A number as JSON writes it. A double would take what lies just above 2^53 for 2^53.
std::optional<std::int64_t> time_of(std::string_view number) noexcept {
    const char* const begin = number.data();
    const char* const end = begin + number.size();
    std::int64_t whole = 0;
    if (const auto read = std::from_chars(begin, end, whole); read.ec == std::errc{} && read.ptr == end)
        return whole >= 0 && whole <= max_time ? std::optional{whole} : std::nullopt;
    double value = 0;
    const auto read = std::from_chars(begin, end, value);
    if (read.ec != std::errc{} || read.ptr != end || !(value >= 0 && value <= static_cast<double>(max_time)))
        return std::nullopt;
    return static_cast<std::int64_t>(value);
}

constexpr std::array<std::string_view, 5> identity_claims{"sub", "id", "user_id", "username", "email"};

/// Reads the members of the payload. A token may come with every answer, so this is no place for a tree of
/// values.
class ClaimsReader {
public:
    explicit ClaimsReader(std::string_view text) noexcept : scan_{text} {}

    Claims read() {
        if (scan_.peek() != graphql::JsonKind::object)
            return {};
        graphql::JsonString key;
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
        if (name == "iat") {
            claims_.issued_at = read_time();
        } else if (name == "exp") {
            claims_.expires_at = read_time();
        } else {
            for (std::size_t i = 0; i < identity_claims.size(); ++i)
                if (name == identity_claims[i]) {
                    identity_[i] = read_identity();
                    return;
                }
            scan_.skip();
        }
    }

    std::optional<std::int64_t> read_time() {
        const bool number = scan_.peek() == graphql::JsonKind::number;
        std::string_view raw;
        return scan_.skip(raw) && number ? time_of(raw) : std::nullopt;
    }

    std::optional<std::string> read_identity() {
        const auto kind = scan_.peek();
        if (kind == graphql::JsonKind::string) {
            graphql::JsonString string;
            if (!scan_.string(string))
                return std::nullopt;
            return std::string{string.text(value_buffer_)};
        }
        std::string_view raw;
        if (!scan_.skip(raw) || kind != graphql::JsonKind::number)
            return std::nullopt;
        return std::string{raw};
    }

    graphql::JsonScan scan_;
    graphql::TextBuffer key_buffer_;
    graphql::TextBuffer value_buffer_;
    Claims claims_;
    std::array<std::optional<std::string>, identity_claims.size()> identity_;
};

} // namespace

Claims parse_claims(std::string_view token) {
    if (token.size() > max_token_size)
        return {};
    const auto text = decode_base64url(payload_of(token));
    return ClaimsReader{text}.read();
}

} // namespace bearerd::auth
