#pragma once

#include <bearerd/base/error.hpp>
#include <bearerd/http/body_buffer.hpp>
#include <bearerd/http/message.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

/// Beast's own incremental parser, filling the plain types of http/message in place. Beast's containers would
/// allocate for each field and merge trailers into the head. Messages with a plain head (http/plain_head)
/// need no Beast, to the same result.
namespace bearerd::http {

/// What a parser makes of the bytes that it was given.
enum class ParseState : std::uint8_t {
    need_more,
    complete,
    malformed,
    body_too_large,
};

/// A head that was taken off the front of what was received.
struct TakenHead {
    std::size_t size = 0; ///< its bytes
    ParseState state = ParseState::need_more;
};

/// One request. take_plain_head(), or feed_head() exactly once with the whole head (see scan_head), then
/// feed_body() until complete. The head's views point into the bytes given to feed_head().
class RequestParser {
public:
    RequestParser();
    ~RequestParser();
    RequestParser(const RequestParser&) = delete;
    RequestParser& operator=(const RequestParser&) = delete;

    /// Begins a new message. Nothing else may be called before it. `body_limit` in bytes.
    void reset(std::uint64_t body_limit);

    /// Takes the head from the front of `bytes` where it is plain and there whole, in one look. Nothing: it
    /// is for scan_head() and feed_head(), as if nobody had looked.
    [[nodiscard]] std::optional<TakenHead> take_plain_head(std::string_view bytes);

    /// `bytes` is the head and nothing else. need_more: a body follows. body_too_large: the head is usable.
    [[nodiscard]] ParseState feed_head(std::string_view bytes);

    /// Takes what it can of `bytes`, appends the body's part to body(), says in `consumed` how many were used
    /// up.
    [[nodiscard]] ParseState feed_body(std::string_view bytes, std::size_t& consumed);

    [[nodiscard]] const RequestHead& head() const noexcept;
    [[nodiscard]] std::string& body() noexcept;

    /// Between two messages: gives all memory to the next parser of this thread that begins one.
    void release() noexcept;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// One response, 1xx included: the caller loops until the status is 200 or above.
class ResponseParser {
public:
    ResponseParser();
    ~ResponseParser();
    ResponseParser(const ResponseParser&) = delete;
    ResponseParser& operator=(const ResponseParser&) = delete;

    void reset();
    [[nodiscard]] std::optional<TakenHead> take_plain_head(std::string_view bytes);
    /// `bytes` is the head (see scan_response_head) and nothing else. One that can be framed without doubt is
    /// taken in clean form; head() then points into memory of the parser's own. Others are malformed.
    [[nodiscard]] ParseState feed_head(std::string_view bytes);
    /// Whether something of the message was not as it should be: no other may follow on its connection.
    [[nodiscard]] bool odd() const noexcept;
    /// Appends to `body`.
    [[nodiscard]] ParseState feed_body(std::string_view bytes, std::size_t& consumed, BodyBuffer& body);
    /// How much is missing of a body that nothing but its length delimits, so that it can be received where
    /// it belongs; 0 for any other, and outside of bodies.
    [[nodiscard]] std::uint64_t plain_body_left() const noexcept;
    /// The caller has appended that many of the missing bytes to the body.
    [[nodiscard]] ParseState took_plain_body(std::size_t size) noexcept;
    /// The stream ended. complete where the end of the stream delimits the body, malformed where bytes are
    /// missing.
    [[nodiscard]] ParseState feed_end();

    [[nodiscard]] const ResponseHead& head() const noexcept;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace bearerd::http
