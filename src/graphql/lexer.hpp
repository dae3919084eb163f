#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace bearerd::graphql {

namespace lexical {

enum class Class : std::uint8_t { other, ignored, name_start, digit, punctuation };

inline constexpr auto classes = [] {
    std::array<Class, 256> table{};
    for (const char c : std::string_view{" \t\r\n,"})
        table[static_cast<unsigned char>(c)] = Class::ignored;
    for (const char c : std::string_view{"!$&():=@[]{|}"})
        table[static_cast<unsigned char>(c)] = Class::punctuation;
    for (unsigned c = '0'; c <= '9'; ++c)
        table[c] = Class::digit;
    for (unsigned c = 'a'; c <= 'z'; ++c)
        table[c] = table[c - 'a' + 'A'] = Class::name_start;
    table['_'] = Class::name_start;
    return table;
}();

constexpr Class class_of(char c) noexcept {
    return classes[static_cast<unsigned char>(c)];
}

} // namespace lexical

enum class TokenKind : std::uint8_t { end, invalid, name, number, string, punctuator };

struct Token {
    TokenKind kind = TokenKind::invalid;
    std::string_view text; ///< as written; a view into the document

    [[nodiscard]] bool is(char punctuator) const noexcept {
        return kind == TokenKind::punctuator && text.front() == punctuator;
    }

    [[nodiscard]] bool is_spread() const noexcept { return is('.'); }

    [[nodiscard]] bool is_name(std::string_view name) const noexcept {
        return kind == TokenKind::name && text == name;
    }
};

/// The lexical grammar of GraphQL (October 2021): names, numbers, strings, block strings and punctuators.
/// White space, commas, comments and BOMs are skipped. The caller has checked that the document is UTF-8.
///
/// If readers could disagree on where a token ends, it returns `invalid` instead of guessing. That concerns
/// control characters, comments with one of Unicode's other line ends, and escapes that the specification
/// doesn't define.
class Lexer {
public:
    explicit Lexer(std::string_view document) noexcept;

    /// Returns the next token; `end` and `invalid` are final.
    Token next() noexcept;

private:
    Token literal_or_spread() noexcept;

    [[nodiscard]] Token take(TokenKind kind, const char* begin) const noexcept {
        return {kind, {begin, static_cast<std::size_t>(at_ - begin)}};
    }

    Token invalid() noexcept;
    /// Returns false if neither begins here. A comment that readers could disagree on is an error.
    bool skip_comment_or_bom() noexcept;
    bool skip_comment() noexcept;
    Token number() noexcept;
    Token string() noexcept;
    Token block_string(const char* begin) noexcept;
    bool digits() noexcept;

    const char* at_;
    const char* end_;
    bool failed_ = false;
};

/// Inline, because each request's document is read with it. Nearly every token is a name or a punctuator
/// after some white space.
inline Token Lexer::next() noexcept {
    using lexical::Class;
    using lexical::class_of;
    do {
        while (at_ != end_ && class_of(*at_) == Class::ignored)
            ++at_;
        if (at_ == end_)
            return {failed_ ? TokenKind::invalid : TokenKind::end, {}};
        const char* const begin = at_;
        const Class first = class_of(*at_);
        if (first == Class::punctuation) {
            ++at_;
            return take(TokenKind::punctuator, begin);
        }
        if (first == Class::name_start) {
            do
                ++at_;
            while (at_ != end_ && (class_of(*at_) == Class::name_start || class_of(*at_) == Class::digit));
            return take(TokenKind::name, begin);
        }
    } while (skip_comment_or_bom());
    return literal_or_spread();
}

} // namespace bearerd::graphql
