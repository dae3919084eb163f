#include "media_type.hpp"

#include <bearerd/graphql/text_buffer.hpp>

#include <algorithm>

namespace bearerd::graphql {

bool MediaType::is(std::string_view expected) const noexcept {
    return equal_ignoring_case(essence, expected);
}

bool MediaType::is_utf8() const noexcept {
    return !charset || equal_ignoring_case(*charset, "utf-8") || equal_ignoring_case(*charset, "utf8");
}

std::optional<HeaderParameter> take_parameter(std::string_view& rest) noexcept {
    rest.remove_prefix(1); // the semicolon
    const auto stop = rest.find_first_of(";=");
    HeaderParameter parameter{trim(rest.substr(0, stop)), std::nullopt};
    if (parameter.name.find_first_of(",\"") != std::string_view::npos)
        return std::nullopt;
    if (stop == std::string_view::npos || rest[stop] == ';') {
        rest.remove_prefix(stop == std::string_view::npos ? rest.size() : stop);
        return parameter;
    }
    rest.remove_prefix(stop + 1);
    rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
    if (!rest.starts_with('"')) {
        const auto end = std::min(rest.find(';'), rest.size());
        parameter.value = trim(rest.substr(0, end));
        if (parameter.value->find_first_of(",\"") != std::string_view::npos)
            return std::nullopt;
        rest.remove_prefix(end);
        return parameter;
    }
    const auto close = rest.find_first_of("\"\\", 1);
    if (close == std::string_view::npos || rest[close] == '\\')
        return std::nullopt;
    parameter.value = rest.substr(1, close - 1);
    rest = trim(rest.substr(close + 1));
    if (!rest.empty() && rest.front() != ';')
        return std::nullopt;
    return parameter;
}

namespace {

/// `charset*=` or `boundary*0=` (RFC 2231): some servers take it for the parameter, others pass it over.
bool is_extended(std::string_view name, std::string_view of) noexcept {
    return name.size() > of.size() && name[of.size()] == '*' &&
           equal_ignoring_case(name.substr(0, of.size()), of);
}

} // namespace

std::optional<MediaType> parse_media_type(std::string_view text) noexcept {
    MediaType result;
    std::string_view rest = text;
    const auto semicolon = std::min(rest.find(';'), rest.size());
    result.essence = trim(rest.substr(0, semicolon));
    if (result.essence.find_first_of(",\"") != std::string_view::npos)
        return std::nullopt;
    rest.remove_prefix(semicolon);
    while (!rest.empty()) {
        const auto parameter = take_parameter(rest);
        if (!parameter || is_extended(parameter->name, "charset") || is_extended(parameter->name, "boundary"))
            return std::nullopt;
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
    return result;
}

} // namespace bearerd::graphql
