#include "variables.hpp"

#include <bearerd/json/scan.hpp>
#include <bearerd/json/text_buffer.hpp>

#include "literal.hpp"

#include <algorithm>

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

std::optional<std::string> given_text(std::string_view json) {
    json::Scan scan{json};
    json::String string;
    if (scan.peek() == json::Kind::string)
        return scan.string(string) ? std::optional{string.text()} : std::nullopt;
    if (scan.peek() == json::Kind::number && is_integer(json))
        return std::string{json};
    return std::nullopt;
}

std::optional<bool> given_boolean(std::string_view json) noexcept {
    return json == "true" || json == "false" ? std::optional{json == "true"} : std::nullopt;
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

bool Variables::read(std::string_view declarations, std::optional<std::string_view> values) {
    declared_.clear();
    if (!declare(declarations))
        return false;
    index();
    if (values)
        give(*values);
    else
        all_unclear();
    for (Declared& declared : declared_) {
        if (declared.given == Given::yes) {
            declared.text = given_text(declared.raw);
            declared.boolean = given_boolean(declared.raw);
        } else if (declared.given == Given::no) {
            declared.text = text_of(declared.default_value);
            declared.boolean = boolean_of(declared.default_value);
        }
    }
    return true;
}

bool Variables::declare(std::string_view declarations) {
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
                declared.default_text =
                    declarations.substr(static_cast<std::size_t>(first.text.data() - declarations.data()));
                skip_value(lexer, token);
                declared.default_value = opens(first) ? Token{} : first;
            } else if (token.is('(')) { // of a directive
                skip_value(lexer, token);
            } else {
                if (declared.type.empty() && token.kind == TokenKind::name)
                    declared.type = token.text;
                token = lexer.next();
            }
        }
    }
    return token.is(')');
}

/// Sorts them by name. One that is declared twice is unclear.
void Variables::index() {
    std::ranges::sort(declared_, {}, &Declared::name);
    for (std::size_t i = 1; i < declared_.size(); ++i)
        if (declared_[i].name == declared_[i - 1].name)
            declared_[i].given = declared_[i - 1].given = Given::unclear;
}

/// Notes the values in one pass.
void Variables::give(std::string_view values) {
    json::Scan scan{values};
    if (values.empty() || scan.peek() == json::Kind::null)
        return;
    if (scan.peek() != json::Kind::object) {
        all_unclear();
        return;
    }
    json::String key;
    json::TextBuffer buffer;
    for (scan.enter_object(); scan.next_member(key);) {
        std::string_view raw;
        scan.skip(raw);
        Declared* const declared = find(key.text(buffer));
        if (declared == nullptr)
            continue;
        declared->given = declared->given == Given::no ? Given::yes : Given::unclear;
        declared->raw = raw;
    }
    if (!scan.ok())
        all_unclear();
}

void Variables::all_unclear() noexcept {
    for (Declared& declared : declared_)
        declared.given = Given::unclear;
}

const Variables::Declared* Variables::known(std::string_view name) const noexcept {
    const auto found = std::ranges::lower_bound(declared_, name, {}, &Declared::name);
    return found != declared_.end() && found->name == name ? &*found : nullptr;
}

Variables::Declared* Variables::find(std::string_view name) noexcept {
    const auto found = std::ranges::lower_bound(declared_, name, {}, &Declared::name);
    return found != declared_.end() && found->name == name ? &*found : nullptr;
}

std::optional<Variables::Value> Variables::value(std::string_view name) const noexcept {
    const Declared* const declared = known(name);
    if (declared == nullptr)
        return std::nullopt;
    return Value{declared->given, declared->raw, declared->default_text, declared->type};
}

std::optional<std::string_view> Variables::text(std::string_view name) const noexcept {
    const Declared* const declared = known(name);
    return declared != nullptr ? std::optional<std::string_view>{declared->text} : std::nullopt;
}

std::optional<bool> Variables::boolean(std::string_view name) const noexcept {
    const Declared* const declared = known(name);
    return declared != nullptr ? declared->boolean : std::nullopt;
}

} // namespace bearerd::graphql
