#pragma once

#include <bearerd/http/message.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Who may come in (contract 5), as pure functions over what a request and its connection say. Any thread.
namespace bearerd::http {

struct AccessRules {
    std::vector<std::string> allowed_hosts;   ///< lower case, no port; IPv6 without brackets
    std::vector<std::string> allowed_origins; ///< lower case, scheme://host[:port]
};

/// What the connection came in by.
struct ListenerIdentity {
    bool unix_socket = false;
    /// The listener's own IP literal, no brackets or port; where it listens on all addresses (0.0.0.0, ::),
    /// the connection's local one.
    std::string address;
};

/// Whether the Host header names us, by any port. It is what a web page can't forge that reaches us by a name
/// of its own (DNS rebinding). `host`: nothing where the request has none, which only HTTP/1.0 may.
[[nodiscard]] bool host_allowed(std::optional<std::string_view> host, bool http10, const AccessRules& rules,
                                const ListenerIdentity& listener) noexcept;

/// Whether the rules list the origin, case aside. "null", which any page can send, never is.
[[nodiscard]] bool origin_allowed(std::string_view origin, const AccessRules& rules) noexcept;

enum class OriginVerdict : std::uint8_t {
    no_origin, ///< not from a web page, or from one of our own: served without CORS headers
    allowed,   ///< from a page that the rules name: served with CORS headers
    forbidden,
};

/// Judges by the headers that browsers alone send and pages can't change. An Origin must be listed, even our
/// own. Without one, Sec-Fetch-Site must be absent (no browser, or an old one), "same-origin" or "none"
/// (typed by a person); "same-site" is refused with "cross-site", because another port of localhost is the
/// same site.
[[nodiscard]] OriginVerdict judge_origin(std::optional<std::string_view> origin,
                                         std::optional<std::string_view> sec_fetch_site,
                                         const AccessRules& rules) noexcept;

/// The same for a request's fields; one that has either of the two twice is forbidden. Where both are absent,
/// a Referer must be of the origin that the request goes to, or of one that is listed; then it is served
/// without CORS headers.
[[nodiscard]] OriginVerdict judge_origin(const Fields& fields, const AccessRules& rules) noexcept;

/// Whether a request from an allowed origin is a browser's question before the real one.
[[nodiscard]] bool is_preflight(const RequestHead& head) noexcept;

/// Header lines, each with its CRLF, for any response to an allowed origin. `origin` must have passed
/// origin_allowed.
void append_cors_headers(std::string& out, std::string_view origin);

/// Header lines for the 204 that answers a preflight, append_cors_headers' included. What the page asks for
/// is granted as far as it is well-formed, by the methods that are served; the request itself is judged again
/// when it comes.
void append_preflight_headers(std::string& out, const Fields& fields,
                              const std::vector<std::string>& methods);

/// Whether a unix socket's peer may come in. An empty list lets everybody; a peer whose uid is unknown is
/// refused by any other.
[[nodiscard]] bool peer_allowed(std::optional<std::uint32_t> uid,
                                const std::vector<std::uint32_t>& allowed_users) noexcept;

} // namespace bearerd::http
