#pragma once

#include <bearerd/base/error.hpp>
#include <bearerd/http/body_buffer.hpp>
#include <bearerd/http/message.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

/// Beast's incremental parser, filling the plain types of http/message in place. Beast's own containers would
/// allocate for each field and merge trailers into the head. Messages with a plain head (http/plain_head) are
/// parsed without Beast, with the same result.
namespace bearerd::http {

/// The result of parsing the bytes so far.
enum class ParseState : std::uint8_t {
    need_more,
    complete,
    malformed,
    body_too_large,
};

/// A head at the front of the received bytes.
struct ParsedHead {
    std::size_t size = 0; ///< its bytes; may be 0 if it is malformed
    ParseState state = ParseState::need_more;
};

/// Parses one request. Call parse_head() until it returns a head, then feed_body() until complete. The head's
/// views point into the bytes given to parse_head().
class RequestParser {
public:
    RequestParser();
    ~RequestParser();
    RequestParser(const RequestParser&) = delete;
    RequestParser& operator=(const RequestParser&) = delete;

    /// Begins a new message. Must be called first. `body_limit` in bytes.
    void reset(std::uint64_t body_limit);

    /// Parses the head at the front of `data`. Returns nullopt if it is incomplete: call again with the same
    /// bytes and more. need_more: a body follows. body_too_large: the head is usable.
    [[nodiscard]] std::optional<ParsedHead> parse_head(std::string_view data);

    /// Takes what it can of `bytes`, appends the body's part to body(), and sets `consumed` to the number of
    /// bytes used.
    [[nodiscard]] ParseState feed_body(std::string_view bytes, std::size_t& consumed);

    [[nodiscard]] const RequestHead& head() const noexcept;
    [[nodiscard]] std::string& body() noexcept;

    /// Between two messages: releases all memory to the next parser of this thread that begins a message.
    void release() noexcept;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// Parses one response, 1xx included: the caller loops until the status is 200 or above.
class ResponseParser {
public:
    ResponseParser();
    ~ResponseParser();
    ResponseParser(const ResponseParser&) = delete;
    ResponseParser& operator=(const ResponseParser&) = delete;

    void reset();
    /// As RequestParser's. A head that can be framed without doubt is taken in clean form (see
    /// scan_response_head); head() then points into the parser's own memory. Other heads are malformed.
    [[nodiscard]] std::optional<ParsedHead> parse_head(std::string_view data);
    /// Whether the message deviated from the standard. If so, no other message may follow on its connection.
    [[nodiscard]] bool odd() const noexcept;
    /// Appends to `body`.
    [[nodiscard]] ParseState feed_body(std::string_view bytes, std::size_t& consumed, BodyBuffer& body);
    /// Returns how many bytes are missing of a body that is delimited by its length only, so that they can be
    /// received straight into it. Returns 0 for any other body, and outside of bodies.
    [[nodiscard]] std::uint64_t plain_body_left() const noexcept;
    /// Reports that the caller has appended this many of the missing bytes to the body.
    [[nodiscard]] ParseState took_plain_body(std::size_t size) noexcept;
    /// Reports that the stream ended. Returns complete if the end of the stream delimits the body, malformed
    /// if bytes are missing.
    [[nodiscard]] ParseState feed_end();

    [[nodiscard]] const ResponseHead& head() const noexcept;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace bearerd::http
