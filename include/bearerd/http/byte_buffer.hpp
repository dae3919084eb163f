#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

namespace bearerd::http {

/// A connection's receive buffer: contiguous, bounded, and without memory while the connection is idle. After
/// a head has been parsed, pin() keeps its bytes in place, because the message's fields are views into them.
class ByteBuffer {
public:
    /// `limit`: the most bytes that it accepts before pin(), so at least the limit of a head. After a pinned
    /// head there is always some more room, so that a body can be read through it. `first_capacity`: how much
    /// is allocated when the first byte is awaited.
    explicit ByteBuffer(std::size_t limit, std::size_t first_capacity = 4096) noexcept
        : first_capacity_{first_capacity}, limit_{limit} {}

    /// Returns the bytes that were received and not yet consumed.
    [[nodiscard]] std::string_view data() const noexcept { return {memory_.get() + begin_, end_ - begin_}; }

    [[nodiscard]] bool empty() const noexcept { return begin_ == end_; }

    /// Returns the room after data(), or nothing if the limit is reached. Moves bytes that are not pinned.
    [[nodiscard]] std::span<char> prepare();

    /// Adds `size` bytes of the room, which the caller has filled, to data().
    void commit(std::size_t size) noexcept {
        end_ += size;
        high_water_ = end_ > high_water_ ? end_ : high_water_;
    }

    void consume(std::size_t size) noexcept { begin_ += size; }

    /// Keeps the bytes consumed so far in place until unpin().
    void pin() noexcept { floor_ = begin_; }

    void unpin() noexcept { floor_ = 0; }

    /// Overwrites all bytes that were received. For connections whose messages carry tokens.
    void wipe() noexcept;

    /// Releases the memory if the buffer is empty. Bytes of a pipelined request keep it.
    void release_if_empty() noexcept;

private:
    void grow(std::size_t capacity);

    std::unique_ptr<char[]> memory_;
    std::size_t first_capacity_;
    std::size_t capacity_ = 0;
    std::size_t limit_;
    std::size_t floor_ = 0;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    std::size_t high_water_ = 0;
};

/// Frees the spare blocks of this thread's buffers. For when no message is expected.
void release_spare_blocks() noexcept;

} // namespace bearerd::http
