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

/// An executable GraphQL document (October 2021), read as far as needed to know what it would run. The whole
/// document is parsed: after one error nothing in it counts. Views into the text, which must outlive it.
class Document {
public:
    static constexpr std::size_t max_depth = 256;       ///< nesting of selections, values and types
    static constexpr std::size_t max_definitions = 256; ///< operations and fragments in a document
    static constexpr std::size_t max_root_spreads = 1024;

    struct Selected {
        OperationKind kind = OperationKind::unknown;
        std::string_view name;
        bool has_login = false;
        /// The response name of the only root field; empty if there are others, a fragment or a directive, or
        /// if it is `__typename`.
        std::string_view sole_field;
        std::string_view variables;  ///< the document from the declarations' '(' on; empty if there are none
        std::string_view selections; ///< the document from the '{' of the selection set on
    };

    /// Returns false if the text is no document of executable definitions, or exceeds a bound. `text` is
    /// UTF-8.
    [[nodiscard]] bool parse(std::string_view text, std::string_view login_field);

    /// Returns the operation that a server runs for `operation_name` (nullopt: absent or null). Returns
    /// nullopt if there is none, or if servers could differ: several operations without a name, two with the
    /// same name, an anonymous one among several, a name that isn't the only operation's.
    [[nodiscard]] std::optional<Selected> select(std::optional<std::string_view> operation_name);

    /// Whether the document has a string or a number.
    [[nodiscard]] bool has_literals() const noexcept { return has_literals_; }

    /// Returns the document from the fragment's '{' on; nullopt if there is no such fragment, or several.
    [[nodiscard]] std::optional<std::string_view> fragment_selections(std::string_view name) const noexcept;

private:
    struct Definition {
        std::string_view name;
        OperationKind kind = OperationKind::unknown; ///< unknown: a fragment
        bool login = false;                          ///< among its root fields, inline fragments included
        bool reached = false;
        std::size_t first_spread = 0;    ///< of the spreads at its root, which are adjacent
        std::size_t last_spread = 0;     ///< one past the last
        std::size_t root_selections = 0; ///< those in inline fragments count too
        std::string_view plain_field; ///< the response name of the last root field that may be a sole_field
        std::string_view variables;
        std::string_view selections;
    };

    void advance() noexcept { token_ = lexer_.next(); }

    /// Returns the document from the current token on.
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
    boost::container::small_vector<std::size_t, 8> fragments_;     ///< definitions, sorted by name
};

} // namespace bearerd::graphql
