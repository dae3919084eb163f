#include "request_id.hpp"

#include <bearerd/base/hex.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <random>

namespace bearerd::server {
namespace {

std::uint64_t random_seed() {
    std::random_device device;
    return (static_cast<std::uint64_t>(device()) << 32) | device();
}

/// SplitMix64: ids must be unique and well distributed, not secret.
class Ids {
public:
    Ids() : prefix_{random_seed()}, state_{random_seed()} {}

    std::array<std::uint64_t, 2> next() noexcept {
        std::uint64_t z = (state_ += 0x9E3779B97F4A7C15ULL);
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
        return {prefix_ | letter_in_the_first, (z ^ (z >> 31)) | letter_in_the_second};
    }

private:
    // Log and journal mask 12 digits in a row (contract 2). The 11th and the 22nd of these hexadecimal digits
    // are letters (a, b, e or f), so that our ids never have such a run and read the same everywhere.
    static constexpr std::uint64_t letter_in_the_first = 0xAULL << 20U;
    static constexpr std::uint64_t letter_in_the_second = 0xAULL << 40U;

    std::uint64_t prefix_; ///< differs between threads and processes
    std::uint64_t state_;
};

} // namespace

void make_request_id(std::string& out) {
    thread_local Ids ids;
    std::array<char, 32> text; // NOLINT(cppcoreguidelines-pro-type-member-init): each byte is written
    char* at = text.data();
    for (const std::uint64_t half : ids.next())
        for (int shift = 56; shift >= 0; shift -= 8) {
            const std::array<char, 2>& pair = hex_of_byte[(half >> shift) & 0xFF];
            at = std::copy(pair.begin(), pair.end(), at);
        }
    out.assign(text.data(), text.size());
}

} // namespace bearerd::server
