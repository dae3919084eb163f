#pragma once

#include <bearerd/base/ascii.hpp>

#include <array>
#include <cstddef>
#include <string>

namespace bearerd::json {

/// Room for one decoded text: on the stack for typical lengths, on the heap for longer ones.
class TextBuffer {
public:
    TextBuffer() noexcept = default;
    TextBuffer(const TextBuffer&) = delete;
    TextBuffer& operator=(const TextBuffer&) = delete;

    /// Returns `size` bytes, uninitialised or with old contents; valid until the next call.
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

} // namespace bearerd::json
