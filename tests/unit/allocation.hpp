#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <new>

/// Measures the largest block that a thread allocates, and lets a test take all memory away for a while.
/// Replaces the allocation functions of the whole program, so one source file of it may include this. Does
/// nothing with a sanitizer, which has replaced them already.
namespace bearerd::test {

/// The largest block of this thread, by operator new.
inline thread_local std::size_t largest_block = 0;

inline thread_local bool memory_is_out = false;

/// While it lives, whatever this thread allocates fails.
class NoMemory {
public:
    NoMemory() noexcept { memory_is_out = true; }

    NoMemory(const NoMemory&) = delete;
    NoMemory& operator=(const NoMemory&) = delete;

    ~NoMemory() { memory_is_out = false; }
};

} // namespace bearerd::test

#ifndef BEARERD_SANITIZED

void* operator new(std::size_t size) {
    bearerd::test::largest_block = std::max(bearerd::test::largest_block, size);
    void* const memory = bearerd::test::memory_is_out ? nullptr : std::malloc(size);
    if (memory == nullptr)
        throw std::bad_alloc{};
    return memory;
}

void operator delete(void* memory) noexcept {
    std::free(memory);
}

void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}

/// Asio takes its memory by this function.
extern "C" void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
    void* memory = nullptr;
    if (bearerd::test::memory_is_out || ::posix_memalign(&memory, alignment, size) != 0)
        return nullptr;
    return memory;
}

#endif
