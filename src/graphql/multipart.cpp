#include "multipart.hpp"

#include <bearerd/graphql/text_buffer.hpp>

#include "media_type.hpp"
#include "parameters.hpp"

#include <string>

namespace bearerd::graphql {
namespace {

struct Part {
    std::string_view name;
    bool is_file = false;
    std::string_view content;
};

/// `form-data; name="operations"; filename="x"`.
bool read_disposition(std::string_view value, Part& part) {
    const auto semicolon = value.find(';');
    if (semicolon == std::string_view::npos ||
        !equal_ignoring_case(trim(value.substr(0, semicolon)), "form-data"))
        return false;
    value.remove_prefix(semicolon);
    bool named = false;
    while (!value.empty()) {
        const auto parameter = take_parameter(value);
        if (!parameter || !parameter->value)
            return false;
        if (equal_ignoring_case(parameter->name, "name")) {
            if (named)
                return false;
            named = true;
            part.name = *parameter->value;
        } else if (equal_ignoring_case(parameter->name, "filename") ||
                   equal_ignoring_case(parameter->name, "filename*")) {
            part.is_file = true;
        } else {
            return false; // "name*" among them
        }
    }
    return named;
}

bool read_header(std::string_view line, Part& part, bool& disposed) {
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || line.find_first_of("\r\n") != std::string_view::npos)
        return false;
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = trim(line.substr(colon + 1));
    if (name.find_first_of(" \t") != std::string_view::npos) // folded, or not a header
        return false;
    if (equal_ignoring_case(name, "content-disposition")) {
        if (disposed)
            return false;
        disposed = true;
        return read_disposition(value, part);
    }
    if (equal_ignoring_case(name, "content-type")) {
        const auto type = parse_media_type(value);
        return part.is_file || (type && type->is_utf8());
    }
    return !equal_ignoring_case(name, "content-transfer-encoding") || part.is_file;
}

/// What stands between two delimiters, from behind the line end of the first to the line end before the
/// second.
std::optional<Part> read_part(std::string_view text) {
    constexpr std::string_view line_end = "\r\n";
    Part part;
    bool disposed = false;
    while (!text.starts_with(line_end)) {
        const auto end = text.find(line_end);
        if (end == std::string_view::npos || !read_header(text.substr(0, end), part, disposed))
            return std::nullopt;
        text.remove_prefix(end + line_end.size());
    }
    part.content = text.substr(line_end.size());
    return disposed ? std::optional{part} : std::nullopt;
}

/// Keeps the `operations` field; false where the part makes the upload ambiguous.
bool collect(const Part& part, std::optional<std::string_view>& operations) {
    if (may_select(part.name))
        return false;
    if (!equal_ignoring_case(base_name(part.name), "operations"))
        return true;
    if (part.name != "operations" || part.is_file || operations)
        return false;
    operations = part.content;
    return true;
}

bool is_valid_boundary(std::string_view boundary) noexcept {
    return !boundary.empty() && boundary.size() <= 70 && boundary.back() != ' ' &&
           boundary.find_first_of("\r\n") == std::string_view::npos;
}

} // namespace

std::optional<std::string_view> multipart_operations(std::string_view body, std::string_view boundary) {
    if (!is_valid_boundary(boundary))
        return std::nullopt;
    const std::string delimiter = "--" + std::string{boundary};
    if (!body.starts_with(delimiter))
        return std::nullopt;
    std::optional<std::string_view> operations;
    for (;;) {
        body.remove_prefix(delimiter.size());
        if (body == "--" || body == "--\r\n")
            return operations;
        if (!body.starts_with("\r\n"))
            return std::nullopt;
        body.remove_prefix(2);
        const auto next = body.find(delimiter);
        if (next == std::string_view::npos || next < 2 || body.substr(next - 2, 2) != "\r\n")
            return std::nullopt;
        const auto part = read_part(body.substr(0, next - 2));
        if (!part || !collect(*part, operations))
            return std::nullopt;
        body.remove_prefix(next);
    }
}

} // namespace bearerd::graphql
