#include "value.hpp"

#include <limits>

namespace bearerd::sim {

const Json& member(const Json& object, std::string_view key) {
    static const Json none;
    if (!object.is_object())
        return none;
    const auto found = object.find(std::string(key));
    return found == object.end() ? none : *found;
}

std::optional<std::string> string_of(const Json& value) {
    if (const auto* text = value.get_ptr<const std::string*>())
        return *text;
    return std::nullopt;
}

std::optional<std::int64_t> integer_of(const Json& value) {
    if (const auto* number = value.get_ptr<const Json::number_unsigned_t*>();
        number != nullptr && value.is_number_unsigned()) {
        if (*number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
            return std::nullopt;
        return static_cast<std::int64_t>(*number);
    }
    if (value.is_number_integer())
        return value.get<std::int64_t>();
    return std::nullopt;
}

bool is_true(const Json& value) {
    return value.is_boolean() && value.get<bool>();
}

bool is_blank(const Json& value) {
    return value.is_null() || (value.is_string() && value.get_ref<const std::string&>().empty());
}

std::string masked(std::string_view card_reference) {
    const auto shown = std::min<std::size_t>(4, card_reference.size() / 2);
    return std::string(card_reference.size() - shown, '*') +
           std::string(card_reference.substr(card_reference.size() - shown));
}

} // namespace bearerd::sim
