#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace bearerd::graphql {

/// ASCII only, whatever the locale.
[[nodiscard]] constexpr char to_lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

[[nodiscard]] constexpr bool equal_without_case(std::string_view a, std::string_view b) noexcept {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](char x, char y) { return to_lower(x) == to_lower(y); });
}

/// Room for one decoded text: on the stack for what is usual, on the heap for what is longer.
class TextBuffer {
public:
    TextBuffer() noexcept = default;
    TextBuffer(const TextBuffer&) = delete;
    TextBuffer& operator=(const TextBuffer&) = delete;

    /// `size` bytes, uninitialised or left over; valid until the next call.
    [[nodiscard]] char* room(std::size_t size) {
        if (size <= usual_.size())
            return usual_.data();
        if (long_.size() < size)
            long_.resize(size);
        return long_.data();
    }

private:
    std::array<char, 2048> usual_; // not initialised: written before it is read
    std::string long_;
};

} // namespace bearerd::graphql
