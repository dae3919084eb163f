#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

namespace bearerd::http {

/// The bytes of a body, in one piece. Unlike a string it can be received into without being filled before,
/// and leaves no copy behind where it grows. Not bounded: its user is.
class BodyBuffer {
public:
    BodyBuffer() noexcept = default;
    BodyBuffer(const BodyBuffer&) = delete;
    BodyBuffer& operator=(const BodyBuffer&) = delete;

    ~BodyBuffer() { wipe(); }

    /// Valid until anything is added.
    [[nodiscard]] std::string_view view() const noexcept { return {memory_.get(), size_}; }

    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }

    [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }

    /// Room for so many bytes in all.
    void reserve(std::size_t capacity);

    void append(std::string_view bytes);

    /// Room for `size` bytes behind those that are there; commit() says how many have been filled.
    [[nodiscard]] char* prepare(std::size_t size);

    void commit(std::size_t size) noexcept { size_ += size; }

    /// Keeps the memory, with what it holds.
    void clear() noexcept;

    /// Overwrites what it holds and held, and gives the memory back.
    void wipe() noexcept;

private:
    std::unique_ptr<char[]> memory_;
    std::size_t capacity_ = 0;
    std::size_t size_ = 0;
    std::size_t high_water_ = 0; ///< of size_, up to the last clear()
};

} // namespace bearerd::http
