#pragma once

#include <bearerd/graphql/text_buffer.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace bearerd::graphql {

/// A string of a JSON text as it stands there, between the quotes; checked: escapes are whole, surrogates are
/// paired, bytes are UTF-8.
struct JsonString {
    std::string_view raw;
    bool escaped = false; ///< `raw` holds at least one backslash

    /// What it means: `raw` itself where nothing is escaped, else decoded into `buffer`.
    [[nodiscard]] std::string_view text(TextBuffer& buffer) const;
    /// Writes what it means to `out`, which has room for `raw.size()` bytes; returns the length.
    std::size_t decode(char* out) const noexcept;
    [[nodiscard]] bool is(std::string_view expected) const;
};

enum class JsonKind : std::uint8_t { object, array, string, number, boolean, null, invalid };

/// Walks through one JSON text (RFC 8259), strictly, in one pass and without memory of its own. Whether a
/// request may be sent twice hangs on what is read here, so it never accepts what a strict parser refuses; it
/// refuses more: nesting deeper than `max_depth` and numbers that a double can't hold. A UTF-8 BOM at the
/// start is passed.
///
/// The reader asks for one value after the other and must consume each (`skip` does). The first fault is
/// final: from then on every call returns false, and `finish` does. Only after `finish` said true was the
/// text valid, so act on nothing before.
///
///     JsonString key;
///     for (scan.enter_object(); scan.next_member(key);)
///         scan.skip();
///     if (scan.finish()) ...
class JsonScan {
public:
    static constexpr std::size_t max_depth = 512;

    explicit JsonScan(std::string_view text) noexcept;

    /// The kind of the value that begins here, judged by its first byte.
    [[nodiscard]] JsonKind peek() noexcept;

    [[nodiscard]] bool ok() const noexcept { return !failed_; }

    bool enter_object() noexcept;
    /// True: `key` was read and its value follows. False: the object ended, or a fault (see ok).
    bool next_member(JsonString& key) noexcept;
    bool enter_array() noexcept;
    /// True: an element follows. False: the array ended, or a fault.
    bool next_element() noexcept;

    bool string(JsonString& out) noexcept;
    /// Passes a number; its value, or nothing at a fault or where it is too small for a double.
    std::optional<double> number() noexcept;
    /// Passes any value, whole.
    bool skip() noexcept;
    /// Likewise; `raw` becomes its text.
    bool skip(std::string_view& raw) noexcept;

    /// The text was valid to its last byte.
    [[nodiscard]] bool finish() noexcept;

private:
    bool fail() noexcept;
    void skip_space() noexcept;
    bool enter(char bracket) noexcept;
    bool leave_or_separate(char bracket) noexcept;
    bool literal(std::string_view word) noexcept;
    bool digits() noexcept;
    bool exponent() noexcept;
    bool skip_number() noexcept;
    bool skip_scalar(JsonKind kind) noexcept;
    bool skip_container() noexcept;

    const char* at_;
    const char* end_;
    std::size_t depth_ = 0;
    bool first_ = false; ///< an object or array was entered and none of its values was asked for yet
    bool failed_ = false;
};

} // namespace bearerd::graphql
