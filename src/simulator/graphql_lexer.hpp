#pragma once

#include "graphql.hpp"

namespace bearerd::sim {

struct Token {
    enum class Kind { end, punctuator, name, integer, number, string };

    Kind kind = Kind::end;
    std::string text; ///< For a string its value, for a punctuator its characters.
    Location where;
};

/// Cuts a document into tokens. Throws SyntaxError at text that is none.
class Lexer {
public:
    explicit Lexer(std::string_view text);

    Token next();

private:
    void skip_ignored();
    char peek(std::size_t ahead = 0) const noexcept;
    char take() noexcept;
    bool at(std::string_view text) const noexcept;
    Token number(Token token);
    std::string string();
    std::string block_string();
    void escape(std::string& out);
    unsigned code_unit();
    [[noreturn]] void fail(std::string message) const;

    std::string_view text_;
    std::size_t position_ = 0;
    Location where_;
};

} // namespace bearerd::sim
