#include "answer.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <string>

namespace bearerd::reconcile {
namespace {

using Json = nlohmann::json;

constexpr int deepest = 64;
constexpr std::size_t longest_found = 1024;

std::string text_of(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// An object at its top, or discarded. Depth is bounded because writing what is found recurses.
Json parse(std::string_view body) {
    bool too_deep = false;
    const auto look = [&too_deep](int depth, Json::parse_event_t, Json&) {
        too_deep = too_deep || depth > deepest;
        return !too_deep;
    };
    Json answer = Json::parse(body, look, false);
    return too_deep || !answer.is_object() ? Json(Json::value_t::discarded) : answer;
}

const Json* member(const Json& object, const std::string& name) {
    const auto found = object.find(name);
    return found == object.end() ? nullptr : &*found;
}

const Json* element(const Json& array, std::string_view index) {
    std::size_t number = 0;
    const auto [stop, failure] = std::from_chars(index.data(), index.data() + index.size(), number);
    const bool leading_zero = index.size() > 1 && index.front() == '0';
    if (failure != std::errc{} || stop != index.data() + index.size() || leading_zero ||
        number >= array.size())
        return nullptr;
    return &array[number];
}

/// One step of a pointer, "~1" and "~0" undone.
std::string take_step(std::string_view& pointer) {
    pointer.remove_prefix(1); // the slash
    const auto end = std::min(pointer.find('/'), pointer.size());
    std::string step;
    for (std::size_t i = 0; i < end; ++i) {
        const bool escape = pointer[i] == '~' && i + 1 < end;
        if (escape)
            ++i;
        step += !escape ? pointer[i] : pointer[i] == '1' ? '/' : '~';
    }
    pointer.remove_prefix(end);
    return step;
}

const Json* look_up(const Json& answer, std::string_view pointer) {
    const Json* at = &answer;
    while (at != nullptr && pointer.starts_with('/')) {
        const std::string step = take_step(pointer);
        if (at->is_object())
            at = member(*at, step);
        else
            at = at->is_array() ? element(*at, step) : nullptr;
    }
    return at;
}

/// A count of 0, an `exists` that is false: these say that there is none.
bool says_something(const Json& value) {
    switch (value.type()) {
    case Json::value_t::object:
    case Json::value_t::string:
        return !(value.is_string() ? value.get_ref<const std::string&>().empty() : value.empty());
    case Json::value_t::boolean:
        return value == true;
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned:
    case Json::value_t::number_float:
        return value != 0;
    default:
        return false;
    }
}

} // namespace

Answer read_answer(std::string_view body, std::string_view pointer) {
    const Json answer = parse(body);
    const Json* const errors = answer.is_object() ? member(answer, "errors") : nullptr;
    const Json* const data = answer.is_object() ? member(answer, "data") : nullptr;
    const bool no_errors = errors == nullptr || errors->is_null() || (errors->is_array() && errors->empty());
    if (data == nullptr || !data->is_object() || !no_errors)
        return {};
    const Json* const found = look_up(answer, pointer);
    if (found == nullptr || !says_something(*found))
        return {Result::not_found, {}};
    std::string text = text_of(*found);
    return {Result::found, text.size() <= longest_found ? std::move(text) : "true"};
}

} // namespace bearerd::reconcile
