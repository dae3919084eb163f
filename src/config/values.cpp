#include "values.hpp"

#include "text.hpp"

#include <bearerd/base/ascii.hpp>
#include <bearerd/base/units.hpp>
#include <bearerd/base/utf8.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>

namespace bearerd::config {
namespace {

std::string format_size(std::uint64_t bytes) {
    if (bytes > 0 && bytes % (1ULL << 30) == 0)
        return std::to_string(bytes >> 30) + "GiB";
    if (bytes > 0 && bytes % (1ULL << 20) == 0)
        return std::to_string(bytes >> 20) + "MiB";
    if (bytes > 0 && bytes % (1ULL << 10) == 0)
        return std::to_string(bytes >> 10) + "KiB";
    return std::to_string(bytes) + "B";
}

/// Headers of the connection, and those that only bearerd may write.
constexpr std::string_view reserved_headers[] = {
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "host",
    "expect",
    "x-request-id",
    "content-length",
    "accept-encoding",
};

} // namespace

Parsed<bool> parse_bool(std::string_view text) {
    if (text == "true" || text == "false")
        return text == "true";
    return Problem{"must be true or false"};
}

Parser<std::uint32_t> number_between(std::uint32_t least, std::uint32_t most) {
    return [least, most](std::string_view text) -> Parsed<std::uint32_t> {
        const auto number = parse_integer<std::uint32_t>(text);
        if (number && *number >= least && *number <= most)
            return *number;
        return Problem{"must be a whole number from " + std::to_string(least) + " to " +
                       std::to_string(most)};
    };
}

Parser<std::uint64_t> size_between(std::uint64_t least, std::uint64_t most) {
    return [least, most](std::string_view text) -> Parsed<std::uint64_t> {
        const auto size = parse_size(text);
        if (size && *size >= least && *size <= most)
            return *size;
        return Problem{"must be a size from " + format_size(least) + " to " + format_size(most) +
                       ", a whole number and B, KiB, MiB or GiB, such as 64KiB"};
    };
}

Parser<Duration> duration_between(Duration least, Duration most) {
    return [least, most](std::string_view text) -> Parsed<Duration> {
        const auto duration = parse_duration(text);
        if (duration && *duration >= least && *duration <= most)
            return *duration;
        return Problem{"must be a duration from " + format_duration(least) + " to " + format_duration(most) +
                       ", a whole number and ms, s, m or h, such as 30s"};
    };
}

Parsed<Duration> parse_timeout(std::string_view text) {
    static const Parser<Duration> parser = duration_between(1ms, 24h);
    return parser(text);
}

Parsed<std::string> parse_any_text(std::string_view text) {
    return std::string{text};
}

Parsed<std::string> parse_some_text(std::string_view text) {
    if (text.empty())
        return Problem{"must not be empty"};
    return std::string{text};
}

Parsed<std::uint32_t> parse_mode(std::string_view text) {
    const auto mode = parse_integer<std::uint32_t>(text, 8);
    if (text.size() >= 3 && text.size() <= 4 && mode && *mode <= 0777)
        return *mode;
    return Problem{"must be an octal file mode from 0000 to 0777, such as 0660"};
}

Parsed<std::string> parse_request_path(std::string_view text) {
    if (!text.starts_with('/'))
        return Problem{"must begin with /"};
    const bool plain = std::all_of(text.begin(), text.end(),
                                   [](char c) { return c > ' ' && c < 0x7F && c != '?' && c != '#'; });
    if (!plain)
        return Problem{"must be a path as it stands on the request line, without ? or #, and with %XX for "
                       "blanks and for what is not ASCII"};
    return std::string{text};
}

Parsed<std::string> parse_graphql_name(std::string_view text) {
    if (is_name(text))
        return std::string{text};
    return Problem{"must be a GraphQL name: letters, digits and _, not beginning with a digit"};
}

Parsed<std::uint16_t> parse_rejected_status(std::string_view text) {
    const auto status = parse_integer<std::uint16_t>(text);
    if (!status || *status < 400 || *status > 599)
        return Problem{"must be an HTTP status from 400 to 499"};
    if (*status == 403)
        return Problem{"must not hold 403: that is a denied permission, which no new token would change"};
    // An upstream, or a gateway in front of it, sends these for requests that it may have executed, or may
    // yet.
    if (*status >= 500 || *status == 408 || *status == 409 || *status == 425 || *status == 429)
        return Problem{"must not hold " + std::to_string(*status) +
                       ": it does not prove that the token was refused, and a mutation that was executed "
                       "would be executed again"};
    return *status;
}

Parsed<std::string> parse_header_name(std::string_view text) {
    if (!is_token(text))
        return Problem{"must be a header name: letters, digits and -, without colon or blanks"};
    const std::string lower = to_lower(text);
    if (std::find(std::begin(reserved_headers), std::end(reserved_headers), lower) !=
        std::end(reserved_headers))
        return Problem{
            "must not be a header that bearerd writes itself or that concerns one connection only"};
    return std::string{text};
}

Parsed<std::string> parse_json_pointer(std::string_view text) {
    try {
        if (!nlohmann::json::json_pointer{std::string{text}}.empty())
            return std::string{text};
    } catch (const nlohmann::json::exception&) {
    }
    return Problem{"must be a JSON pointer into the answer, such as /data/LineItems/data/0/id"};
}

} // namespace bearerd::config
