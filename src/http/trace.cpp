#include <bearerd/http/trace.hpp>

#include <algorithm>
#include <optional>

namespace bearerd::http {
namespace {

constexpr std::size_t version_digits = 2;
constexpr std::size_t trace_id_digits = 32;
constexpr std::size_t parent_id_digits = 16;
constexpr std::size_t flag_digits = 2;

/// Takes this many lower-case hexadecimal digits off the front of `text`, if it begins with them.
std::optional<std::string_view> take_hex(std::string_view& text, std::size_t digits) noexcept {
    const std::string_view taken = text.substr(0, digits);
    const auto is_hex = [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); };
    if (taken.size() != digits || !std::ranges::all_of(taken, is_hex))
        return std::nullopt;
    text.remove_prefix(digits);
    return taken;
}

bool take_dash(std::string_view& text) noexcept {
    if (!text.starts_with('-'))
        return false;
    text.remove_prefix(1);
    return true;
}

bool is_all_zero(std::string_view digits) noexcept {
    return digits.find_first_not_of('0') == std::string_view::npos;
}

/// Format: version "-" trace-id "-" parent-id "-" trace-flags; a later version may add "-" and anything.
std::string_view trace_id_of(std::string_view text) noexcept {
    const auto version = take_hex(text, version_digits);
    if (!version || *version == "ff" || !take_dash(text))
        return {};
    const auto id = take_hex(text, trace_id_digits);
    if (!id || is_all_zero(*id) || !take_dash(text))
        return {};
    const auto parent = take_hex(text, parent_id_digits);
    if (!parent || is_all_zero(*parent) || !take_dash(text) || !take_hex(text, flag_digits))
        return {};
    const bool ends_well = text.empty() || (*version != "00" && text.starts_with('-'));
    return ends_well ? *id : std::string_view{};
}

} // namespace

std::string_view trace_id(const Fields& fields) noexcept {
    const auto parent = fields.only("traceparent");
    return parent ? trace_id_of(*parent) : std::string_view{};
}

} // namespace bearerd::http
