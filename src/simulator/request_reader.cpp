#include "request_reader.hpp"

namespace bearerd::sim {
namespace {

constexpr std::size_t most_operations = 100;

/// The content of the part `operations` of multipart/form-data, or nothing.
std::optional<std::string> operations_part(std::string_view content_type, std::string_view body) {
    const auto at = content_type.find("boundary=");
    if (at == std::string_view::npos)
        return std::nullopt;
    auto boundary = content_type.substr(at + 9);
    if (boundary.starts_with('"'))
        boundary = boundary.substr(1, boundary.find('"', 1) - 1);
    else
        boundary = boundary.substr(0, boundary.find(';'));
    const std::string delimiter = "--" + std::string(boundary);
    for (auto start = body.find(delimiter); start != std::string_view::npos;) {
        const auto content = body.find("\r\n\r\n", start);
        const auto end = body.find("\r\n" + delimiter, start + delimiter.size());
        if (content == std::string_view::npos || end == std::string_view::npos || content + 4 > end)
            return std::nullopt;
        if (body.substr(start, content - start).find("name=\"operations\"") != std::string_view::npos)
            return std::string(body.substr(content + 4, end - content - 4));
        start = end + 2;
    }
    return std::nullopt;
}

void read_json(std::string_view text, Plan& plan) {
    if (text.starts_with("\xEF\xBB\xBF"))
        text.remove_prefix(3);
    const Json json = Json::parse(text, nullptr, false);
    if (json.is_object()) {
        plan.operations.push_back(prepare(json));
    } else if (json.is_array() && !json.empty() && json.size() <= most_operations) {
        plan.batch = true;
        for (const auto& item : json)
            plan.operations.push_back(prepare(item));
    } else {
        plan.unreadable = "The body is neither a GraphQL request in JSON nor a list of such.";
    }
}

void read_get(const HttpRequest& request, Plan& plan) {
    const auto query = query_parameter(request.target, "query");
    if (!query) {
        plan.unreadable = "Must provide query string.";
        return;
    }
    Json json = {{"query", *query}};
    if (const auto name = query_parameter(request.target, "operationName"))
        json["operationName"] = *name;
    if (const auto variables = query_parameter(request.target, "variables")) {
        const Json parsed = Json::parse(*variables, nullptr, false);
        if (parsed.is_discarded()) {
            plan.unreadable = "Variables are invalid JSON.";
            return;
        }
        json["variables"] = parsed;
    }
    plan.operations.push_back(prepare(json));
    if (plan.operations.front().kind == Operation::Kind::mutation) {
        plan.operations.clear();
        plan.unreadable = "Can only perform a mutation operation from a POST request.";
        plan.status = 405;
    }
}

} // namespace

void read_request(const HttpRequest& request, Plan& plan) {
    if (request.method == "GET") {
        read_get(request, plan);
        return;
    }
    if (request.method != "POST") {
        plan.unreadable = "GraphQL only supports GET and POST requests.";
        plan.status = 405;
        return;
    }
    const auto type = request.header("Content-Type");
    if (type.starts_with("application/graphql") && !type.starts_with("application/graphql-response")) {
        Json json = {{"query", request.body}};
        if (const auto name = query_parameter(request.target, "operationName"))
            json["operationName"] = *name;
        plan.operations.push_back(prepare(json));
    } else if (type.starts_with("multipart/form-data")) {
        if (const auto part = operations_part(type, request.body))
            read_json(*part, plan);
        else
            plan.unreadable = "The multipart body has no part \"operations\".";
    } else {
        read_json(request.body, plan);
    }
}

} // namespace bearerd::sim
