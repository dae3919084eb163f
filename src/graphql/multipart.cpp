#include "multipart.hpp"

#include <bearerd/base/hex.hpp>
#include <bearerd/json/text_buffer.hpp>

#include "media_type.hpp"
#include "parameters.hpp"

#include <algorithm>
#include <string>

namespace bearerd::graphql {
namespace {

struct Part {
    std::string_view name;
    bool is_file = false;
    std::string_view content;
};

/// Whether every server reads a field's name the same way: printable ASCII, without quotes, escapes, or the
/// start of an encoded word.
bool is_plain_name(std::string_view name) noexcept {
    return std::ranges::all_of(name, [](char c) { return c >= ' ' && c < '\x7f'; }) &&
           name.find_first_of("'\"\\%") == std::string_view::npos &&
           name.find("=?") == std::string_view::npos;
}

/// Whether the character stands for itself in the value of `filename*`: RFC 5987's attr-char.
bool is_attribute_character(char c) noexcept {
    return is_letter(c) || is_digit(c) || std::string_view{"!#$&+-.^_`|~"}.find(c) != std::string_view::npos;
}

/// Whether the escaped character can't end a value or a header for a reader that decodes too early.
bool is_harmless_escape(std::string_view digits) noexcept {
    constexpr std::string_view separators = "\"'\\;=:%";
    const int value = hex_byte(digits);
    return value >= 0x20 && value != 0x7f &&
           separators.find(static_cast<char>(value)) == std::string_view::npos;
}

/// `filename*=utf-8''a%20b.png`, which .NET sends with each `filename`. PHP takes its two apostrophes for an
/// empty pair of quotes; all other characters stand for themselves, so every reader finds the same end, and
/// none takes it for `name`.
bool is_plain_extended(const HeaderParameter& parameter) noexcept {
    constexpr std::string_view prefix = "utf-8''";
    std::string_view value = *parameter.value;
    const bool adjoins =
        parameter.name.data() + parameter.name.size() + 1 == value.data(); // no quote or blank
    if (!adjoins || !equal_ignoring_case(value.substr(0, prefix.size()), prefix))
        return false;
    value.remove_prefix(prefix.size());
    while (!value.empty()) {
        const bool escape = value.front() == '%';
        if (!(escape ? is_harmless_escape(value.substr(1)) : is_attribute_character(value.front())))
            return false;
        value.remove_prefix(escape ? 3 : 1);
    }
    return true;
}

/// Reads `form-data; name="operations"; filename="x"`. Together with `filename`, `filename*` changes nothing;
/// alone, it makes a file for some readers and a field for others.
bool read_disposition(std::string_view value, Part& part) {
    const auto semicolon = value.find(';');
    if (semicolon == std::string_view::npos ||
        !equal_ignoring_case(trim(value.substr(0, semicolon)), "form-data"))
        return false;
    value.remove_prefix(semicolon);
    bool named = false;
    bool extended = false;
    while (!value.empty()) {
        const auto parameter = take_parameter(value);
        if (!parameter || !parameter->value)
            return false;
        const bool is_extended = equal_ignoring_case(parameter->name, "filename*");
        if (is_extended ? extended || !is_plain_extended(*parameter) : !parameter->plain)
            return false;
        if (is_extended) {
            extended = true;
        } else if (equal_ignoring_case(parameter->name, "name")) {
            if (named || !is_plain_name(*parameter->value))
                return false;
            named = true;
            part.name = *parameter->value;
        } else if (equal_ignoring_case(parameter->name, "filename")) {
            if (part.is_file)
                return false;
            part.is_file = true;
        } else {
            return false; // including "name*" and "filename*0"
        }
    }
    return named && (part.is_file || !extended);
}

bool has_control(std::string_view line) noexcept {
    return std::ranges::any_of(
        line, [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == '\x7f'; });
}

/// Whether the encoding leaves the content unchanged.
bool is_identity(std::string_view encoding) noexcept {
    return equal_ignoring_case(encoding, "binary") || equal_ignoring_case(encoding, "8bit") ||
           equal_ignoring_case(encoding, "7bit");
}

bool read_type(std::string_view value, const Part& part) {
    const auto type = parse_media_type(value);
    constexpr std::string_view nested = "multipart/"; // some servers read its parts too
    if (equal_ignoring_case(value.substr(0, nested.size()), nested))
        return false;
    return part.is_file || (type && type->is_utf8());
}

bool read_header(std::string_view line, Part& part, bool& disposed) {
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || has_control(line))
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
    if (equal_ignoring_case(name, "content-type"))
        return read_type(value, part);
    return !equal_ignoring_case(name, "content-transfer-encoding") || (part.is_file && is_identity(value));
}

/// Reads the text between two delimiters: after the line end of the first, to the line end before the second.
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

/// Keeps the `operations` field. Returns false if the part makes the upload ambiguous.
bool collect(const Part& part, std::optional<std::string_view>& operations) {
    const std::string_view base = base_name(part.name);
    if (may_select(part.name) || equal_ignoring_case(base, "variables") ||
        equal_ignoring_case(base, "_charset_"))
        return false;
    if (!equal_ignoring_case(base, "operations"))
        return true;
    if (part.name != "operations" || part.is_file || operations)
        return false;
    operations = part.content;
    return true;
}

/// Accepts characters that no server takes for a quote, a blank or the boundary's end: those of RFC 2046
/// without apostrophe, comma and blank.
bool is_valid_boundary(std::string_view boundary) noexcept {
    constexpr std::string_view others = "+-._=/:?()";
    constexpr std::size_t longest = 70;
    const auto valid = [others](char c) {
        return is_letter(c) || is_digit(c) || others.find(c) != std::string_view::npos;
    };
    return !boundary.empty() && boundary.size() <= longest && std::ranges::all_of(boundary, valid);
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
