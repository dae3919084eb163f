#include "planner.hpp"

#include <algorithm>
#include <charconv>

namespace bearerd::sim {
namespace {

// Fragments that spread each other twice grow exponentially.
constexpr int max_steps = 20'000;

std::string quote(std::string_view text) {
    return "\"" + std::string(text) + "\"";
}

Json number_of(const Value& value) {
    if (value.kind == Value::Kind::integer) {
        std::int64_t number = 0;
        const auto* end = value.text.data() + value.text.size();
        if (std::from_chars(value.text.data(), end, number).ptr == end)
            return number;
    }
    return Json::parse(value.text, nullptr, false);
}

} // namespace

Planner::Planner(const Document& document, const Operation& operation, const Json& variables)
    : document_(document), operation_(operation) {
    set_variables(variables);
}

void Planner::set_variables(const Json& given) {
    for (const auto& definition : operation_.variables) {
        const bool set = given.is_object() && given.contains(definition.name);
        const Json& value = member(given, definition.name);
        const bool required = definition.type.ends_with('!');
        if (set && !(required && value.is_null()))
            variables_[definition.name] = value;
        else if (definition.fallback)
            variables_[definition.name] = json_of(*definition.fallback);
        else if (required)
            throw Invalid{"Variable " + quote("$" + definition.name) + " of required type " +
                              quote(definition.type) + " was not provided.",
                          operation_.where};
        else
            variables_[definition.name] = nullptr;
    }
}

Json Planner::json_of(const Value& value) const {
    switch (value.kind) {
    case Value::Kind::null:
        return nullptr;
    case Value::Kind::boolean:
        return value.text == "true";
    case Value::Kind::integer:
    case Value::Kind::number:
        return number_of(value);
    case Value::Kind::string:
    case Value::Kind::enumeration:
        return value.text;
    case Value::Kind::variable: {
        const auto found = variables_.find(value.text);
        if (found == variables_.end())
            throw Invalid{"Variable " + quote("$" + value.text) + " is not defined.", value.where};
        return *found;
    }
    case Value::Kind::list: {
        Json list = Json::array();
        for (const auto& item : value.items)
            list.push_back(json_of(item));
        return list;
    }
    case Value::Kind::object: {
        Json object = Json::object();
        for (std::size_t i = 0; i < value.items.size(); ++i)
            object[value.keys[i]] = json_of(value.items[i]);
        return object;
    }
    }
    return nullptr;
}

Json Planner::arguments_of(const Selection& selection, const RootField& field) const {
    Json arguments = Json::object();
    for (const auto& [key, value] : selection.arguments) {
        if (std::find(field.arguments.begin(), field.arguments.end(), key) == field.arguments.end())
            throw Invalid{"Unknown argument " + quote(key) + " on field " + quote(field.name) + " of type " +
                              quote(root_type(field.kind)) + ".",
                          value.where};
        if (arguments.contains(key))
            throw Invalid{"There can be only one argument named " + quote(key) + ".", value.where};
        arguments[key] = json_of(value);
    }
    return arguments;
}

bool Planner::included(const Selection& selection) const {
    bool in = true;
    for (const auto& directive : selection.directives) {
        if (directive.name != "skip" && directive.name != "include")
            throw Invalid{"Unknown directive " + quote(directive.name) + ".", selection.where};
        if (directive.arguments.size() != 1 || directive.arguments.front().first != "if")
            throw Invalid{"Directive " + quote(directive.name) + " takes the argument \"if\".",
                          selection.where};
        const Json condition = json_of(directive.arguments.front().second);
        if (!condition.is_boolean())
            throw Invalid{"The argument \"if\" is a Boolean.", selection.where};
        in = in && condition.get<bool>() == (directive.name == "include");
    }
    return in;
}

void Planner::add_field(const Selection& selection, std::string_view type, bool root,
                        std::vector<PlannedField>& out) {
    PlannedField field;
    field.key = selection.alias;
    field.name = selection.name;
    field.where = selection.where;
    if (selection.name == "__typename") {
        field.type = type;
    } else if (const auto* known = root ? root_field(operation_.kind, selection.name) : nullptr) {
        field.name = known->name;
        field.type = known->type;
        field.arguments = arguments_of(selection, *known);
    } else if (const auto* inner = root ? nullptr : field_of(type, selection.name)) {
        field.type = inner->type;
        if (!selection.arguments.empty())
            throw Invalid{"Unknown argument " + quote(selection.arguments.front().first) + " on field " +
                              quote(selection.name) + " of type " + quote(type) + ".",
                          selection.where};
    } else {
        throw Invalid{"Cannot query field " + quote(selection.name) + " on type " + quote(type) + ".",
                      selection.where};
    }
    const bool leaf = selection.name == "__typename" || field.type.empty();
    if (leaf && !selection.selections.empty())
        throw Invalid{"Field " + quote(selection.name) + " must not have a selection since it is a scalar.",
                      selection.where};
    if (!leaf && selection.selections.empty())
        throw Invalid{"Field " + quote(selection.name) + " of type " + quote(field.type) +
                          " must have a selection of subfields.",
                      selection.where};
    auto same = std::find_if(out.begin(), out.end(), [&field](const auto& f) { return f.key == field.key; });
    if (same == out.end())
        same = out.insert(out.end(), std::move(field));
    else if (same->name != field.name || same->arguments != field.arguments)
        throw Invalid{"Fields " + quote(field.key) + " conflict because they are different fields.",
                      selection.where};
    const auto inner_type = same->type;
    collect(selection.selections, inner_type, false, same->children);
}

void Planner::add_fragment(const Selection& selection, std::string_view type, bool root,
                           std::vector<PlannedField>& out) {
    const bool named = selection.kind == Selection::Kind::spread;
    const auto found = named ? document_.fragments.find(selection.name) : document_.fragments.end();
    if (named && found == document_.fragments.end())
        throw Invalid{"Unknown fragment " + quote(selection.name) + ".", selection.where};
    const std::string& condition = named ? found->second.type : selection.type;
    if (!condition.empty() && condition != type)
        throw Invalid{"Fragment on type " + quote(condition) + " cannot be spread on type " + quote(type) +
                          ".",
                      selection.where};
    if (!named) {
        collect(selection.selections, type, root, out);
        return;
    }
    if (std::find(open_fragments_.begin(), open_fragments_.end(), selection.name) != open_fragments_.end())
        throw Invalid{"Cannot spread fragment " + quote(selection.name) + " within itself.", selection.where};
    open_fragments_.push_back(selection.name);
    collect(found->second.selections, type, root, out);
    open_fragments_.pop_back();
}

void Planner::collect(const std::vector<Selection>& selections, std::string_view type, bool root,
                      std::vector<PlannedField>& out) {
    for (const auto& selection : selections) {
        if (++steps_ > max_steps)
            throw Invalid{"The query is too complex.", selection.where};
        if (!included(selection))
            continue;
        if (selection.kind == Selection::Kind::field)
            add_field(selection, type, root, out);
        else
            add_fragment(selection, type, root, out);
    }
}

std::vector<PlannedField> Planner::fields() {
    std::vector<PlannedField> out;
    collect(operation_.selections, root_type(operation_.kind), true, out);
    return out;
}

} // namespace bearerd::sim
