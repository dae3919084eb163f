// Turns bytes into events: in any order, the token machine keeps its promises.
#include "token_machine_driver.hpp"

#include <cstdio>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto broken = bearerd::auth::test::TokenMachineDriver{}.run({data, size});
    if (!broken.empty()) {
        std::fprintf(stderr, "broken: %.*s\n", static_cast<int>(broken.size()), broken.data());
        std::abort();
    }
    return 0;
}
