#pragma once

#include <bearerd/http/message.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Access rules (contract 5), as pure functions over what a request and its connection say. Any thread.
namespace bearerd::http {

struct AccessRules {
    std::vector<std::string> allowed_hosts;   ///< lower case, no port; IPv6 without brackets
    std::vector<std::string> allowed_origins; ///< lower case, scheme://host[:port]
};

/// The listener on which the connection came in.
struct ListenerIdentity {
    bool unix_socket = false;
    /// The listener's own IP literal, without brackets or port. If it listens on all addresses (0.0.0.0, ::),
    /// the connection's local address.
    std::string address;
};

/// Whether the Host header names us, with any port. A web page that reaches us by a name of its own (DNS
/// rebinding) can't forge it. `host`: nullopt if the request has none, which only HTTP/1.0 allows.
[[nodiscard]] bool host_allowed(std::optional<std::string_view> host, bool http10, const AccessRules& rules,
                                const ListenerIdentity& listener) noexcept;

/// Whether the rules list the origin, ignoring case. "null", which any page can send, is never allowed.
[[nodiscard]] bool origin_allowed(std::string_view origin, const AccessRules& rules) noexcept;

enum class OriginVerdict : std::uint8_t {
    no_origin, ///< not from a web page, or from one of our own: served without CORS headers
    allowed,   ///< from a page that the rules name: served with CORS headers
    forbidden,
};

/// Judges by the headers that only browsers send and that pages can't change. An Origin must be listed, even
/// our own. Without one, Sec-Fetch-Site must be absent (no browser, or an old one), "same-origin" or "none"
/// (typed by a person). "same-site" is refused like "cross-site", because another port of localhost is the
/// same site.
[[nodiscard]] OriginVerdict judge_origin(std::optional<std::string_view> origin,
                                         std::optional<std::string_view> sec_fetch_site,
                                         const AccessRules& rules) noexcept;

/// The same for a request's fields. A request that has either field twice is forbidden. If both are absent, a
/// Referer must have the origin that the request goes to, or a listed one; the request is then served without
/// CORS headers.
[[nodiscard]] OriginVerdict judge_origin(const Fields& fields, const AccessRules& rules) noexcept;

/// Whether a request from an allowed origin is a preflight, which a browser sends before the real request.
[[nodiscard]] bool is_preflight(const RequestHead& head) noexcept;

/// Appends header lines, each with its CRLF, for any response to an allowed origin. `origin` must have passed
/// origin_allowed.
void append_cors_headers(std::string& out, std::string_view origin);

/// Appends header lines for the 204 that answers a preflight, including those of append_cors_headers. Grants
/// the headers that the page asks for if they are well-formed, and the methods that are served. The request
/// itself is judged again when it arrives.
void append_preflight_headers(std::string& out, const Fields& fields,
                              const std::vector<std::string>& methods);

/// Whether a unix socket's peer has access. An empty list allows everybody; any other list refuses a peer
/// whose uid is unknown.
[[nodiscard]] bool peer_allowed(std::optional<std::uint32_t> uid,
                                const std::vector<std::uint32_t>& allowed_users) noexcept;

} // namespace bearerd::http
