#include <bearerd/http/head_text.hpp>

#include <bearerd/base/free_list.hpp>

#include <cstddef>

namespace bearerd::http {
namespace {

constexpr std::size_t largest_kept = 16 * 1024; // bytes

FreeList<std::string>& spare_heads() noexcept {
    thread_local FreeList<std::string> list;
    return list;
}

} // namespace

HeadText::HeadText() noexcept : std::string{spare_heads().take()} {}

void HeadText::give_back() noexcept {
    clear();
    if (capacity() <= largest_kept)
        spare_heads().keep(*this);
}

void release_spare_heads() noexcept {
    spare_heads().clear();
}

} // namespace bearerd::http
