#include <bearerd/graphql/login_document.hpp>

#include "document.hpp"
#include "lexer.hpp"

namespace bearerd::graphql {
namespace {

bool uses(std::string_view document, std::string_view variable) {
    std::size_t times = 0; // the first one declares it
    Lexer lexer{document};
    for (Token token = lexer.next(); token.kind != TokenKind::end; token = lexer.next())
        if (token.is('$') && lexer.next().text == variable)
            ++times;
    return times >= 2;
}

/// Moves from an opening bracket to what follows the closing one.
void skip_brackets(Lexer& lexer, Token& token) {
    std::size_t depth = 0;
    do {
        if (token.is('(') || token.is('{') || token.is('['))
            ++depth;
        else if (token.is(')') || token.is('}') || token.is(']'))
            --depth;
        token = lexer.next();
    } while (depth != 0 && token.kind != TokenKind::end && token.kind != TokenKind::invalid);
}

} // namespace

std::string login_document_flaw(std::string_view document, std::string_view variable) {
    Document parsed;
    if (!parsed.parse(document, {}))
        return "can't be read as GraphQL: look for a bracket, brace or quote too many or too few";
    const auto selected = parsed.select(std::nullopt);
    if (!selected)
        return "must hold one operation: a server could not tell which one to run";
    if (selected->kind != OperationKind::query && selected->kind != OperationKind::mutation)
        return "must be a query or a mutation";
    if (!uses(document, variable))
        return "must declare and use the variable $" + std::string{variable} + ", which brings the " +
               (variable == "password" ? "password" : "refresh token");
    return {};
}

bool answers_with(std::string_view document, std::string_view key) {
    Document parsed;
    const auto selected = parsed.parse(document, {}) ? parsed.select(std::nullopt) : std::nullopt;
    if (!selected)
        return false;
    Lexer lexer{selected->selections};
    lexer.next(); // the brace
    Token token = lexer.next();
    while (token.kind == TokenKind::name) {
        const std::string_view response_key = token.text;
        token = lexer.next();
        if (token.is(':')) {
            lexer.next(); // the field's own name
            token = lexer.next();
        }
        if (response_key == key)
            return true;
        while (token.is('(') || token.is('{') || token.is('@')) {
            if (token.is('@')) {
                lexer.next(); // the directive's name
                token = lexer.next();
            } else {
                skip_brackets(lexer, token);
            }
        }
    }
    return token.is_spread();
}

bool logs_in_by(std::string_view document, std::string_view field) {
    Document parsed;
    if (!parsed.parse(document, field))
        return false;
    const auto selected = parsed.select(std::nullopt);
    return selected && selected->has_login;
}

} // namespace bearerd::graphql
