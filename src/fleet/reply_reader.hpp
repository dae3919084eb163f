#pragma once

#include <bearerd/fleet/store.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace bearerd::fleet {

/// The protocol of Redis and Valkey (RESP 2): commands as bytes, and answers out of bytes. Pure.

/// The most bytes that one answer may have.
inline constexpr std::size_t max_reply_size = 256UL << 10;
/// The most values that one answer may hold, lists included.
inline constexpr std::size_t max_reply_values = 1024;
/// How deep lists may be nested.
inline constexpr std::size_t max_reply_depth = 4;

/// Returns the command as it is sent.
[[nodiscard]] std::string wire_text(const Command& command);

/// Takes bytes in pieces of any size. What it accepts is bounded in bytes, values and depth.
class ReplyReader {
public:
    ReplyReader();
    ReplyReader(const ReplyReader&) = delete;
    ReplyReader& operator=(const ReplyReader&) = delete;
    ~ReplyReader();

    void feed(std::string_view bytes);

    /// Returns the next whole answer; nullopt if there is none yet, or never will be: see broken().
    [[nodiscard]] std::optional<Value> next();

    /// Whether the bytes were no answer, or one beyond the bounds. Then next() returns nothing more.
    [[nodiscard]] bool broken() const noexcept { return broken_; }

private:
    struct Parser;
    std::unique_ptr<Parser> parser_;
    std::size_t fed_ = 0; ///< bytes since the last whole answer
    bool broken_ = false;
};

} // namespace bearerd::fleet
