#pragma once

#include <cstdint>
#include <string_view>

namespace bearerd::graphql {

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

/// The lexical grammar of GraphQL (October 2021): names, numbers, strings, block strings and punctuators;
/// white space, commas, comments and BOMs are passed over. The document is valid UTF-8: the caller has
/// checked.
///
/// Where readers could disagree on where a token ends, it says `invalid` rather than guess: control
/// characters, comments that hold one of Unicode's other line ends, escapes that the specification doesn't
/// name.
class Lexer {
public:
    explicit Lexer(std::string_view document) noexcept;

    /// The next token; `end` and `invalid` are final.
    Token next() noexcept;

private:
    [[nodiscard]] Token take(TokenKind kind, const char* begin) const noexcept;
    Token invalid() noexcept;
    bool skip_ignored() noexcept;
    bool skip_comment() noexcept;
    Token name() noexcept;
    Token number() noexcept;
    Token string() noexcept;
    Token block_string(const char* begin) noexcept;
    bool digits() noexcept;

    const char* at_;
    const char* end_;
    bool failed_ = false;
};

} // namespace bearerd::graphql
