#include <bearerd/http/spare_heads.hpp>

#include <boost/container/static_vector.hpp>

#include <cstddef>
#include <utility>

namespace bearerd::http {
namespace {

constexpr std::size_t largest_kept = 16 * 1024; // bytes

using SpareHeads = boost::container::static_vector<std::string, 64>;

SpareHeads& spare_heads() noexcept {
    thread_local SpareHeads list;
    return list;
}

} // namespace

std::string take_spare_head() noexcept {
    SpareHeads& free_list = spare_heads();
    if (free_list.empty())
        return {};
    std::string head = std::move(free_list.back());
    free_list.pop_back();
    return head;
}

void keep_spare_head(std::string&& head) noexcept {
    SpareHeads& free_list = spare_heads();
    if (head.capacity() <= largest_kept && free_list.size() < free_list.capacity()) {
        free_list.push_back(std::move(head));
        free_list.back().clear();
    }
    std::string{}.swap(head); // whatever was not kept
}

void release_spare_heads() noexcept {
    spare_heads().clear();
}

} // namespace bearerd::http
