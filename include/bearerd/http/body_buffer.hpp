#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

namespace bearerd::http {

/// The bytes of a body, contiguous. Unlike a string, it can be received into without being filled first, and
/// it leaves no copy in freed memory when it grows. It has no bound: the caller keeps one.
class BodyBuffer {
public:
    BodyBuffer() noexcept = default;
    BodyBuffer(const BodyBuffer&) = delete;
    BodyBuffer& operator=(const BodyBuffer&) = delete;

    ~BodyBuffer() { wipe(); }

    /// Valid until bytes are added.
    [[nodiscard]] std::string_view view() const noexcept { return {memory_.get(), size_}; }

    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }

    [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }

    /// Reserves memory for this many bytes in total.
    void reserve(std::size_t capacity);

    void append(std::string_view bytes);

    /// Returns room for `size` bytes after the present ones; commit() says how many of them have been filled.
    [[nodiscard]] char* prepare(std::size_t size);

    void commit(std::size_t size) noexcept { size_ += size; }

    /// Empties the buffer, but keeps the memory and its contents.
    void clear() noexcept;

    /// Overwrites what it holds and held, and frees the memory.
    void wipe() noexcept;

private:
    std::unique_ptr<char[]> memory_;
    std::size_t capacity_ = 0;
    std::size_t size_ = 0;
    std::size_t high_water_ = 0; ///< the greatest size_ at any clear() so far
};

} // namespace bearerd::http
