#include <bearerd/http/stream_start.hpp>

#include <bearerd/base/ascii.hpp>
#include <bearerd/base/utf8.hpp>
#include <bearerd/http/coding.hpp>

#include <algorithm>
#include <optional>

namespace bearerd::http {
namespace {

/// Takes one line off the front of `rest`. Returns nullopt, and takes nothing, if the line's end has not
/// arrived. A lone CR ends a line too, as in an event stream.
std::optional<std::string_view> take_stream_line(std::string_view& rest) {
    const std::size_t end = rest.find_first_of("\r\n");
    if (end == std::string_view::npos)
        return std::nullopt;
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + (rest.substr(end, 2) == "\r\n" ? 2 : 1));
    return line;
}

constexpr std::size_t most_unpacked = 64 * 1024; // of the held part of a stream

std::string_view without_line_end(std::string_view text) {
    return trim(text.ends_with('\r') ? text.substr(0, text.size() - 1) : text);
}

/// Appends what a line of an event adds to its data. Comments and other fields add nothing.
void append_event_data(std::string& data, std::string_view line) {
    if (!line.starts_with("data"))
        return;
    line.remove_prefix(4);
    if (!line.empty() && line.front() != ':')
        return;
    if (!line.empty())
        line.remove_prefix(line.starts_with(": ") ? 2 : 1);
    if (!data.empty())
        data += '\n';
    data += line;
}

StreamStart first_event(std::string_view body) {
    StreamStart start;
    body = without_bom(body);
    while (const auto line = take_stream_line(body)) {
        if (!line->empty())
            append_event_data(start.text, *line);
        else if (!start.text.empty()) { // an event without data is not dispatched
            start.whole = true;
            start.rest = body;
            return start;
        }
    }
    append_event_data(start.text, body);
    return start;
}

/// Returns "-" if the parameter is missing; GraphQL servers use it too.
std::string_view boundary_of(std::string_view content_type) {
    while (true) {
        const std::size_t semicolon = content_type.find(';');
        if (semicolon == std::string_view::npos)
            return "-";
        content_type.remove_prefix(semicolon + 1);
        const std::string_view parameter = trim(content_type);
        const std::size_t equals = parameter.find('=');
        if (equals == std::string_view::npos ||
            !equal_ignoring_case(trim(parameter.substr(0, equals)), "boundary"))
            continue;
        const std::string_view value = trim(parameter.substr(equals + 1));
        if (value.starts_with('"'))
            return value.substr(1, value.find('"', 1) - 1);
        return trim(value.substr(0, value.find(';')));
    }
}

StreamStart first_part(std::string_view boundary, std::string_view body) {
    StreamStart start;
    const std::string delimiter = "--" + std::string{boundary};
    const std::size_t begin = body.find(delimiter); // the bytes before it are a preamble
    if (begin == std::string_view::npos)
        return start;
    body.remove_prefix(begin + delimiter.size());
    static_cast<void>(take_stream_line(body)); // the rest of the delimiter's line
    while (const auto field = take_stream_line(body)) {
        if (!field->empty())
            continue;
        const std::size_t end = body.find("\n" + delimiter);
        start.whole = end != std::string_view::npos;
        start.text = without_line_end(body.substr(0, end));
        if (start.whole)
            start.rest = body.substr(end);
        break;
    }
    return start;
}

/// Returns the first non-empty line. A record of application/json-seq begins with RS.
StreamStart first_line(std::string_view body) {
    constexpr std::string_view before = "\x1e\r\n\t ";
    StreamStart start;
    body.remove_prefix(std::min(body.find_first_not_of(before), body.size()));
    const std::size_t end = body.find_first_of("\n\x1e");
    start.whole = end != std::string_view::npos;
    start.text = without_line_end(body.substr(0, end));
    if (start.whole)
        start.rest = body.substr(end);
    return start;
}

} // namespace

StreamStart stream_start(std::string_view content_type, std::string_view body) {
    const auto type = trim(content_type.substr(0, content_type.find(';')));
    if (equal_ignoring_case(type, "text/event-stream"))
        return first_event(body);
    if (equal_ignoring_case(type.substr(0, type.find('/')), "multipart"))
        return first_part(boundary_of(content_type), body);
    return first_line(body);
}

std::optional<StreamStart> stream_start(const Fields& fields, std::string_view body, std::string& scratch) {
    const auto decoded = decoded_beginning(fields.combined(FieldId::content_encoding),
                                           body.substr(0, most_of_stream_start), scratch, most_unpacked);
    if (!decoded)
        return std::nullopt;
    return stream_start(fields.value(FieldId::content_type), *decoded);
}

} // namespace bearerd::http
