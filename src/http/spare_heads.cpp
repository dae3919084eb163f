#include <bearerd/http/spare_heads.hpp>

#include <boost/container/static_vector.hpp>

#include <cstddef>
#include <utility>

namespace bearerd::http {
namespace {

constexpr std::size_t worth_keeping = 16 * 1024; // bytes

using SpareHeads = boost::container::static_vector<std::string, 64>;

SpareHeads& spare_heads() noexcept {
    thread_local SpareHeads list;
    return list;
}

} // namespace

std::string take_spare_head() noexcept {
    SpareHeads& spares = spare_heads();
    if (spares.empty())
        return {};
    std::string head = std::move(spares.back());
    spares.pop_back();
    return head;
}

void keep_spare_head(std::string&& head) noexcept {
    SpareHeads& spares = spare_heads();
    if (head.capacity() <= worth_keeping && spares.size() < spares.capacity()) {
        spares.push_back(std::move(head));
        spares.back().clear();
    }
    std::string{}.swap(head); // whatever was not kept
}

void release_spare_heads() noexcept {
    spare_heads().clear();
}

} // namespace bearerd::http
