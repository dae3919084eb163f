#include "parameters.hpp"

#include <bearerd/base/hex.hpp>

#include <algorithm>
#include <utility>

namespace bearerd::graphql {
namespace {

std::optional<std::string_view> percent_decode(std::string_view text, json::TextBuffer& buffer) {
    char* const begin = buffer.room(text.size());
    char* out = begin;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            *out++ = text[i] == '+' ? ' ' : text[i];
            continue;
        }
        const int byte = hex_byte(text.substr(i + 1));
        if (byte < 0)
            return std::nullopt;
        *out++ = static_cast<char>(byte);
        i += 2;
    }
    return std::string_view{begin, static_cast<std::size_t>(out - begin)};
}

/// Takes one `name=value` off the front of `rest`.
std::pair<std::string_view, std::string_view> take_pair(std::string_view& rest) noexcept {
    const auto end = std::min(rest.find('&'), rest.size());
    const std::string_view pair = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const auto equals = pair.find('=');
    if (equals == std::string_view::npos)
        return {pair, {}};
    return {pair.substr(0, equals), pair.substr(equals + 1)};
}

} // namespace

std::string_view base_name(std::string_view name) noexcept {
    const auto is_blank = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
    while (!name.empty() && is_blank(name.front()))
        name.remove_prefix(1);
    const auto ends = [](char c) { return c == '[' || c == '\0'; };
    name = name.substr(0, static_cast<std::size_t>(std::ranges::find_if(name, ends) - name.begin()));
    while (!name.empty() && is_blank(name.back()))
        name.remove_suffix(1);
    return name;
}

bool names_stored_document(std::string_view name) noexcept {
    const char first = name.empty() ? '\0' : to_lower(name.front());
    if (first != 'd' && first != 'q' && first != 'i')
        return false;
    for (const std::string_view known :
         {"documentId", "document_id", "doc_id", "docId", "queryId", "query_id", "id"})
        if (equal_ignoring_case(name, known))
            return true;
    return false;
}

bool may_select(std::string_view name) noexcept {
    const std::string_view base = base_name(name);
    return equal_ignoring_case(base, "query") || equal_ignoring_case(base, "operationName") ||
           names_stored_document(base);
}

bool may_give_variables(std::string_view query_string) {
    constexpr std::string_view word = "variables";
    const auto same = [](char a, char b) { return to_lower(a) == to_lower(b); };
    if (query_string.find(';') != std::string_view::npos) // some servers split there, too
        return true;
    json::TextBuffer buffer;
    while (!query_string.empty()) {
        const auto name = percent_decode(take_pair(query_string).first, buffer);
        if (!name || name->find('%') != std::string_view::npos || // some decode twice
            std::search(name->begin(), name->end(), word.begin(), word.end(), same) != name->end())
            return true;
    }
    return false;
}

std::optional<QueryParameters> read_parameters(std::string_view query_string, ParameterBuffers& buffers) {
    QueryParameters result;
    if (query_string.find(';') != std::string_view::npos)
        return std::nullopt;
    while (!query_string.empty()) {
        const auto [encoded_name, encoded_value] = take_pair(query_string);
        const auto name = percent_decode(encoded_name, buffers.name);
        if (!name)
            return std::nullopt;
        if (!may_select(*name))
            continue;
        const bool is_query = *name == "query";
        if (!is_query && *name != "operationName")
            return std::nullopt;
        std::optional<std::string_view>& known = is_query ? result.query : result.operation_name;
        if (known)
            return std::nullopt;
        known = percent_decode(encoded_value, is_query ? buffers.query : buffers.operation_name);
        if (!known)
            return std::nullopt;
    }
    return result;
}

} // namespace bearerd::graphql
