#pragma once

#include "graphql.hpp"

namespace bearerd::sim {

/// A field of an object type. `type` names the object it holds (or a list of such); empty for a scalar.
struct FieldType {
    std::string_view name;
    std::string_view type;
};

struct RootField {
    std::string_view name;
    Operation::Kind kind;
    std::string_view type;
    std::vector<std::string_view> arguments;
};

/// What the simulator knows about the API's schema. Null for anything else.
const RootField* root_field(Operation::Kind kind, std::string_view name);
const FieldType* field_of(std::string_view type, std::string_view name);
std::string_view root_type(Operation::Kind kind);

} // namespace bearerd::sim
