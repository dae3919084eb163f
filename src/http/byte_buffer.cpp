#include <bearerd/http/byte_buffer.hpp>

#include <bearerd/base/free_list.hpp>
#include <bearerd/base/secret.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace bearerd::http {
namespace {

constexpr std::size_t worthwhile_room = 512; // with less, moving or growing beats many small reads
constexpr std::size_t body_reserve = 512;    // kept free while a head is read, for the bytes after it

/// Blocks that this thread's buffers have released, ready for the next message. The allocator would join and
/// split blocks of this size on every request.
class SpareBlocks {
public:
    std::unique_ptr<char[]> take(std::size_t capacity) {
        for (Shelf& shelf : shelves_)
            if (auto block = shelf.capacity == capacity ? shelf.blocks.take() : nullptr)
                return block;
        return std::make_unique_for_overwrite<char[]>(capacity);
    }

    void give(std::unique_ptr<char[]> memory, std::size_t capacity) noexcept {
        for (Shelf& shelf : shelves_) {
            if (shelf.blocks.empty())
                shelf.capacity = capacity;
            if (shelf.capacity == capacity && shelf.blocks.keep(memory, most_spare / capacity))
                return;
        }
    }

    void clear() noexcept {
        for (Shelf& shelf : shelves_)
            shelf.blocks.clear();
    }

private:
#ifdef BEARERD_SANITIZED // the sanitizer should see a view that has outlived its buffer
    static constexpr std::size_t most_spare = 0;
#else
    static constexpr std::size_t most_spare = 256 * 1024; // bytes per shelf
#endif

    struct Shelf {
        std::size_t capacity = 0;
        FreeList<std::unique_ptr<char[]>> blocks;
    };

    std::array<Shelf, 3> shelves_; // the first size of apps' buffers, of upstream ones, and a larger one
};

thread_local SpareBlocks spare_blocks;

} // namespace

std::span<char> ByteBuffer::prepare() {
    if (begin_ == end_)
        begin_ = end_ = floor_;
    const bool pinned = floor_ != 0;
    if (capacity_ - end_ < worthwhile_room + body_reserve && begin_ > floor_) {
        std::memmove(memory_.get() + floor_, memory_.get() + begin_, end_ - begin_);
        end_ -= begin_ - floor_;
        begin_ = floor_;
    }
    if (pinned) // growing would move the head, and its views would dangle
        return {memory_.get() + end_, capacity_ - end_};
    const std::size_t most = limit_ + body_reserve;
    if (capacity_ - end_ < worthwhile_room + body_reserve && capacity_ < most)
        grow(std::min(most, std::max(first_capacity_, capacity_ * 2)));
    const std::size_t room = capacity_ - end_;
    return {memory_.get() + end_, room > body_reserve ? room - body_reserve : 0};
}

void ByteBuffer::grow(std::size_t capacity) {
    auto memory = spare_blocks.take(capacity);
    if (end_ != 0) {
        std::memcpy(memory.get(), memory_.get(), end_);
        bearerd::wipe(memory_.get(), high_water_);
    }
    memory_ = std::move(memory);
    capacity_ = capacity;
}

void ByteBuffer::wipe() noexcept {
    if (memory_)
        bearerd::wipe(memory_.get(), high_water_);
    high_water_ = begin_ = end_ = floor_ = 0;
}

void ByteBuffer::release_if_empty() noexcept {
    if (begin_ != end_)
        return;
    if (memory_)
        spare_blocks.give(std::move(memory_), capacity_);
    capacity_ = high_water_ = floor_ = begin_ = end_ = 0;
}

void release_spare_blocks() noexcept {
    spare_blocks.clear();
}

} // namespace bearerd::http
