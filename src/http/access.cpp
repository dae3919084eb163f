#include <bearerd/http/access.hpp>

#include <bearerd/base/ascii.hpp>

#include <arpa/inet.h>

#include <algorithm>
#include <array>

namespace bearerd::http {
namespace {

using Ip6 = std::array<unsigned char, 16>;
using Ip4 = std::array<unsigned char, 4>;

/// Accepts only the canonical form of four decimal numbers; returns nullopt for "127.1" or "0177.0.0.1".
template<class Bytes>
std::optional<Bytes> parse_ip(std::string_view text) noexcept {
    std::array<char, INET6_ADDRSTRLEN> buffer{};
    if (text.size() >= buffer.size() || text.find('\0') != std::string_view::npos)
        return std::nullopt;
    std::copy(text.begin(), text.end(), buffer.begin());
    Bytes bytes{};
    constexpr int family = sizeof(Bytes) == 4 ? AF_INET : AF_INET6;
    if (::inet_pton(family, buffer.data(), bytes.data()) != 1)
        return std::nullopt;
    return bytes;
}

bool is_loopback4(std::string_view text) noexcept {
    const auto ip = parse_ip<Ip4>(text);
    return ip && ip->front() == 127;
}

/// An empty port is allowed (RFC 3986 section 3.2.3).
bool is_port(std::string_view text) noexcept {
    return text.empty() || (text.size() <= 5 && parse_integer<std::uint16_t>(text));
}

/// The host of a Host header in one of its valid forms: "name", "name:port", "[v6]" and "[v6]:port".
struct Host {
    std::string_view name; ///< no brackets
    bool bracketed = false;
};

std::optional<Host> parse_host(std::string_view text) noexcept {
    Host host;
    std::string_view rest;
    if (text.starts_with('[')) {
        const auto end = text.find(']');
        if (end == std::string_view::npos)
            return std::nullopt;
        host = {text.substr(1, end - 1), true};
        rest = text.substr(end + 1);
    } else {
        const auto colon = std::min(text.find(':'), text.size());
        host = {text.substr(0, colon), false};
        rest = text.substr(colon);
    }
    if (host.name.empty() || (!rest.empty() && (rest[0] != ':' || !is_port(rest.substr(1)))))
        return std::nullopt;
    return host;
}

/// Returns the valid header names in `list`, in their order, without anything that could break a header line.
std::string valid_names(std::string_view list) {
    std::string names;
    while (!list.empty()) {
        const std::string_view name = trim(take_until(list, ','));
        if (is_token(name))
            names.append(names.empty() ? "" : ", ").append(name);
    }
    return names;
}

/// Returns "scheme://host[:port]" of a URL; nullopt if it has none, or has a user, which could pass for one.
std::optional<std::string_view> origin_of(std::string_view url) noexcept {
    const auto colon = url.find("://");
    if (colon == std::string_view::npos || colon == 0)
        return std::nullopt;
    const auto authority = colon + 3;
    const auto end = std::min(url.find_first_of("/?#", authority), url.size());
    if (end == authority || url.substr(authority, end - authority).find('@') != std::string_view::npos)
        return std::nullopt;
    return url.substr(0, end);
}

/// For browsers that send neither Origin nor Sec-Fetch-Site. A page of our own has the same origin as the
/// request's target.
bool referer_allowed(std::string_view referer, std::string_view host, const AccessRules& rules) noexcept {
    constexpr std::string_view our_scheme = "http://";
    const auto origin = origin_of(referer);
    if (!origin)
        return false;
    const bool ours = equal_ignoring_case(origin->substr(0, our_scheme.size()), our_scheme) &&
                      !host.empty() && equal_ignoring_case(origin->substr(our_scheme.size()), host);
    return ours || origin_allowed(*origin, rules);
}

} // namespace

bool host_allowed(std::optional<std::string_view> host, bool http10, const AccessRules& rules,
                  const ListenerIdentity& listener) noexcept {
    if (listener.unix_socket)
        return true; // no browser speaks to a unix socket
    if (!host)
        return http10;
    const auto parsed = parse_host(*host);
    if (!parsed)
        return false;
    if (const auto ip = parsed->bracketed ? parse_ip<Ip6>(parsed->name) : std::nullopt) {
        constexpr Ip6 loopback{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
        return ip == loopback || ip == parse_ip<Ip6>(listener.address) ||
               std::any_of(rules.allowed_hosts.begin(), rules.allowed_hosts.end(),
                           [&ip](const std::string& allowed) { return ip == parse_ip<Ip6>(allowed); });
    }
    if (parsed->bracketed)
        return false;
    return parsed->name == listener.address || equal_ignoring_case(parsed->name, "localhost") ||
           is_loopback4(parsed->name) ||
           std::any_of(
               rules.allowed_hosts.begin(), rules.allowed_hosts.end(),
               [&parsed](const std::string& allowed) { return equal_ignoring_case(parsed->name, allowed); });
}

bool origin_allowed(std::string_view origin, const AccessRules& rules) noexcept {
    return !equal_ignoring_case(origin, "null") &&
           std::any_of(rules.allowed_origins.begin(), rules.allowed_origins.end(),
                       [origin](const std::string& allowed) { return equal_ignoring_case(origin, allowed); });
}

OriginVerdict judge_origin(std::optional<std::string_view> origin,
                           std::optional<std::string_view> sec_fetch_site,
                           const AccessRules& rules) noexcept {
    if (origin)
        return origin_allowed(*origin, rules) ? OriginVerdict::allowed : OriginVerdict::forbidden;
    if (!sec_fetch_site || equal_ignoring_case(*sec_fetch_site, "same-origin") ||
        equal_ignoring_case(*sec_fetch_site, "none"))
        return OriginVerdict::no_origin;
    return OriginVerdict::forbidden;
}

OriginVerdict judge_origin(const Fields& fields, const AccessRules& rules) noexcept {
    bool twice = false;
    const auto origin = fields.only("Origin", &twice);
    const auto site = fields.only("Sec-Fetch-Site", &twice);
    if (!origin && !site) {
        const auto referer = fields.only("Referer", &twice);
        const bool good = !referer || referer_allowed(*referer, fields.value(FieldId::host), rules);
        return twice || !good ? OriginVerdict::forbidden : OriginVerdict::no_origin;
    }
    return twice ? OriginVerdict::forbidden : judge_origin(origin, site, rules);
}

bool is_preflight(const RequestHead& head) noexcept {
    return head.method == "OPTIONS" && head.target != "*" && head.fields.find(FieldId::origin) &&
           head.fields.find(FieldId::access_control_request_method);
}

void append_cors_headers(std::string& out, std::string_view origin) {
    out.append("Access-Control-Allow-Origin: ").append(origin);
    out.append("\r\nAccess-Control-Expose-Headers: X-Request-Id, Retry-After\r\nVary: Origin\r\n");
}

void append_preflight_headers(std::string& out, const Fields& fields,
                              const std::vector<std::string>& methods) {
    append_cors_headers(out, fields.value(FieldId::origin));
    out.append("Access-Control-Allow-Methods: ");
    for (const std::string& method : methods)
        out.append(&method == &methods.front() ? "" : ", ").append(method);
    out.append("\r\n");
    const std::string names = valid_names(fields.value(FieldId::access_control_request_headers));
    if (!names.empty())
        out.append("Access-Control-Allow-Headers: ").append(names).append("\r\n");
    if (fields.value("Access-Control-Request-Private-Network") == "true")
        out.append("Access-Control-Allow-Private-Network: true\r\n");
    out.append("Access-Control-Max-Age: 600\r\n");
}

bool peer_allowed(std::optional<std::uint32_t> uid,
                  const std::vector<std::uint32_t>& allowed_users) noexcept {
    return allowed_users.empty() ||
           (uid && std::find(allowed_users.begin(), allowed_users.end(), *uid) != allowed_users.end());
}

} // namespace bearerd::http
