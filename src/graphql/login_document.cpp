#include <bearerd/graphql/login_document.hpp>

#include "document.hpp"
#include "lexer.hpp"

#include <optional>

namespace bearerd::graphql {
namespace {

bool uses_password(std::string_view document) {
    std::size_t times = 0; // the first one declares it
    Lexer lexer{document};
    for (Token token = lexer.next(); token.kind != TokenKind::end; token = lexer.next())
        if (token.is('$') && lexer.next().text == "password")
            ++times;
    return times >= 2;
}

} // namespace

std::string_view login_document_flaw(std::string_view document) {
    Document parsed;
    if (!parsed.parse(document, {}))
        return "can't be read as GraphQL: look for a bracket, brace or quote too many or too few";
    const auto selected = parsed.select(std::nullopt);
    if (!selected)
        return "must hold one operation: a server could not tell which one to run";
    if (selected->kind != OperationKind::query && selected->kind != OperationKind::mutation)
        return "must be a query or a mutation";
    if (!uses_password(document))
        return "must declare and use the variable $password, which brings the password";
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
