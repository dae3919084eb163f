#include "plain_head.hpp"

#include <bearerd/base/ascii.hpp>
#include <bearerd/base/find.hpp>

#include <algorithm>
#include <array>

namespace bearerd::http {
namespace {

/// No real length has nearly as many digits, and it can't overflow.
constexpr std::size_t most_digits = 18;

struct KnownName {
    std::string_view name;
    FieldId id;
};

/// The common spellings, sorted by length. Beast knows the others.
constexpr std::array known_names{
    KnownName{"Via", FieldId::via},
    KnownName{"Date", FieldId::date},
    KnownName{"ETag", FieldId::etag},
    KnownName{"Host", FieldId::host},
    KnownName{"Vary", FieldId::vary},
    KnownName{"Accept", FieldId::accept},
    KnownName{"Server", FieldId::server},
    KnownName{"Connection", FieldId::connection},
    KnownName{"Set-Cookie", FieldId::set_cookie},
    KnownName{"User-Agent", FieldId::user_agent},
    KnownName{"Content-Type", FieldId::content_type},
    KnownName{"X-Request-Id", FieldId::unknown},
    KnownName{"Authorization", FieldId::authorization},
    KnownName{"Cache-Control", FieldId::cache_control},
    KnownName{"Content-Length", FieldId::content_length},
    KnownName{"Accept-Encoding", FieldId::accept_encoding},
    KnownName{"Accept-Language", FieldId::accept_language},
    KnownName{"Referrer-Policy", FieldId::unknown},
    KnownName{"X-Authorization", FieldId::unknown},
    KnownName{"X-Frame-Options", FieldId::x_frame_options},
    KnownName{"X-Content-Type-Options", FieldId::unknown},
    KnownName{"Content-Security-Policy", FieldId::unknown},
    KnownName{"Strict-Transport-Security", FieldId::strict_transport_security},
    KnownName{"Access-Control-Allow-Origin", FieldId::access_control_allow_origin},
};

constexpr std::size_t longest_known = known_names.back().name.size();
static_assert(std::ranges::is_sorted(known_names, {},
                                     [](const KnownName& known) { return known.name.size(); }));

/// The index in `known_names` at which the names of each length begin.
constexpr auto first_of_length = [] {
    std::array<std::uint8_t, longest_known + 2> first{};
    for (std::size_t length = 0; length < first.size(); ++length)
        first[length] = static_cast<std::uint8_t>(std::ranges::count_if(
            known_names, [length](const KnownName& known) { return known.name.size() < length; }));
    return first;
}();

const KnownName* find_known(std::string_view name) noexcept {
    if (name.size() > longest_known)
        return nullptr;
    for (std::size_t i = first_of_length[name.size()]; i < first_of_length[name.size() + 1]; ++i) {
        if (known_names[i].name == name)
            return &known_names[i];
    }
    return nullptr;
}

/// Whether it is a field name; sets `id` to which one.
bool identify(std::string_view name, FieldId& id) {
    if (const KnownName* known = find_known(name)) {
        id = known->id;
        return true;
    }
    if (!is_token(name))
        return false;
    id = boost::beast::http::string_to_field({name.data(), name.size()});
    return true;
}

std::size_t find_control(std::string_view text) noexcept {
    // Bytes beyond ASCII are below 0, and are not control characters.
    return find_first(text, [](auto c) { return ((c < ' ') & (c >= 0)) | (c == '\x7F'); });
}

/// Takes a line of printable text, without its end. Returns false if the next line is not one.
bool take_line(std::string_view& rest, std::string_view& line) noexcept {
    const std::size_t size = find_control(rest);
    line = rest.substr(0, size);
    if (!rest.substr(size).starts_with("\r\n"))
        return false;
    rest.remove_prefix(size + 2);
    return true;
}

bool read_length(std::string_view text, std::optional<std::uint64_t>& length) noexcept {
    if (length || text.size() > most_digits || !is_digits(text))
        return false;
    length = 0;
    for (const char c : text)
        length = *length * 10 + static_cast<std::uint64_t>(c - '0');
    return true;
}

/// Reads the lines after the first, up to the empty line.
bool read_fields(std::string_view& rest, Fields& fields, std::optional<std::uint64_t>& length) {
    fields.list.clear();
    for (std::string_view line; take_line(rest, line);) {
        if (line.empty())
            return true;
        const std::size_t colon = line.find(':');
        if (colon == std::string_view::npos)
            return false;
        const auto name = line.substr(0, colon);
        const auto value = trim(line.substr(colon + 1));
        FieldId id = FieldId::unknown;
        if (!identify(name, id))
            return false;
        switch (id) {
        case FieldId::content_length:
            if (!read_length(value, length))
                return false;
            break;
        case FieldId::connection:
            if (!is_token(value))
                return false;
            break;
        case FieldId::proxy_connection:
        case FieldId::transfer_encoding:
        case FieldId::upgrade:
            return false;
        default:
            break;
        }
        fields.list.push_back({id, name, value});
    }
    return false;
}

/// Returns the digit after "HTTP/1."; no other version is read.
std::optional<std::uint8_t> read_version(std::string_view text) noexcept {
    if (text == "HTTP/1.1")
        return 1;
    if (text == "HTTP/1.0")
        return 0;
    return std::nullopt;
}

constexpr std::size_t size_of_version = std::string_view{"HTTP/1.1"}.size();

} // namespace

std::optional<PlainHead> read_plain_head(std::string_view bytes, RequestHead& head) {
    std::string_view rest = bytes;
    std::string_view line;
    if (!take_line(rest, line))
        return std::nullopt;
    const std::size_t method_end = line.find(' ');
    const std::size_t target_end = line.rfind(' ');
    if (method_end == target_end || line.size() - target_end - 1 != size_of_version)
        return std::nullopt;
    head.method = line.substr(0, method_end);
    head.target = line.substr(method_end + 1, target_end - method_end - 1);
    const auto minor = read_version(line.substr(target_end + 1));
    const bool is_ascii = std::ranges::all_of(head.target, [](char c) { return c > ' ' && c < '\x7f'; });
    if (!minor || !is_ascii || head.target.empty() || !is_token(head.method))
        return std::nullopt;
    head.minor = *minor;
    std::optional<std::uint64_t> length;
    if (!read_fields(rest, head.fields, length))
        return std::nullopt;
    return PlainHead{bytes.size() - rest.size(), length.value_or(0)}; // no length, no body (RFC 9112 6.3)
}

std::optional<PlainHead> read_plain_head(std::string_view bytes, ResponseHead& head) {
    constexpr std::size_t size_of_status = std::string_view{" 200 "}.size();
    std::string_view rest = bytes;
    std::string_view line;
    if (!take_line(rest, line) || line.size() < size_of_version + size_of_status)
        return std::nullopt;
    const auto minor = read_version(line.substr(0, size_of_version));
    const auto status = line.substr(size_of_version, size_of_status);
    if (!minor || status.front() != ' ' || status.back() != ' ' || !is_digits(status.substr(1, 3)))
        return std::nullopt;
    head.minor = *minor;
    head.status =
        static_cast<std::uint16_t>((status[1] - '0') * 100 + (status[2] - '0') * 10 + status[3] - '0');
    head.reason = line.substr(size_of_version + size_of_status);
    constexpr std::uint16_t no_content = 204;
    constexpr std::uint16_t not_modified = 304;
    if (head.status < 200 || head.status == no_content || head.status == not_modified)
        return std::nullopt;
    std::optional<std::uint64_t> length;
    if (!read_fields(rest, head.fields, length) || !length)
        return std::nullopt;
    head.content_length = length;
    head.chunked = false;
    return PlainHead{bytes.size() - rest.size(), *length};
}

} // namespace bearerd::http
