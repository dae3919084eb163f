#include <bearerd/http/framing.hpp>

#include <bearerd/base/ascii.hpp>

#include <algorithm>

namespace bearerd::http {
namespace {

constexpr int most_empty_lines = 8;

/// What the fields say about a message's length, collected in one pass.
struct Framing {
    std::size_t hosts = 0;
    std::size_t lengths = 0;
    std::size_t encodings = 0;
    std::size_t connection_options = 0;
    std::string_view length; ///< the first one
    std::string_view encoding;
};

Framing framing_of(const Fields& fields) noexcept {
    Framing framing;
    for (const Field& field : fields.list) {
        switch (field.id) {
        case FieldId::host:
            ++framing.hosts;
            break;
        case FieldId::content_length:
            if (framing.lengths++ == 0)
                framing.length = field.value;
            break;
        case FieldId::transfer_encoding:
            ++framing.encodings;
            framing.encoding = field.value;
            break;
        case FieldId::connection:
            framing.connection_options += 1 + static_cast<std::size_t>(std::ranges::count(field.value, ','));
            break;
        default:
            break;
        }
    }
    return framing;
}

/// Accepts exactly one "chunked", or no Transfer-Encoding at all. Beast takes a message with any other coding
/// for one without a body, and would parse the body's bytes as the next message.
bool transfer_encoding_is_sound(const Framing& framing, std::uint8_t minor) noexcept {
    if (framing.encodings == 0)
        return true;
    return framing.encodings == 1 && minor == 1 && framing.lengths == 0 &&
           equal_ignoring_case(framing.encoding, "chunked");
}

/// Whether what requests and responses have in common is sound.
bool is_sound(const Framing& framing, std::uint8_t minor) noexcept {
    return framing.lengths <= 1 && (framing.lengths == 0 || is_digits(framing.length)) &&
           framing.connection_options <= most_connection_options &&
           transfer_encoding_is_sound(framing, minor);
}

} // namespace

HeadScan scan_head(std::string_view data, std::size_t& from) noexcept {
    while (true) {
        const auto line_end = data.find('\n', from);
        if (line_end == std::string_view::npos) {
            from = data.size();
            return {};
        }
        if (line_end == 0 || data[line_end - 1] != '\r')
            return {HeadEnd::malformed, 0};
        if (line_end >= 3 && data[line_end - 2] == '\n')
            return {HeadEnd::complete, line_end + 1};
        if (line_end + 1 == data.size()) {
            from = line_end; // examined again when the next byte, which may be a fold, is there
            return {};
        }
        const char next = data[line_end + 1];
        if (next == ' ' || next == '\t')
            return {HeadEnd::malformed, 0};
        from = line_end + 1;
    }
}

std::size_t leading_empty_lines(std::string_view data) noexcept {
    std::size_t size = 0;
    for (int lines = 0; lines < most_empty_lines; ++lines) {
        const auto rest = data.substr(size);
        if (rest.starts_with("\r\n"))
            size += 2;
        else if (rest.starts_with('\n'))
            size += 1;
        else
            break;
    }
    return size;
}

bool request_framing_is_sound(const RequestHead& head) noexcept {
    const Framing framing = framing_of(head.fields);
    const bool names_host = framing.hosts == 1 || (framing.hosts == 0 && head.minor == 0);
    return names_host && is_sound(framing, head.minor) &&
           (split_target(head.target).valid || (head.target == "*" && head.method == "OPTIONS"));
}

bool response_framing_is_sound(const ResponseHead& head) noexcept {
    return is_sound(framing_of(head.fields), head.minor);
}

Target split_target(std::string_view target) noexcept {
    Target parts;
    const bool printable = // holds for signed and unsigned char
        std::ranges::all_of(target, [](char c) { return c > ' ' && c < '\x7f' && c != '#'; });
    if (target.empty() || !printable)
        return parts;
    constexpr std::string_view scheme = "http://";
    if (target.size() > scheme.size() && equal_ignoring_case(target.substr(0, scheme.size()), scheme)) {
        target.remove_prefix(scheme.size());
        const auto end = std::min(target.find_first_of("/?"), target.size());
        parts.authority = target.substr(0, end);
        target.remove_prefix(end);
        if (parts.authority.empty() || parts.authority.find('@') != std::string_view::npos)
            return parts;
        if (target.empty() || target.front() == '?') {
            parts.path = "/";
            parts.query = target.empty() ? target : target.substr(1);
            parts.valid = true;
            return parts;
        }
    }
    if (target.front() != '/')
        return parts;
    const auto mark = target.find('?');
    parts.path = target.substr(0, mark);
    if (mark != std::string_view::npos)
        parts.query = target.substr(mark + 1);
    parts.valid = true;
    return parts;
}

bool may_reuse(const ResponseHead& head, bool leftover) noexcept {
    // A 408 may not be an answer at all, but a notice before the server closes. The real answer would follow
    // it, and be taken for the next request's.
    if (leftover || head.status == 408 || head.fields.has_token(FieldId::connection, "close"))
        return false;
    if (head.minor == 0 && !head.fields.has_token(FieldId::connection, "keep-alive"))
        return false;
    // A server that announces a body here may also send it. A 304 gives the length that a 200 would have.
    if (head.status == 204)
        return !head.chunked && head.content_length.value_or(0) == 0;
    return head.content_length.has_value() || head.chunked || head.status == 304;
}

bool wants_keep_alive(const RequestHead& head) noexcept {
    if (head.fields.has_token(FieldId::connection, "close"))
        return false;
    return head.minor == 1 || head.fields.has_token(FieldId::connection, "keep-alive");
}

} // namespace bearerd::http
