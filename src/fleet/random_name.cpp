#include <bearerd/fleet/random_name.hpp>

#include <openssl/rand.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <stdexcept>

namespace bearerd::fleet {
namespace {

std::string hex(std::uint64_t number) {
    constexpr int base = 16;
    std::array<char, 2 * sizeof number> digits{};
    const auto written = std::to_chars(digits.begin(), digits.end(), number, base);
    return {digits.begin(), written.ptr};
}

} // namespace

std::string random_name() {
    std::array<std::uint64_t, 2> numbers{};
    if (RAND_bytes(reinterpret_cast<unsigned char*>(numbers.data()), sizeof numbers) != 1)
        throw std::runtime_error{"no random numbers for a name"};
    return hex(numbers[0]) + "-" + hex(numbers[1]);
}

} // namespace bearerd::fleet
