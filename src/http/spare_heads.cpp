#include <bearerd/http/spare_heads.hpp>

#include <bearerd/base/free_list.hpp>

#include <cstddef>
#include <utility>

namespace bearerd::http {
namespace {

constexpr std::size_t largest_kept = 16 * 1024; // bytes

FreeList<std::string>& spare_heads() noexcept {
    thread_local FreeList<std::string> list;
    return list;
}

} // namespace

std::string take_spare_head() noexcept {
    return spare_heads().take();
}

void keep_spare_head(std::string&& head) noexcept {
    std::string empty = std::move(head);
    empty.clear();
    if (empty.capacity() <= largest_kept)
        spare_heads().keep(empty);
}

void release_spare_heads() noexcept {
    spare_heads().clear();
}

} // namespace bearerd::http
