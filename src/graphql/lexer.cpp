#include "lexer.hpp"

#include <bearerd/base/hex.hpp>
#include <bearerd/base/utf8.hpp>

namespace bearerd::graphql {
namespace {

using enum lexical::Class;
using lexical::class_of;

bool is_c0_control(char c) noexcept {
    return static_cast<unsigned char>(c) < 0x20;
}

bool starts_with(const char* at, const char* end, std::string_view text) noexcept {
    return std::string_view{at, static_cast<std::size_t>(end - at)}.starts_with(text);
}

/// Returns the length of the escape at `at`, a backslash, in an ordinary string; 0 if it is not valid.
std::size_t escape_length(const char* at, const char* end) noexcept {
    if (end - at < 2)
        return 0;
    if (at[1] != 'u')
        return std::string_view{"\"\\/bfnrt"}.find(at[1]) == std::string_view::npos ? 0 : 2;
    if (end - at < 6)
        return 0;
    for (int i = 2; i < 6; ++i)
        if (hex_digit(at[i]) < 0)
            return 0;
    return 6;
}

} // namespace

Lexer::Lexer(std::string_view document) noexcept
    : at_{document.data()}, end_{document.data() + document.size()} {}

Token Lexer::invalid() noexcept {
    failed_ = true; // final: after an error nothing is read as the start of a token
    at_ = end_;
    return {TokenKind::invalid, {}};
}

bool Lexer::skip_comment() noexcept {
    for (; at_ != end_ && *at_ != '\n' && *at_ != '\r'; ++at_) {
        if (is_c0_control(*at_) && *at_ != '\t')
            return false;
        // A reader that ends lines at U+0085, U+2028 or U+2029 would see text that we take for a comment.
        if (static_cast<unsigned char>(*at_) >= 0x80 &&
            (starts_with(at_, end_, "\xC2\x85") || starts_with(at_, end_, "\xE2\x80\xA8") ||
             starts_with(at_, end_, "\xE2\x80\xA9")))
            return false;
    }
    return true;
}

bool Lexer::skip_comment_or_bom() noexcept {
    if (*at_ == '#') {
        if (!skip_comment())
            invalid();
        return true;
    }
    if (!starts_with(at_, end_, utf8_bom))
        return false;
    at_ += utf8_bom.size();
    return true;
}

Token Lexer::literal_or_spread() noexcept {
    const char* const begin = at_;
    if (*at_ == '"')
        return string();
    if (*at_ == '-' || class_of(*at_) == digit)
        return number();
    if (!starts_with(at_, end_, "..."))
        return invalid();
    at_ += 3;
    return take(TokenKind::punctuator, begin);
}

bool Lexer::digits() noexcept {
    const char* const begin = at_;
    while (at_ != end_ && class_of(*at_) == digit)
        ++at_;
    return at_ != begin;
}

Token Lexer::number() noexcept {
    const char* const begin = at_;
    if (*at_ == '-')
        ++at_;
    const char* const first = at_;
    if (!digits() || (*first == '0' && at_ - first > 1))
        return invalid();
    if (at_ != end_ && *at_ == '.') {
        ++at_;
        if (!digits())
            return invalid();
    }
    if (at_ != end_ && (*at_ == 'e' || *at_ == 'E')) {
        ++at_;
        if (at_ != end_ && (*at_ == '+' || *at_ == '-'))
            ++at_;
        if (!digits())
            return invalid();
    }
    if (at_ != end_ && (*at_ == '.' || class_of(*at_) == name_start))
        return invalid();
    return take(TokenKind::number, begin);
}

Token Lexer::string() noexcept {
    const char* const begin = at_;
    if (starts_with(at_, end_, R"(""")"))
        return block_string(begin);
    ++at_;
    while (at_ != end_ && *at_ != '"') {
        if (*at_ == '\\') {
            const std::size_t length = escape_length(at_, end_);
            if (length == 0)
                return invalid();
            at_ += length;
        } else if (is_c0_control(*at_) && *at_ != '\t') {
            return invalid(); // line ends too
        } else {
            ++at_;
        }
    }
    if (at_ == end_)
        return invalid();
    ++at_;
    return take(TokenKind::string, begin);
}

Token Lexer::block_string(const char* begin) noexcept {
    at_ += 3;
    while (at_ != end_) {
        if (starts_with(at_, end_, R"(""")")) {
            at_ += 3;
            return take(TokenKind::string, begin);
        }
        if (starts_with(at_, end_, R"(\""")")) {
            at_ += 4;
        } else if (is_c0_control(*at_) && *at_ != '\t' && *at_ != '\n' && *at_ != '\r') {
            return invalid();
        } else {
            ++at_;
        }
    }
    return invalid();
}

} // namespace bearerd::graphql
