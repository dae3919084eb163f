#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

namespace bearerd::http {

/// A connection's receive buffer: flat, bounded, and holding no memory while the connection idles. Once a
/// head has been parsed, pin() keeps its bytes where they are, since the message's fields are views into
/// them.
class ByteBuffer {
public:
    /// `limit`: the most bytes that it takes before pin(), so at least the limit of a head. Behind a pinned
    /// head there is always some more room, so that a body can be read through it. `first_capacity`: what is
    /// allocated when the first byte is awaited.
    explicit ByteBuffer(std::size_t limit, std::size_t first_capacity = 4096) noexcept
        : first_capacity_{first_capacity}, limit_{limit} {}

    /// The bytes received and not consumed.
    [[nodiscard]] std::string_view data() const noexcept { return {memory_.get() + begin_, end_ - begin_}; }

    [[nodiscard]] bool empty() const noexcept { return begin_ == end_; }

    /// Room behind data(); empty where the limit is reached. Moves bytes that are not pinned.
    [[nodiscard]] std::span<char> prepare();

    /// `size` bytes of the room have been filled.
    void commit(std::size_t size) noexcept {
        end_ += size;
        high_water_ = end_ > high_water_ ? end_ : high_water_;
    }

    void consume(std::size_t size) noexcept { begin_ += size; }

    /// The bytes consumed so far stay where they are until unpin().
    void pin() noexcept { floor_ = begin_; }

    void unpin() noexcept { floor_ = 0; }

    /// Overwrites all bytes that were received: for connections whose messages carry tokens.
    void wipe() noexcept;

    /// Gives the memory back where nothing is left in it; bytes of a pipelined request keep it.
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

/// Gives back what buffers of this thread have left for the next message: for when there is none in sight.
void release_spare_blocks() noexcept;

} // namespace bearerd::http
