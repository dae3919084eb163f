#pragma once

#include "lexer.hpp"

#include <bearerd/graphql/operation.hpp>

#include <boost/container/small_vector.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace bearerd::graphql {

/// An executable GraphQL document (October 2021), read as far as is needed to know what it would run. The
/// whole document is parsed: one fault anywhere and nothing of it is believed. Views into the text, which
/// must outlive it.
class Document {
public:
    static constexpr std::size_t max_depth = 256; ///< of selections, values and types within one another
    static constexpr std::size_t max_definitions = 256; ///< operations and fragments of a document
    static constexpr std::size_t max_root_spreads = 1024;

    struct Selected {
        OperationKind kind = OperationKind::unknown;
        std::string_view name;
        bool has_login = false;
        std::string_view variables;  ///< the document from the declarations' '(' on; empty: there are none
        std::string_view selections; ///< the document from the selection set's '{' on
    };

    /// False where the text is no document of executable definitions, or exceeds a bound. `text` is UTF-8.
    [[nodiscard]] bool parse(std::string_view text, std::string_view login_field);

    /// The operation that a server runs when told `operation_name` (nothing: not told, or null). Nothing
    /// where that is none, or where servers could differ: several operations without a name, two of one name,
    /// an anonymous one among several, a name that isn't the only operation's.
    [[nodiscard]] std::optional<Selected> select(std::optional<std::string_view> operation_name);

    /// Whether a string or a number stands in it.
    [[nodiscard]] bool has_literals() const noexcept { return has_literals_; }

    /// The document from that fragment's '{' on; nothing where there is no such fragment, or more than one.
    [[nodiscard]] std::optional<std::string_view> fragment_selections(std::string_view name) const noexcept;

private:
    struct Definition {
        std::string_view name;
        OperationKind kind = OperationKind::unknown; ///< unknown: a fragment
        bool login = false;                          ///< among its root fields, inline fragments included
        bool reached = false;
        std::size_t first_spread = 0; ///< of those at its root, which stand side by side
        std::size_t last_spread = 0;  ///< the one behind
        std::string_view variables;
        std::string_view selections;
    };

    void advance() noexcept { token_ = lexer_.next(); }

    /// The document from the current token on.
    [[nodiscard]] std::string_view rest() const noexcept {
        return text_.substr(static_cast<std::size_t>(token_.text.data() - text_.data()));
    }

    bool take(char punctuator) noexcept {
        if (!token_.is(punctuator))
            return false;
        advance();
        return true;
    }

    bool take_name(std::string_view& name) noexcept {
        if (token_.kind != TokenKind::name)
            return false;
        name = token_.text;
        advance();
        return true;
    }

    bool definition();
    bool operation(OperationKind kind);
    bool fragment();
    bool variable_definitions();
    bool type();
    bool directives(bool constant);
    bool arguments(bool constant);
    bool value(bool constant);
    bool list(bool constant);
    bool object(bool constant);
    bool root_selections();
    bool selection_set(bool root);
    bool selection(bool root);
    bool field(bool root);
    bool spread(bool root);
    [[nodiscard]] const Definition* find_operation(std::optional<std::string_view> name) const noexcept;
    [[nodiscard]] bool reaches_login(std::size_t operation);
    [[nodiscard]] std::span<const std::size_t> fragments_of(std::string_view name) const noexcept;
    void index_fragments();
    bool reach(std::string_view fragment, boost::container::small_vector<std::size_t, 16>& found);

    Lexer lexer_{std::string_view{}};
    Token token_;
    std::string_view text_;
    std::string_view login_field_;
    std::size_t depth_ = 0;
    bool has_literals_ = false;
    boost::container::small_vector<Definition, 8> definitions_;
    boost::container::small_vector<std::string_view, 16> spreads_; ///< the fragments' names
    boost::container::small_vector<std::size_t, 8> fragments_;     ///< definitions by name
};

} // namespace bearerd::graphql
