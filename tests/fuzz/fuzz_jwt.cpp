// Whatever a header holds, reading it as a token never throws, and the result is within its bounds.
#include <bearerd/auth/jwt.hpp>

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace bearerd::auth;
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    const auto claims = parse_claims(text);
    const auto life = life_of(claims);
    const auto token = token_in_header(text);
    if (life <= bearerd::Duration{0} || token.size() > max_token_size || claims.issued_at.value_or(0) < 0)
        std::abort();
    return 0;
}
