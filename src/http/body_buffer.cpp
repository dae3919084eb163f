#include <bearerd/http/body_buffer.hpp>

#include <bearerd/base/secret.hpp>

#include <algorithm>
#include <cstring>

namespace bearerd::http {

void BodyBuffer::reserve(std::size_t capacity) {
    if (capacity <= capacity_)
        return;
    auto memory = std::make_unique_for_overwrite<char[]>(capacity);
    const std::size_t size = size_;
    if (size != 0)
        std::memcpy(memory.get(), memory_.get(), size);
    wipe();
    memory_ = std::move(memory);
    capacity_ = capacity;
    size_ = size;
}

void BodyBuffer::append(std::string_view bytes) {
    if (bytes.empty())
        return;
    std::memcpy(prepare(bytes.size()), bytes.data(), bytes.size());
    commit(bytes.size());
}

char* BodyBuffer::prepare(std::size_t size) {
    if (capacity_ - size_ < size)
        reserve(std::max(size_ + size, capacity_ * 2));
    return memory_.get() + size_;
}

void BodyBuffer::clear() noexcept {
    high_water_ = std::max(high_water_, size_);
    size_ = 0;
}

void BodyBuffer::wipe() noexcept {
    if (memory_)
        bearerd::wipe(memory_.get(), std::max(high_water_, size_));
    memory_.reset();
    capacity_ = size_ = high_water_ = 0;
}

} // namespace bearerd::http
