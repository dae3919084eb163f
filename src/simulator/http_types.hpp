#pragma once

#include "faults.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bearerd::sim {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
    std::string method;
    std::string target;
    Headers headers;
    std::string body;
    bool keep_alive = true;
    std::uint64_t connection = 0;
    std::string client_certificate; ///< Its subject; empty if none was sent.

    /// The first header of that name, compared without case; empty if there is none.
    [[nodiscard]] std::string_view header(std::string_view name) const;
    [[nodiscard]] std::string_view path() const;
};

struct HttpReply {
    enum class Framing { length, chunked, chunked_trailer, until_close };

    unsigned status = 200;
    Headers headers;
    std::string body;
    Framing framing = Framing::length;
    bool close = false;
    bool stream_events = false;    ///< The body goes out piece by piece, at its blank lines.
    std::int64_t stream_bytes = 0; ///< A JSON string of this many bytes, made while it is sent.
};

/// The bytes of a reply, body and all.
std::string serialize(const HttpReply& reply, bool keep_alive, bool with_body);
std::string serialize_head(const HttpReply& reply, bool keep_alive);
std::string chunk(std::string_view data);

HttpReply json_reply(std::string body, unsigned status = 200);

bool same_text(std::string_view a, std::string_view b) noexcept; ///< Without case.

} // namespace bearerd::sim
