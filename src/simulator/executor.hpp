#pragma once

#include "graphql.hpp"
#include "schema.hpp"
#include "shop.hpp"
#include "value.hpp"

#include <functional>

namespace bearerd::sim {

/// A field to be answered, fragments and directives resolved, known to the schema.
struct PlannedField {
    std::string key;  ///< Of the answer.
    std::string name; ///< Of the schema; "__typename" too.
    std::string_view type;
    Location where;
    Json arguments; ///< Of root fields: variables put in.
    std::vector<PlannedField> children;
};

/// An operation that will run, or an error instead. Nothing of an operation with an error is executed.
struct Prepared {
    Operation::Kind kind = Operation::Kind::query;
    std::string name;
    std::vector<PlannedField> fields;
    Json error; ///< An element of `errors`; null if there is none.

    [[nodiscard]] bool has_root(std::string_view name) const;
};

/// Reads one operation of a request body: `query`, `operationName`, `variables`. Never throws.
Prepared prepare(const Json& request);

/// Resolves one root field.
using Resolver = std::function<Outcome(const PlannedField&)>;

/// Runs it and returns the answer, still without `extensions`. A root field that is refused becomes null.
Json execute(const Prepared& prepared, const Resolver& resolver);

/// The number of requested fields, at least 1.
std::int64_t cost_of(const Prepared& prepared);

/// {"message":…,"locations":[…],"customer_facing":false}
Json error_json(std::string_view message, Location where);

} // namespace bearerd::sim
