#include <bearerd/http/kept_head.hpp>

#include <algorithm>
#include <array>

namespace bearerd::http {
namespace {

constexpr std::string_view line_end = "\r\n";
constexpr std::string_view coding_name = "Content-Encoding:";

bool starts_ignoring_case(std::string_view text, std::string_view prefix) noexcept {
    return text.size() >= prefix.size() && equal_ignoring_case(text.substr(0, prefix.size()), prefix);
}

/// Whether the line, a field, belongs to one app's connection or request.
bool is_the_apps(std::string_view line) noexcept {
    constexpr std::array<std::string_view, 7> prefixes{
        "Connection:",     "Keep-Alive:",        "X-Request-Id:",  "Set-Cookie:",
        "Content-Length:", "Transfer-Encoding:", "Access-Control-"};
    return std::ranges::any_of(
        prefixes, [line](std::string_view prefix) { return starts_ignoring_case(line, prefix); });
}

/// Returns the line of the field with its end; empty if there is none.
std::string_view coding_line(std::string_view kept) noexcept {
    for (std::string_view rest = kept; !rest.empty();) {
        const std::string_view line = rest.substr(0, std::min(rest.find(line_end), rest.size() - 2) + 2);
        if (starts_ignoring_case(line, coding_name))
            return line;
        rest.remove_prefix(line.size());
    }
    return {};
}

} // namespace

std::string_view kept_coding(std::string_view kept) noexcept {
    std::string_view line = coding_line(kept);
    if (line.empty())
        return {};
    line.remove_prefix(coding_name.size());
    line.remove_suffix(line_end.size());
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    return line;
}

std::string without_coding(std::string_view kept) {
    const std::string_view line = coding_line(kept);
    std::string rest{kept};
    if (!line.empty())
        rest.erase(static_cast<std::size_t>(line.data() - kept.data()), line.size());
    return rest;
}

std::string head_to_keep(std::string_view head) {
    std::string kept;
    kept.reserve(head.size());
    while (!head.empty()) {
        const std::size_t end = std::min(head.find(line_end), head.size());
        const std::string_view line = head.substr(0, end);
        if (line.empty())
            break;
        if (!is_the_apps(line))
            kept.append(line).append(line_end);
        head.remove_prefix(std::min(end + line_end.size(), head.size()));
    }
    return kept;
}

void append_kept_head(std::string& out, std::string_view kept, const ReplyContext& context,
                      std::string_view extra, std::size_t body_size) {
    constexpr std::string_view no_content = "HTTP/1.1 204";
    out.append(kept).append(extra);
    if (!kept.starts_with(no_content))
        out.append("Content-Length: ").append(std::to_string(body_size)).append("\r\n");
    append_connection(out, context);
}

} // namespace bearerd::http
