#include "lookup_request.hpp"

#include <nlohmann/json.hpp>

namespace bearerd::reconcile {
namespace {

using Json = nlohmann::json;

} // namespace

std::string json_string(std::string_view text) {
    return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::pair<std::string, std::string> body_around_key(std::string_view query) {
    return {R"({"query":)" + json_string(query) + R"(,"variables":{"key":)", "}}"};
}

} // namespace bearerd::reconcile
