#pragma once

#include "variables.hpp"

#include <bearerd/graphql/arguments.hpp>

#include <string>
#include <string_view>

/// The canonical text of a field's argument values (contract 10). Two texts are equal exactly if the values
/// are:
///
/// - Values given inline, by a variable or by its default are equal. A variable that has neither value nor
///   default counts as absent (in a list: null). Null is not equal to absent.
/// - Arguments and the fields of an object are compared by name, whatever their order; lists by position.
/// - Numbers are compared by their exact decimal value: 1, 1.0, 10e-1 and 1e0 are equal, and 0 and -0.
/// - Strings are compared by what they mean, whatever their escapes, block strings included.
/// - A string, a number, a boolean and an enum value are never equal to each other. A string that JSON gives
///   to a variable of a named type other than the five built-in scalars counts as an enum value if it has the
///   form of one.
/// - If servers could read a value differently (an undeclared variable, one that is given twice, an escaped
///   surrogate), the bytes that the request sent are compared.
namespace bearerd::graphql {

/// `list`: a parsed document from the '(' of the arguments on. `values`: the JSON text of the request's
/// variables. Linear in both, bounded in depth by what Document and json::Scan accept. Throws only if
/// memory runs out.
[[nodiscard]] std::string canonical_arguments(std::string_view list, const Variables& variables,
                                              std::string_view values,
                                              std::string (*digest)(std::string_view));

/// Returns a number of a JSON text or a GraphQL document in a canonical spelling: the same for all spellings
/// of its value.
[[nodiscard]] std::string canonical_number(std::string_view number);

} // namespace bearerd::graphql
