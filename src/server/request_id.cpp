#include <bearerd/server/request_id.hpp>

#include <array>
#include <cstdint>
#include <random>
#include <string_view>

namespace bearerd::server {
namespace {

std::uint64_t random_seed() {
    std::random_device device;
    return (static_cast<std::uint64_t>(device()) << 32) | device();
}

/// SplitMix64: ids must be unique and spread out, not secret.
class Ids {
public:
    Ids() : prefix_{random_seed()}, state_{random_seed()} {}

    std::array<std::uint64_t, 2> next() noexcept {
        std::uint64_t z = (state_ += 0x9E3779B97F4A7C15ULL);
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
        return {prefix_, z ^ (z >> 31)};
    }

private:
    std::uint64_t prefix_; ///< tells threads and processes apart
    std::uint64_t state_;
};

} // namespace

void make_request_id(std::string& out) {
    thread_local Ids ids;
    constexpr std::string_view digits = "0123456789abcdef";
    std::array<char, 32> text; // NOLINT(cppcoreguidelines-pro-type-member-init): each byte is written
    char* at = text.data();
    for (const std::uint64_t half : ids.next())
        for (int shift = 60; shift >= 0; shift -= 4)
            *at++ = digits[(half >> shift) & 0xF];
    out.assign(text.data(), text.size());
}

} // namespace bearerd::server
