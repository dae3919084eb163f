#include <bearerd/graphql/login_document.hpp>

#include "document.hpp"
#include "lexer.hpp"

#include <optional>

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

bool logs_in_by(std::string_view document, std::string_view field) {
    Document parsed;
    if (!parsed.parse(document, field))
        return false;
    const auto selected = parsed.select(std::nullopt);
    return selected && selected->has_login;
}

} // namespace bearerd::graphql
