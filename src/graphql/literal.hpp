#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace bearerd::graphql {

/// What a string or block string of a document means (GraphQL October 2021, sections 2.9.4 and 2.9.5).
/// `token` is as the lexer found it, including the quotes. Returns nullopt if servers could differ: for
/// escaped surrogates and NUL.
[[nodiscard]] std::optional<std::string> string_value(std::string_view token);

/// Whether a number as written is an integer: without fraction, exponent, or a minus before nothing but zero.
[[nodiscard]] bool is_integer(std::string_view number) noexcept;

} // namespace bearerd::graphql
