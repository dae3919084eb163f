#pragma once

#include <bearerd/graphql/text_buffer.hpp>

#include <optional>
#include <string_view>

namespace bearerd::graphql {

/// The digit's value; -1 for what is none.
[[nodiscard]] int hex_digit(char c) noexcept;

/// A query string's or form's parameter of this name chooses what runs, on some server at least: `query` and
/// `operationName`, what careless servers take for them (`Query`, `query[]`, ` query`), a stored document's
/// name.
[[nodiscard]] bool may_select(std::string_view name) noexcept;

/// The name as the most careless server reads it: without blanks around it, up to a bracket or a NUL.
[[nodiscard]] std::string_view base_name(std::string_view name) noexcept;

/// `documentId` and its likes: a stored document, which some servers run in place of `query`. Without case.
[[nodiscard]] bool names_stored_document(std::string_view name) noexcept;

/// The parameters of a query string that choose what runs, decoded.
struct QueryParameters {
    std::optional<std::string_view> query;
    std::optional<std::string_view> operation_name;
};

/// Room for the two decoded values.
struct ParameterBuffers {
    TextBuffer name;
    TextBuffer query;
    TextBuffer operation_name;
};

/// Reads `a=b&c=d`; '+' is a space. Nothing where it is ambiguous: a doubled or misreadable name, a stored
/// document, a broken escape, a semicolon (some servers split there too).
[[nodiscard]] std::optional<QueryParameters> read_parameters(std::string_view query_string,
                                                             ParameterBuffers& buffers);

} // namespace bearerd::graphql
