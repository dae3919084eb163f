#include <bearerd/http/message.hpp>

#include <algorithm>

namespace bearerd::http {
bool list_has_token(std::string_view list, std::string_view token) noexcept {
    while (!list.empty()) {
        auto element = take_until(list, ',');
        if (equal_ignoring_case(trim(take_until(element, ';')), token))
            return true;
    }
    return false;
}

const Field* Fields::find(FieldId id) const noexcept {
    const auto found = std::ranges::find(list, id, &Field::id);
    return found == list.end() ? nullptr : &*found;
}

const Field* Fields::find(std::string_view name) const noexcept {
    const auto found = std::ranges::find_if(
        list, [name](const Field& field) { return equal_ignoring_case(field.name, name); });
    return found == list.end() ? nullptr : &*found;
}

std::size_t Fields::count(FieldId id) const noexcept {
    return static_cast<std::size_t>(std::ranges::count(list, id, &Field::id));
}

std::optional<std::string_view> Fields::only(std::string_view name, bool* repeated) const noexcept {
    std::optional<std::string_view> value;
    for (const Field& field : list) {
        if (!equal_ignoring_case(field.name, name))
            continue;
        if (value) {
            if (repeated != nullptr)
                *repeated = true;
            return std::nullopt;
        }
        value = field.value;
    }
    return value;
}

std::string_view Fields::value(FieldId id) const noexcept {
    const Field* field = find(id);
    return field != nullptr ? field->value : std::string_view{};
}

std::string_view Fields::value(std::string_view name) const noexcept {
    const Field* field = find(name);
    return field != nullptr ? field->value : std::string_view{};
}

std::string Fields::combined(FieldId id) const {
    std::string all;
    for (const Field& field : list) {
        if (field.id != id)
            continue;
        if (!all.empty())
            all += ',';
        all += field.value;
    }
    return all;
}

bool Fields::has_token(FieldId id, std::string_view token) const noexcept {
    return std::ranges::any_of(
        list, [=](const Field& field) { return field.id == id && list_has_token(field.value, token); });
}

} // namespace bearerd::http
