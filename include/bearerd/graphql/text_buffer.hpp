#pragma once

#include <bearerd/base/ascii.hpp>

#include <array>
#include <cstddef>
#include <string>

namespace bearerd::graphql {

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
