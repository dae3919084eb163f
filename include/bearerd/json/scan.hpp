#pragma once

#include <bearerd/json/text_buffer.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bearerd::json {

/// A string of a JSON text as written between the quotes. It has been checked: escapes are complete,
/// surrogates are paired, bytes are UTF-8.
struct String {
    std::string_view raw;
    bool escaped = false; ///< `raw` holds at least one backslash

    /// Returns its value: `raw` itself if nothing is escaped, else decoded into `buffer`.
    [[nodiscard]] std::string_view text(TextBuffer& buffer) const;
    [[nodiscard]] std::string text() const;
    /// Writes its value to `out`, which has room for `raw.size()` bytes; returns the length.
    std::size_t decode(char* out) const noexcept;
    [[nodiscard]] bool is(std::string_view expected) const;
};

enum class Kind : std::uint8_t { object, array, string, number, boolean, null, invalid };

/// Reads one JSON text (RFC 8259), strictly, in one pass and without memory of its own. Whether a request may
/// be sent twice depends on what is read here, so it never accepts what a strict parser refuses. It also
/// refuses nesting deeper than `max_depth`, and numbers that a double can't hold. Skips a UTF-8 BOM at the
/// start.
///
/// The reader asks for one value after the other and must consume each (`skip` does). The first error is
/// final: after it every call returns false, and so does `finish`. The text is known to be valid only after
/// `finish` has returned true, so act on nothing before.
///
///     String key;
///     for (scan.enter_object(); scan.next_member(key);)
///         scan.skip();
///     if (scan.finish()) ...
class Scan {
public:
    static constexpr std::size_t max_depth = 512;

    explicit Scan(std::string_view text) noexcept;

    /// Returns the kind of the value that begins here, judged by its first byte.
    [[nodiscard]] Kind peek() noexcept;

    [[nodiscard]] bool ok() const noexcept { return !failed_; }

    bool enter_object() noexcept;
    /// Returns true if `key` was read and its value follows; false at the object's end or an error (see ok).
    bool next_member(String& key) noexcept;
    bool enter_array() noexcept;
    /// Returns true if an element follows; false if the array ended, or on an error.
    bool next_element() noexcept;

    bool string(String& out) noexcept;
    /// Consumes a number. Returns its value; nullopt on an error or if it is too small for a double.
    std::optional<double> number() noexcept;
    /// Consumes any value as a whole.
    bool skip() noexcept;
    /// Likewise; sets `raw` to its text.
    bool skip(std::string_view& raw) noexcept;

    /// Whether the text was valid to its last byte.
    [[nodiscard]] bool finish() noexcept;

private:
    bool fail() noexcept;
    void skip_space() noexcept;
    bool enter(char bracket) noexcept;
    bool leave_or_separate(char bracket) noexcept;
    bool advance(const char* after) noexcept;
    bool skip_container() noexcept;

    const char* at_;
    const char* end_;
    std::size_t depth_ = 0;
    bool first_ = false; ///< an object or array was entered, and none of its values was asked for yet
    bool failed_ = false;
};

/// Calls `on_member(key)` for each member of an object; it consumes the value. Skips anything but an object;
/// returns whether it was one.
template<class OnMember>
bool for_each_member(Scan& scan, OnMember on_member) {
    if (scan.peek() != Kind::object) {
        scan.skip();
        return false;
    }
    String key;
    for (scan.enter_object(); scan.next_member(key);)
        on_member(key);
    return true;
}

/// Calls `on_element()` for each element of an array; it consumes the element. Skips anything but an array;
/// returns whether it was one.
template<class OnElement>
bool for_each_element(Scan& scan, OnElement on_element) {
    if (scan.peek() != Kind::array) {
        scan.skip();
        return false;
    }
    for (scan.enter_array(); scan.next_element();)
        on_element();
    return true;
}

/// Calls `on_answer(index)` for each answer of a GraphQL server: the elements of a batch, which is an array,
/// or the only one; it consumes the answer. Returns the number of answers in a batch; nullopt if it is none.
template<class OnAnswer>
std::optional<std::size_t> for_each_answer(Scan& scan, OnAnswer on_answer) {
    std::size_t index = 0;
    const auto next = [&] { on_answer(index++); };
    if (scan.peek() == Kind::array) {
        for_each_element(scan, next);
        return index;
    }
    next();
    return std::nullopt;
}

} // namespace bearerd::json
