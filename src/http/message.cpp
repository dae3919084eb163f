#include <bearerd/http/message.hpp>

#include <algorithm>

namespace bearerd::http {
namespace {

constexpr char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

constexpr bool is_space(char c) noexcept {
    return c == ' ' || c == '\t';
}

std::string_view trim(std::string_view text) noexcept {
    while (!text.empty() && is_space(text.front()))
        text.remove_prefix(1);
    while (!text.empty() && is_space(text.back()))
        text.remove_suffix(1);
    return text;
}

} // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
    return a.size() == b.size() &&
           std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

bool list_has_token(std::string_view list, std::string_view token) noexcept {
    while (!list.empty()) {
        const auto comma = list.find(',');
        const auto element = list.substr(0, comma);
        if (equal_ignoring_case(trim(element.substr(0, element.find(';'))), token))
            return true;
        if (comma == std::string_view::npos)
            return false;
        list.remove_prefix(comma + 1);
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

std::string_view Fields::value(FieldId id) const noexcept {
    const Field* field = find(id);
    return field != nullptr ? field->value : std::string_view{};
}

std::string_view Fields::value(std::string_view name) const noexcept {
    const Field* field = find(name);
    return field != nullptr ? field->value : std::string_view{};
}

bool Fields::has_token(FieldId id, std::string_view token) const noexcept {
    return std::ranges::any_of(
        list, [=](const Field& field) { return field.id == id && list_has_token(field.value, token); });
}

} // namespace bearerd::http
