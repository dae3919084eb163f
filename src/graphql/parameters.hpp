#pragma once

#include <bearerd/json/text_buffer.hpp>

#include <optional>
#include <string_view>

namespace bearerd::graphql {

/// Whether a parameter of this name in a query string or form selects what runs, at least on some server:
/// `query` and `operationName`, names that careless servers take for them (`Query`, `query[]`, ` query`), a
/// stored document's name.
[[nodiscard]] bool may_select(std::string_view name) noexcept;

/// Returns the name as the most careless server reads it: without blanks around it, up to a bracket or NUL.
[[nodiscard]] std::string_view base_name(std::string_view name) noexcept;

/// `documentId` and similar: a stored document, which some servers run instead of `query`. Ignores case.
[[nodiscard]] bool names_stored_document(std::string_view name) noexcept;

/// The parameters of a query string that select what runs, decoded.
struct QueryParameters {
    std::optional<std::string_view> query;
    std::optional<std::string_view> operation_name;
};

/// Whether some server may take variables from this query string. True if a name is in doubt.
[[nodiscard]] bool may_give_variables(std::string_view query_string);

/// Room for the two decoded values.
struct ParameterBuffers {
    json::TextBuffer name;
    json::TextBuffer query;
    json::TextBuffer operation_name;
};

/// Reads `a=b&c=d`; '+' is a space. Returns nullopt if it is ambiguous: a duplicate or misreadable name, a
/// stored document, a broken escape, a semicolon (some servers split there too).
[[nodiscard]] std::optional<QueryParameters> read_parameters(std::string_view query_string,
                                                             ParameterBuffers& buffers);

} // namespace bearerd::graphql
