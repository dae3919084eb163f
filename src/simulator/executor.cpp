#include "executor.hpp"

#include "planner.hpp"

#include <algorithm>

namespace bearerd::sim {
namespace {

/// The operation that runs, by the specification's GetOperation().
const Operation& choose(const Document& document, const std::string& name) {
    if (name.empty()) {
        if (document.operations.size() == 1)
            return document.operations.front();
        throw Invalid{document.operations.empty()
                          ? "The document holds no operation."
                          : "Must provide operation name if query contains multiple operations.",
                      {}};
    }
    for (const auto& operation : document.operations)
        if (operation.name == name)
            return operation;
    throw Invalid{"Unknown operation named \"" + name + "\".", {}};
}

void plan(const Json& request, Prepared& prepared) {
    const auto text = string_of(member(request, "query"));
    if (!text || text->empty())
        throw Invalid{"Must provide query string.", {}};
    auto read = read_document(*text);
    if (const auto* error = std::get_if<SyntaxError>(&read))
        throw Invalid{error->message, error->where};
    const auto& document = std::get<Document>(read);
    const std::string name = string_of(member(request, "operationName")).value_or("");
    const auto& operation = choose(document, name);
    prepared.kind = operation.kind;
    prepared.name = operation.name;
    if (operation.kind == Operation::Kind::subscription)
        throw Invalid{"Subscriptions are not supported.", operation.where};
    const auto& variables = member(request, "variables");
    if (!variables.is_null() && !variables.is_object())
        throw Invalid{"Variables must be provided as an object.", {}};
    prepared.fields = Planner(document, operation, variables).fields();
}

Json project(const PlannedField& field, const Json& value) {
    if (value.is_array()) {
        Json list = Json::array();
        for (const auto& item : value)
            list.push_back(project(field, item));
        return list;
    }
    if (!value.is_object())
        return value;
    Json object = Json::object();
    for (const auto& child : field.children)
        object[child.key] =
            child.name == "__typename" ? Json(child.type) : project(child, member(value, child.name));
    return object;
}

std::int64_t count(const std::vector<PlannedField>& fields) {
    std::int64_t sum = 0;
    for (const auto& field : fields)
        sum += 1 + count(field.children);
    return sum;
}

} // namespace

Json error_json(std::string_view message, Location where) {
    return {{"message", message},
            {"locations", Json::array({{{"line", where.line}, {"column", where.column}}})},
            {"customer_facing", false}};
}

bool Prepared::has_root(std::string_view root) const {
    return std::any_of(fields.begin(), fields.end(),
                       [root](const PlannedField& field) { return field.name == root; });
}

Prepared prepare(const Json& request) {
    Prepared prepared;
    try {
        plan(request, prepared);
    } catch (const Invalid& invalid) {
        prepared.fields.clear();
        prepared.error = error_json(invalid.message, invalid.where);
    }
    return prepared;
}

Json execute(const Prepared& prepared, const Resolver& resolver) {
    if (!prepared.error.is_null())
        return {{"errors", Json::array({prepared.error})}};
    Json errors = Json::array();
    Json data = Json::object();
    for (const auto& field : prepared.fields) {
        if (field.name == "__typename") {
            data[field.key] = field.type;
            continue;
        }
        const auto outcome = resolver(field);
        if (const auto* refusal = std::get_if<Refusal>(&outcome)) {
            Json error = {
                {"message", refusal->message},
                {"locations", Json::array({{{"line", field.where.line}, {"column", field.where.column}}})}};
            if (!refusal->validation.is_null())
                error["validation"] = refusal->validation;
            error["customer_facing"] = false;
            errors.push_back(std::move(error));
            data[field.key] = nullptr;
        } else {
            data[field.key] = project(field, std::get<Json>(outcome));
        }
    }
    Json answer = Json::object();
    if (!errors.empty())
        answer["errors"] = std::move(errors);
    answer["data"] = std::move(data);
    return answer;
}

std::int64_t cost_of(const Prepared& prepared) {
    return std::max<std::int64_t>(1, count(prepared.fields));
}

} // namespace bearerd::sim
