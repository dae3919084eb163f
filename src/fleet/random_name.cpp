#include <bearerd/fleet/random_name.hpp>

#include <bearerd/base/hex.hpp>
#include <bearerd/crypto/crypto.hpp>

#include <array>
#include <stdexcept>

namespace bearerd::fleet {

std::string random_name() {
    std::array<unsigned char, 16> bytes{};
    if (!crypto::fill_randomly(bytes))
        throw std::runtime_error{"no random numbers for a name"};
    return hex(bytes);
}

} // namespace bearerd::fleet
