#pragma once

#include <bearerd/http/message.hpp>

#include <cstddef>
#include <string_view>

/// The guard over Beast's parser, which is lenient in ways that let two parties see different messages
/// (RFC 9112 sections 2, 5, 6 and 11; the table in ARCHITECTURE.md). One request in, one request out.
namespace bearerd::http {

enum class HeadEnd : std::uint8_t {
    incomplete,
    complete,
    malformed, ///< a bare LF, or obsolete line folding
};

struct HeadScan {
    HeadEnd state = HeadEnd::incomplete;
    std::size_t size = 0; ///< complete: bytes of the head, its empty line included
};

/// Looks for the end of a message head. `from` is how far an earlier call with a shorter `data` got (0 at
/// first); it is moved on, so that a head that comes byte by byte costs linear time.
[[nodiscard]] HeadScan scan_head(std::string_view data, std::size_t& from) noexcept;

/// Drops the empty lines that some old clients send behind a POST's body (RFC 9112 section 2.2), which CRLF
/// or a lone LF ends; at most eight.
[[nodiscard]] std::size_t leading_empty_lines(std::string_view data) noexcept;

/// The most options that the Connection fields of a message may have together: every other field is compared
/// with each of them. Three is a lot.
inline constexpr std::size_t most_connection_options = 32;

/// Whether a parsed request's framing can be understood in one way only; otherwise 400 and close. Checks
/// Host, Transfer-Encoding and Content-Length (contract 5), the number of Connection's options, and that the
/// target is one that split_target() takes, or the "*" of OPTIONS.
[[nodiscard]] bool request_framing_is_sound(const RequestHead& head) noexcept;

/// The same for a response: otherwise it is garbled.
[[nodiscard]] bool response_framing_is_sound(const ResponseHead& head) noexcept;

/// A request target taken apart: origin-form, or absolute-form as old clients send it to what they hold for a
/// proxy (RFC 9112 section 3.2.2).
struct Target {
    bool valid = false;
    std::string_view authority; ///< of absolute-form, without user information; empty otherwise
    std::string_view path;      ///< begins with '/'
    std::string_view query;     ///< without '?'
    bool has_query = false;
};

[[nodiscard]] Target split_target(std::string_view target) noexcept;

/// Whether an upstream connection may carry another request after a complete response to `head` (RFC 9112
/// section 9.3): not closed by either side's word, delimited by itself, and with nothing left over behind it.
[[nodiscard]] bool may_reuse(const ResponseHead& head, bool leftover) noexcept;

/// Whether the client wants the connection kept after its request.
[[nodiscard]] bool wants_keep_alive(const RequestHead& head) noexcept;

} // namespace bearerd::http
