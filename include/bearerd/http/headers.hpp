#pragma once

#include <bearerd/http/message.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Heads rebuilt for the other side from what was understood, never relayed raw (contract 2).
namespace bearerd::http {

/// What stays the same for every request upstream; made once from the settings.
struct UpstreamHeadPlan {
    std::string target;                     ///< path and query of `upstream.url`
    std::string authority;                  ///< the Host header
    std::vector<std::string> token_headers; ///< `auth.token_headers`: an app's own never go upstream
    std::vector<std::pair<std::string, std::string>> extra; ///< `upstream.headers`; they replace the app's
    std::string token_header = "Authorization"; ///< `auth.send.header`: the app's own never goes upstream
    std::string token_scheme = "Bearer";        ///< `auth.send.scheme`; empty: the bare token
};

/// Appends a request head for the upstream. `token`: without its scheme. `accept_encoding`:
/// the narrowed one (http/coding); empty if the app sent none. `body_size` goes into Content-Length unless
/// the request is a GET without a body.
void append_upstream_head(std::string& out, const UpstreamHeadPlan& plan, const RequestHead& request,
                          std::string_view query, std::string_view token, std::string_view accept_encoding,
                          std::string_view request_id, std::size_t body_size);

/// How the connection to the app goes on, and what every answer on it carries.
struct ReplyContext {
    bool http_1_0 = false;
    bool keep_alive = true;
    bool head_only = false; ///< the answer to HEAD, if one is ever given: no body follows
    std::string_view request_id;
    std::string_view cors; ///< whole field lines for an allowed origin; empty otherwise
};

/// How the app learns where the body ends.
enum class BodyFraming : std::uint8_t { none, length, chunked, until_close };

/// The framing for a body whose length is known or not: chunked for HTTP/1.1, the end of the connection
/// for 1.0.
[[nodiscard]] BodyFraming framing_for(const ReplyContext& context, std::uint16_t status,
                                      std::optional<std::uint64_t> length) noexcept;

/// Appends the upstream's response head as the app gets it: without hop-by-hop fields and token headers.
void append_app_head(std::string& out, const ResponseHead& response, const UpstreamHeadPlan& plan,
                     const ReplyContext& context, BodyFraming framing, std::uint64_t length);

/// Appends the head of an answer of our own, whose body has `body_size` bytes. `extra`: whole field lines,
/// such as "Retry-After: 3\r\n".
void append_own_head(std::string& out, const ReplyContext& context, std::uint16_t status,
                     std::string_view content_type, std::string_view extra, std::size_t body_size);

/// Appends what every answer on this connection carries (X-Request-Id, CORS, Connection), and the empty line
/// that ends a head.
void append_connection(std::string& out, const ReplyContext& context);

/// The standard reason phrase; "" for a status that has none.
[[nodiscard]] std::string_view reason_phrase(std::uint16_t status) noexcept;

/// Whether Accept ranks application/graphql-response+json above application/json (contract 4).
[[nodiscard]] bool prefers_graphql_response_json(std::string_view accept) noexcept;

/// Whether a content type is one that streams: events, parts, or JSON by lines or records (contract 2).
[[nodiscard]] bool is_streaming_type(std::string_view content_type) noexcept;

/// Whether an app's X-Request-Id can be kept: 1 to 128 visible ASCII characters.
[[nodiscard]] bool is_acceptable_request_id(std::string_view id) noexcept;

} // namespace bearerd::http
