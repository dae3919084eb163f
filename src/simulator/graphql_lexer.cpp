#include "graphql_lexer.hpp"

#include <algorithm>

namespace bearerd::sim {
namespace {

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

void append_utf8(std::string& out, unsigned code) {
    const auto byte = [&out](unsigned value) { out.push_back(static_cast<char>(value)); };
    if (code < 0x80) {
        byte(code);
    } else if (code < 0x800) {
        byte(0xC0 | (code >> 6));
        byte(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
        byte(0xE0 | (code >> 12));
        byte(0x80 | ((code >> 6) & 0x3F));
        byte(0x80 | (code & 0x3F));
    } else {
        byte(0xF0 | (code >> 18));
        byte(0x80 | ((code >> 12) & 0x3F));
        byte(0x80 | ((code >> 6) & 0x3F));
        byte(0x80 | (code & 0x3F));
    }
}

std::vector<std::string> split_lines(const std::string& text) {
    std::vector<std::string> lines(1);
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\r' || text[i] == '\n') {
            if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n')
                ++i;
            lines.emplace_back();
        } else {
            lines.back().push_back(text[i]);
        }
    }
    return lines;
}

// The specification's BlockStringValue(): common indentation and blank first and last lines go.
std::string dedent(const std::string& raw) {
    auto lines = split_lines(raw);
    std::size_t common = std::string::npos;
    for (std::size_t i = 1; i < lines.size(); ++i)
        common = std::min(common, lines[i].find_first_not_of(" \t"));
    const auto blank = [](const std::string& line) {
        return line.find_first_not_of(" \t") == std::string::npos;
    };
    if (common != std::string::npos)
        for (std::size_t i = 1; i < lines.size(); ++i)
            lines[i].erase(0, common);
    while (!lines.empty() && blank(lines.front()))
        lines.erase(lines.begin());
    while (!lines.empty() && blank(lines.back()))
        lines.pop_back();
    std::string out;
    for (const auto& line : lines)
        out += (&line == &lines.front() ? "" : "\n") + line;
    return out;
}

} // namespace

Lexer::Lexer(std::string_view text) : text_(text) {
    if (at("\xEF\xBB\xBF"))
        position_ = 3;
}

void Lexer::fail(std::string message) const {
    throw SyntaxError{"Syntax Error: " + std::move(message), where_};
}

char Lexer::peek(std::size_t ahead) const noexcept {
    return position_ + ahead < text_.size() ? text_[position_ + ahead] : '\0';
}

bool Lexer::at(std::string_view text) const noexcept {
    return text_.substr(position_, text.size()) == text;
}

char Lexer::take() noexcept {
    const char c = peek();
    ++position_;
    ++where_.column;
    if (c == '\n' || (c == '\r' && peek() != '\n')) {
        ++where_.line;
        where_.column = 1;
    }
    return c;
}

void Lexer::skip_ignored() {
    while (position_ < text_.size()) {
        const char c = peek();
        if (c == '#') {
            while (position_ < text_.size() && peek() != '\n' && peek() != '\r')
                take();
        } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ',') {
            take();
        } else {
            return;
        }
    }
}

Token Lexer::next() {
    skip_ignored();
    Token token;
    token.where = where_;
    if (position_ >= text_.size())
        return token;
    const char c = peek();
    if (is_letter(c)) {
        token.kind = Token::Kind::name;
        while (is_letter(peek()) || is_digit(peek()))
            token.text.push_back(take());
        return token;
    }
    if (is_digit(c) || c == '-')
        return number(std::move(token));
    if (c == '"') {
        token.kind = Token::Kind::string;
        token.text = at("\"\"\"") ? block_string() : string();
        return token;
    }
    token.kind = Token::Kind::punctuator;
    if (at("...")) {
        token.text = {take(), take(), take()};
        return token;
    }
    if (std::string_view("!$&()=:@[]{}|").find(c) == std::string_view::npos)
        fail("Unexpected character.");
    token.text.push_back(take());
    return token;
}

Token Lexer::number(Token token) {
    token.kind = Token::Kind::integer;
    const auto digits = [this, &token] {
        if (!is_digit(peek()))
            fail("Invalid number.");
        while (is_digit(peek()))
            token.text.push_back(take());
    };
    if (peek() == '-')
        token.text.push_back(take());
    if (peek() == '0' && is_digit(peek(1)))
        fail("Invalid number, unexpected digit after 0.");
    digits();
    if (peek() == '.') {
        token.kind = Token::Kind::number;
        token.text.push_back(take());
        digits();
    }
    if (peek() == 'e' || peek() == 'E') {
        token.kind = Token::Kind::number;
        token.text.push_back(take());
        if (peek() == '+' || peek() == '-')
            token.text.push_back(take());
        digits();
    }
    if (is_letter(peek()) || peek() == '.')
        fail("Invalid number.");
    return token;
}

std::string Lexer::string() {
    std::string out;
    take();
    for (;;) {
        if (position_ >= text_.size() || peek() == '\n' || peek() == '\r')
            fail("Unterminated string.");
        const char c = take();
        if (c == '"')
            return out;
        if (c == '\\')
            escape(out);
        else
            out.push_back(c);
    }
}

void Lexer::escape(std::string& out) {
    static constexpr std::string_view from = "\"\\/bfnrt";
    static constexpr std::string_view to = "\"\\/\b\f\n\r\t";
    const char c = take();
    if (const auto i = from.find(c); i != std::string_view::npos) {
        out.push_back(to[i]);
        return;
    }
    if (c != 'u')
        fail("Invalid character escape sequence.");
    unsigned code = code_unit();
    if (code >= 0xD800 && code < 0xDC00 && at("\\u")) {
        take();
        take();
        const unsigned low = code_unit();
        if (low < 0xDC00 || low > 0xDFFF)
            fail("Invalid Unicode escape sequence.");
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    append_utf8(out, code);
}

unsigned Lexer::code_unit() {
    unsigned code = 0;
    for (int i = 0; i < 4; ++i) {
        const char c = take();
        if (is_digit(c))
            code = code * 16 + static_cast<unsigned>(c - '0');
        else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))
            code = code * 16 + static_cast<unsigned>((c | 0x20) - 'a' + 10);
        else
            fail("Invalid Unicode escape sequence.");
    }
    return code;
}

std::string Lexer::block_string() {
    std::string raw;
    for (int i = 0; i < 3; ++i)
        take();
    for (;;) {
        if (position_ >= text_.size())
            fail("Unterminated string.");
        if (at("\\\"\"\"")) {
            for (int i = 0; i < 4; ++i)
                take();
            raw += "\"\"\"";
        } else if (at("\"\"\"")) {
            for (int i = 0; i < 3; ++i)
                take();
            return dedent(raw);
        } else {
            raw.push_back(take());
        }
    }
}

} // namespace bearerd::sim
