#include "media_type.hpp"

#include <bearerd/json/text_buffer.hpp>

#include <algorithm>

namespace bearerd::graphql {

bool MediaType::is(std::string_view expected) const noexcept {
    return equal_ignoring_case(essence, expected);
}

bool MediaType::is_utf8() const noexcept {
    return !charset || equal_ignoring_case(*charset, "utf-8") || equal_ignoring_case(*charset, "utf8");
}

namespace {

/// Accepts only characters that stand for themselves everywhere. No apostrophe: to PHP it is a quote.
bool is_plain_token(std::string_view text) noexcept {
    const auto plain = [](char c) {
        return is_letter(c) || is_digit(c) ||
               std::string_view{"!#$&+-.^_`|~*"}.find(c) != std::string_view::npos;
    };
    return !text.empty() && std::ranges::all_of(text, plain);
}

/// Accepts no semicolons, because some servers split there first, and no control characters.
bool is_plain_quoted(std::string_view text) noexcept {
    return std::ranges::none_of(text, [](char c) { return c == ';' || is_control(c); });
}

std::size_t times_in(std::string_view text, std::string_view word) noexcept {
    const auto same = [](char a, char b) { return to_lower(a) == to_lower(b); };
    std::size_t times = 0;
    for (auto at = text.begin();; ++times) {
        at = std::search(at, text.end(), word.begin(), word.end(), same);
        if (at == text.end())
            return times;
        at += static_cast<std::ptrdiff_t>(word.size());
    }
}

} // namespace

std::optional<HeaderParameter> take_parameter(std::string_view& rest) noexcept {
    rest.remove_prefix(1); // the semicolon
    const auto stop = rest.find_first_of(";=");
    const std::string_view before = rest.substr(0, stop);
    HeaderParameter parameter{trim(before), std::nullopt};
    if (parameter.name.find_first_of(",\"") != std::string_view::npos)
        return std::nullopt;
    if (stop == std::string_view::npos || rest[stop] == ';') {
        rest.remove_prefix(stop == std::string_view::npos ? rest.size() : stop);
        return parameter;
    }
    rest.remove_prefix(stop + 1);
    const std::size_t blanks = std::min(rest.find_first_not_of(" \t"), rest.size());
    const bool plain_name = is_plain_token(parameter.name) && before.ends_with(parameter.name) && blanks == 0;
    rest.remove_prefix(blanks);
    if (!rest.starts_with('"')) {
        const auto end = std::min(rest.find(';'), rest.size());
        parameter.value = trim(rest.substr(0, end));
        if (parameter.value->find_first_of(",\"") != std::string_view::npos)
            return std::nullopt;
        parameter.plain = plain_name && is_plain_token(*parameter.value);
        rest.remove_prefix(end);
        return parameter;
    }
    const auto close = rest.find_first_of("\"\\", 1);
    if (close == std::string_view::npos || rest[close] == '\\')
        return std::nullopt;
    parameter.value = rest.substr(1, close - 1);
    parameter.plain = plain_name && is_plain_quoted(*parameter.value);
    rest = trim(rest.substr(close + 1));
    if (!rest.empty() && rest.front() != ';')
        return std::nullopt;
    return parameter;
}

namespace {

/// `charset*=` or `boundary*0=` (RFC 2231): some servers take it for the parameter, others skip it.
bool is_extended(std::string_view name, std::string_view of) noexcept {
    return name.size() > of.size() && name[of.size()] == '*' &&
           equal_ignoring_case(name.substr(0, of.size()), of);
}

/// Whether one of the words is in the text but is not a parameter's name: it is part of another name, or of a
/// value. Browsers put "Boundary" into the boundary itself. All servers can read that only after a lower-case
/// name, which is what PHP searches for first.
bool hides(const MediaType& type, std::string_view text) noexcept {
    constexpr std::string_view word = "boundary";
    const std::size_t within = times_in(type.boundary.value_or(""), word);
    if (times_in(text, word) != within + (type.boundary ? 1U : 0U))
        return true;
    if (within != 0 && text.find(word) >= static_cast<std::size_t>(type.boundary->data() - text.data()))
        return true;
    return times_in(text, "charset") > 1 || (!type.charset && times_in(text, "charset=") != 0);
}

} // namespace

std::optional<MediaType> parse_media_type(std::string_view text) noexcept {
    MediaType result;
    std::string_view rest = text;
    const auto semicolon = std::min(rest.find(';'), rest.size());
    result.essence = trim(rest.substr(0, semicolon));
    if (result.essence.find_first_of(",\" \t") != std::string_view::npos)
        return std::nullopt;
    rest.remove_prefix(semicolon);
    while (!rest.empty()) {
        const auto parameter = take_parameter(rest);
        if (!parameter || is_extended(parameter->name, "charset") || is_extended(parameter->name, "boundary"))
            return std::nullopt;
        result.plain = result.plain && parameter->plain;
        std::optional<std::string_view>* known = nullptr;
        if (equal_ignoring_case(parameter->name, "charset"))
            known = &result.charset;
        else if (equal_ignoring_case(parameter->name, "boundary"))
            known = &result.boundary;
        if (known == nullptr || !parameter->value)
            continue;
        if (known->has_value())
            return std::nullopt;
        *known = parameter->value;
    }
    return !hides(result, text) ? std::optional{result} : std::nullopt;
}

} // namespace bearerd::graphql
