#pragma once

#include <optional>
#include <string_view>

namespace bearerd::graphql {

/// Returns the `operations` field of a multipart upload (GraphQL multipart request specification) as a view
/// into `body`.
///
/// Returns nullopt if another implementation could see other parts than we do: no closing delimiter, text
/// before the first or after the last, the boundary anywhere else, bare line feeds around it, folded or
/// duplicate headers, parameters that are not plain (see HeaderParameter), escapes in names, a transfer
/// encoding, a nested multipart, two `operations`, a file in its place, or a form field that some servers
/// read instead (`query`, `operationName`, `variables`, `_charset_`).
[[nodiscard]] std::optional<std::string_view> multipart_operations(std::string_view body,
                                                                   std::string_view boundary);

} // namespace bearerd::graphql
