#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace bearerd::sim {

struct Location {
    int line = 1;
    int column = 1;
};

/// A value as written in a document. `text` is the name of a variable or an enum value, the digits of a
/// number, or a string without its quotes and escapes.
struct Value {
    enum class Kind { null, boolean, integer, number, string, enumeration, variable, list, object };

    Kind kind = Kind::null;
    std::string text;
    std::vector<Value> items;      ///< Of a list or an object.
    std::vector<std::string> keys; ///< Of an object, one for each item.
    Location where;
};

using Arguments = std::vector<std::pair<std::string, Value>>;

struct Directive {
    std::string name;
    Arguments arguments;
};

/// A field, `...Name`, or `... on Type {}`.
struct Selection {
    enum class Kind { field, spread, inline_fragment };

    Kind kind = Kind::field;
    std::string alias; ///< The key of the answer: the field's name if the document gives none.
    std::string name;  ///< Of the field or the fragment.
    std::string type;  ///< The type condition; empty if there is none.
    Arguments arguments;
    std::vector<Directive> directives;
    std::vector<Selection> selections;
    Location where;
};

struct VariableDefinition {
    std::string name;
    std::string type; ///< As written, without spaces: "Int!", "[OrderItemInput]!".
    std::optional<Value> fallback;
};

struct Operation {
    enum class Kind { query, mutation, subscription };

    Kind kind = Kind::query;
    std::string name; ///< Empty: anonymous.
    std::vector<VariableDefinition> variables;
    std::vector<Selection> selections;
    Location where;
};

struct Fragment {
    std::string type;
    std::vector<Selection> selections;
};

struct Document {
    std::vector<Operation> operations;
    std::map<std::string, Fragment, std::less<>> fragments;
};

struct SyntaxError {
    std::string message;
    Location where;
};

/// Reads an executable document (October 2021 edition of the specification). Never throws.
std::variant<Document, SyntaxError> read_document(std::string_view text);

} // namespace bearerd::sim
