#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <new>

/// Measures the largest block that a thread allocates. Replaces the allocation functions of the whole
/// program, so one source file of it may include this. Measures nothing with a sanitizer, which has replaced
/// them already.
namespace bearerd::test {

inline thread_local std::size_t largest_block = 0;

} // namespace bearerd::test

#ifndef BEARERD_SANITIZED

void* operator new(std::size_t size) {
    bearerd::test::largest_block = std::max(bearerd::test::largest_block, size);
    void* const memory = std::malloc(size);
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

#endif
