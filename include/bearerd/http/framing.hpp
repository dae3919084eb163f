#pragma once

#include <bearerd/http/message.hpp>

#include <cstddef>
#include <string_view>

/// Checks in front of Beast's parser, which is lenient in ways that let two parties see different messages
/// (RFC 9112 sections 2, 5, 6 and 11; the table in ARCHITECTURE.md). One request in, one request out.
namespace bearerd::http {

enum class HeadEnd : std::uint8_t {
    incomplete,
    complete,
    malformed, ///< a bare LF, or obsolete line folding
};

struct HeadScan {
    HeadEnd state = HeadEnd::incomplete;
    std::size_t size = 0; ///< complete: bytes of the head, including its empty line
};

/// Looks for the end of a message head. `from` is how far an earlier call with a shorter `data` got (0 at
/// first). It is advanced, so that a head that arrives byte by byte costs linear time.
[[nodiscard]] HeadScan scan_head(std::string_view data, std::size_t& from) noexcept;

/// Returns the size of the empty lines that some old clients send after a POST's body (RFC 9112 section 2.2),
/// each ended by CRLF or a lone LF; at most eight lines.
[[nodiscard]] std::size_t leading_empty_lines(std::string_view data) noexcept;

/// The most options that the Connection fields of a message may have together. There is a limit because every
/// other field is compared with each option. Three is a lot.
inline constexpr std::size_t most_connection_options = 32;

/// Whether a parsed request's framing can be understood in one way only; if not, the answer is 400 and close.
/// Checks Host, Transfer-Encoding and Content-Length (contract 5), the number of Connection's options, and
/// that the target is one that split_target() accepts, or the "*" of OPTIONS.
[[nodiscard]] bool request_framing_is_sound(const RequestHead& head) noexcept;

/// The same for a response; if not, it is garbled.
[[nodiscard]] bool response_framing_is_sound(const ResponseHead& head) noexcept;

/// A request target, split: origin-form, or absolute-form as old clients send it to a server that they take
/// for a proxy (RFC 9112 section 3.2.2).
struct Target {
    bool valid = false;
    std::string_view authority; ///< of absolute-form, without user information; otherwise empty
    std::string_view path;      ///< begins with '/'
    std::string_view query;     ///< without '?'
};

[[nodiscard]] Target split_target(std::string_view target) noexcept;

/// Whether an upstream connection may carry another request after a complete response to `head` (RFC 9112
/// section 9.3): neither side asked to close it, the response delimits itself, and no bytes follow it.
[[nodiscard]] bool may_reuse(const ResponseHead& head, bool leftover) noexcept;

/// Whether the client wants the connection to be kept after its request.
[[nodiscard]] bool wants_keep_alive(const RequestHead& head) noexcept;

} // namespace bearerd::http
