#include "variables.hpp"

#include <bearerd/graphql/json_scan.hpp>

#include "literal.hpp"

namespace bearerd::graphql {
namespace {

bool opens(const Token& token) noexcept {
    return token.is('(') || token.is('[') || token.is('{');
}

bool closes(const Token& token) noexcept {
    return token.is(')') || token.is(']') || token.is('}');
}

bool is_over(const Token& token) noexcept {
    return token.kind == TokenKind::end || token.kind == TokenKind::invalid;
}

std::string decoded(const JsonString& string) {
    std::string text(string.raw.size(), '\0');
    text.resize(string.decode(text.data()));
    return text;
}

} // namespace

std::optional<std::string> text_of(const Token& constant) {
    if (constant.kind == TokenKind::string)
        return string_value(constant.text);
    if (constant.kind == TokenKind::number && is_integer(constant.text))
        return std::string{constant.text};
    return std::nullopt;
}

std::optional<bool> boolean_of(const Token& constant) noexcept {
    if (constant.is_name("true"))
        return true;
    if (constant.is_name("false"))
        return false;
    return std::nullopt;
}

void skip_value(Lexer& lexer, Token& token) noexcept {
    std::size_t depth = 0;
    do {
        if (token.is('$'))
            token = lexer.next();
        else if (opens(token))
            ++depth;
        else if (closes(token))
            --depth;
        token = lexer.next();
    } while (depth != 0 && !is_over(token));
}

bool Variables::read(std::string_view declarations, std::string_view values) {
    declared_.clear();
    values_ = values;
    Lexer lexer{declarations};
    Token token = lexer.next();
    if (!token.is('('))
        return true;
    token = lexer.next();
    while (token.is('$')) {
        if (declared_.size() == max_declared)
            return false;
        Declared& declared = declared_.emplace_back();
        declared.name = lexer.next().text;
        token = lexer.next();
        while (!token.is('$') && !token.is(')') && !is_over(token)) { // a type, a default, directives
            if (token.is('=')) {
                const Token first = lexer.next();
                token = first;
                skip_value(lexer, token);
                declared.has_default = true;
                declared.default_value = opens(first) ? Token{} : first;
            } else if (token.is('(')) { // of a directive
                skip_value(lexer, token);
            } else {
                token = lexer.next();
            }
        }
    }
    return token.is(')');
}

const Variables::Declared* Variables::find(std::string_view name) const noexcept {
    const Declared* found = nullptr;
    for (const Declared& declared : declared_) {
        if (declared.name != name)
            continue;
        if (found != nullptr)
            return nullptr;
        found = &declared;
    }
    return found;
}

Variables::Given Variables::given(std::string_view name, std::string_view& raw) const {
    if (values_.empty())
        return Given::no;
    JsonScan scan{values_};
    if (scan.peek() == JsonKind::null)
        return Given::no;
    if (scan.peek() != JsonKind::object)
        return Given::unclear;
    Given result = Given::no;
    JsonString key;
    for (scan.enter_object(); scan.next_member(key);) {
        std::string_view value;
        scan.skip(value);
        if (!key.is(name))
            continue;
        if (result == Given::yes)
            return Given::unclear;
        result = Given::yes;
        raw = value;
    }
    return scan.ok() ? result : Given::unclear;
}

std::optional<std::string> Variables::text(std::string_view name) const {
    const Declared* const declared = find(name);
    std::string_view raw;
    const Given from = declared == nullptr ? Given::unclear : given(name, raw);
    if (from == Given::unclear)
        return std::nullopt;
    if (from == Given::no)
        return declared->has_default ? text_of(declared->default_value) : std::nullopt;
    JsonScan scan{raw};
    JsonString string;
    if (scan.peek() == JsonKind::string)
        return scan.string(string) ? std::optional{decoded(string)} : std::nullopt;
    if (scan.peek() == JsonKind::number && is_integer(raw))
        return std::string{raw};
    return std::nullopt;
}

std::optional<bool> Variables::boolean(std::string_view name) const {
    const Declared* const declared = find(name);
    std::string_view raw;
    const Given from = declared == nullptr ? Given::unclear : given(name, raw);
    if (from == Given::unclear)
        return std::nullopt;
    if (from == Given::no)
        return declared->has_default ? boolean_of(declared->default_value) : std::nullopt;
    if (raw == "true" || raw == "false")
        return raw == "true";
    return std::nullopt;
}

} // namespace bearerd::graphql
