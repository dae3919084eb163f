#pragma once

#include "executor.hpp"

namespace bearerd::sim {

/// Thrown to `prepare` at the first fault of a document.
struct Invalid {
    std::string message;
    Location where;
};

/// Turns the selections of an operation into planned fields.
class Planner {
public:
    Planner(const Document& document, const Operation& operation, const Json& variables);

    std::vector<PlannedField> fields();

private:
    void set_variables(const Json& given);
    void collect(const std::vector<Selection>& selections, std::string_view type, bool root,
                 std::vector<PlannedField>& out);
    void add_field(const Selection& selection, std::string_view type, bool root,
                   std::vector<PlannedField>& out);
    void add_fragment(const Selection& selection, std::string_view type, bool root,
                      std::vector<PlannedField>& out);
    bool included(const Selection& selection) const;
    Json arguments_of(const Selection& selection, const RootField& field) const;
    Json json_of(const Value& value) const;

    const Document& document_;
    const Operation& operation_;
    Json variables_ = Json::object();
    std::vector<std::string_view> open_fragments_;
    int steps_ = 0;
};

} // namespace bearerd::sim
