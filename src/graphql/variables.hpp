#pragma once

#include "lexer.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bearerd::graphql {

/// An operation's variables, with the values that a request gives them. Each is read once, however often it
/// is used: read() costs time linear in its texts, a look-up time linear in the name. Views: both texts
/// must outlive it.
class Variables {
public:
    static constexpr std::size_t max_declared = 256;

    /// `declarations`: the document from the operation's '(' on; empty if it declares none. `values`: the
    /// JSON text of `variables`; empty if there is none; nullopt if servers could read them differently.
    /// Returns false if it declares more than `max_declared`. The texts come from a parsed document and a
    /// scanned request: they are whole and valid.
    [[nodiscard]] bool read(std::string_view declarations, std::optional<std::string_view> values);

    /// Returns the text of a string or integer: the value given, or the default. Returns nullopt if it is
    /// another kind of value, null, not declared, declared or given twice, or given by `variables` that are
    /// no object. A view into this object.
    [[nodiscard]] std::optional<std::string_view> text(std::string_view name) const noexcept;
    [[nodiscard]] std::optional<bool> boolean(std::string_view name) const noexcept;

    enum class Given : std::uint8_t { no, yes, unclear };

    /// What is known about a variable's value. Views into the texts that were read.
    struct Value {
        Given given = Given::no;
        std::string_view json;          ///< the JSON text of the value that the request gives
        std::string_view default_value; ///< the document from the default value on; empty: none
        std::string_view type;          ///< the named type, without list and non-null marks
    };

    /// Returns nullopt if the variable is not declared.
    [[nodiscard]] std::optional<Value> value(std::string_view name) const noexcept;

    /// How many are declared.
    [[nodiscard]] std::size_t size() const noexcept { return declared_.size(); }

private:
    struct Declared {
        std::string_view name;
        Token default_value;           ///< `invalid`: none, or one of several tokens
        std::string_view raw;          ///< the JSON text of the value that the request gives
        std::string_view default_text; ///< the document from the default value on; empty: none
        std::string_view type;
        Given given = Given::no;
        std::optional<std::string> text;
        std::optional<bool> boolean;
    };

    [[nodiscard]] bool declare(std::string_view declarations);
    void index();
    void give(std::string_view values);
    void all_unclear() noexcept;
    [[nodiscard]] Declared* find(std::string_view name) noexcept;
    [[nodiscard]] const Declared* known(std::string_view name) const noexcept;

    std::vector<Declared> declared_; ///< sorted by name; two of the same name are both unclear
};

/// Returns the text of a constant of a document: a string or an integer; nullopt for any other kind.
[[nodiscard]] std::optional<std::string> text_of(const Token& constant);
[[nodiscard]] std::optional<bool> boolean_of(const Token& constant) noexcept;

/// Skips the value that begins at `token`, however many tokens it has. The document must have been parsed.
void skip_value(Lexer& lexer, Token& token) noexcept;

} // namespace bearerd::graphql
