#pragma once

#include <string>

namespace bearerd::http {

/// A string for the text of a message head. It begins empty, with memory from its thread's free list if there
/// is some, and gives its memory back in the destructor: an allocator would be asked several times for each
/// head, as it grows. A head that held a secret must have been wiped by then.
class HeadText : public std::string {
public:
    HeadText() noexcept;
    HeadText(const HeadText&) = delete;
    HeadText& operator=(const HeadText&) = delete;
    HeadText(HeadText&&) noexcept = default;
    HeadText& operator=(HeadText&&) noexcept = default;

    ~HeadText() {
        if (capacity() >= sizeof(std::string)) // not one that was moved from
            give_back();
    }

private:
    void give_back() noexcept;
};

/// Frees the memory in this thread's free list.
void release_spare_heads() noexcept;

} // namespace bearerd::http
