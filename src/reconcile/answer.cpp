#include "answer.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace bearerd::reconcile {
namespace {

using Json = nlohmann::json;

constexpr std::size_t deepest = 64;
constexpr std::size_t longest_found = 1024;

/// Builds the answer, but keeps each number that nlohmann would make a double as its text (`binary`, which no
/// JSON text has). Discards what is deeper than the bound.
class Builder final : public nlohmann::json_sax<Json> {
public:
    bool null() override { return put(Json{}); }

    bool boolean(bool value) override { return put(Json(value)); }

    bool number_integer(number_integer_t value) override { return put(Json(value)); }

    bool number_unsigned(number_unsigned_t value) override { return put(Json(value)); }

    bool number_float(number_float_t /*value*/, const string_t& text) override {
        return put(Json::binary({text.begin(), text.end()}));
    }

    bool string(string_t& value) override { return put(Json(std::move(value))); }

    bool binary(binary_t& /*value*/) override { return false; }

    bool start_object(std::size_t /*size*/) override { return open(Json::object()); }

    bool key(string_t& name) override {
        key_ = std::move(name);
        return true;
    }

    bool end_object() override { return close(); }

    bool start_array(std::size_t /*size*/) override { return open(Json::array()); }

    bool end_array() override { return close(); }

    bool parse_error(std::size_t /*at*/, const std::string& /*token*/,
                     const nlohmann::detail::exception& /*error*/) override {
        return false;
    }

    [[nodiscard]] Json& root() noexcept { return root_; }

private:
    Json* place(Json value) {
        if (within_.empty())
            return &(root_ = std::move(value));
        Json& parent = *within_.back();
        if (parent.is_object())
            return &(parent[key_] = std::move(value));
        parent.push_back(std::move(value));
        return &parent.back();
    }

    bool put(Json value) {
        place(std::move(value));
        return true;
    }

    bool open(Json value) {
        if (within_.size() > deepest)
            return false;
        within_.push_back(place(std::move(value)));
        return true;
    }

    bool close() {
        within_.pop_back();
        return true;
    }

    Json root_;
    std::vector<Json*> within_;
    std::string key_;
};

std::string number_of(const Json& json) {
    const auto& text = json.get_binary();
    return {text.begin(), text.end()};
}

void append_text(std::string& out, const Json& json) { // NOLINT(misc-no-recursion): bounded by deepest
    std::string_view between;
    if (json.is_binary()) {
        out += number_of(json);
    } else if (json.is_object()) {
        out += '{';
        for (const auto& [key, value] : json.items()) {
            out.append(between).append(Json(key).dump(-1, ' ', false, Json::error_handler_t::replace)) += ':';
            append_text(out, value);
            between = ",";
        }
        out += '}';
    } else if (json.is_array()) {
        out += '[';
        for (const Json& value : json) {
            out += between;
            append_text(out, value);
            between = ",";
        }
        out += ']';
    } else {
        out += json.dump(-1, ' ', false, Json::error_handler_t::replace);
    }
}

std::string text_of(const Json& json) {
    std::string text;
    append_text(text, json);
    return text;
}

/// An object at its top, or discarded. Depth is bounded because writing what is found recurses.
Json parse(std::string_view body) {
    Builder builder;
    const bool whole = Json::sax_parse(body, &builder);
    return whole && builder.root().is_object() ? std::move(builder.root()) : Json(Json::value_t::discarded);
}

const Json* member(const Json& object, const std::string& name) {
    const auto found = object.find(name);
    return found == object.end() ? nullptr : &*found;
}

/// Returns nullptr if the pointer leads nowhere.
const Json* look_up(const Json& answer, std::string_view pointer) {
    try {
        return &answer.at(Json::json_pointer{std::string{pointer}});
    } catch (const Json::exception&) {
        return nullptr;
    }
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
        return value != 0;
    case Json::value_t::binary: { // a number, kept as its text
        const std::string text = number_of(value);
        return std::string_view{text}.substr(0, text.find_first_of("eE")).find_first_of("123456789") !=
               std::string_view::npos;
    }
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
        return {Finding::not_found, {}};
    std::string text = text_of(*found);
    return {Finding::found, text.size() <= longest_found ? std::move(text) : "true"};
}

} // namespace bearerd::reconcile
