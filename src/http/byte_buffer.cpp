#include <bearerd/http/byte_buffer.hpp>

#include <bearerd/base/secret.hpp>

#include <algorithm>
#include <cstring>

namespace bearerd::http {
namespace {

constexpr std::size_t worthwhile_room = 512; // below it, moving or growing beats many small reads
constexpr std::size_t body_reserve = 512; // kept free while a head is read, to be there behind it once pinned

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
    if (pinned) // growing would move the head away from under its views
        return {memory_.get() + end_, capacity_ - end_};
    const std::size_t most = limit_ + body_reserve;
    if (capacity_ - end_ < worthwhile_room + body_reserve && capacity_ < most)
        grow(std::min(most, std::max(first_capacity_, capacity_ * 2)));
    const std::size_t room = capacity_ - end_;
    return {memory_.get() + end_, room > body_reserve ? room - body_reserve : 0};
}

void ByteBuffer::grow(std::size_t capacity) {
    auto memory = std::make_unique_for_overwrite<char[]>(capacity);
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
    memory_.reset();
    capacity_ = high_water_ = floor_ = begin_ = end_ = 0;
}

} // namespace bearerd::http
