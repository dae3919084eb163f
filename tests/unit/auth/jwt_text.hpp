#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace bearerd::auth::test {

inline std::string base64url(std::string_view text) {
    constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    std::string out;
    std::uint32_t bits = 0;
    int count = 0;
    for (const char c : text) {
        bits = bits << 8 | static_cast<unsigned char>(c);
        for (count += 8; count >= 6;)
            out += alphabet[bits >> (count -= 6) & 63];
    }
    if (count > 0)
        out += alphabet[bits << (6 - count) & 63];
    return out;
}

/// An unsigned JWT with these claims.
inline std::string jwt(std::string_view claims) {
    return base64url(R"({"alg":"none"})") + "." + base64url(claims) + ".c2ln";
}

inline std::string jwt(std::int64_t issued, std::int64_t expires, std::string_view user = "till-042") {
    return jwt(R"({"iat":)" + std::to_string(issued) + R"(,"exp":)" + std::to_string(expires) +
               R"(,"username":")" + std::string{user} + R"("})");
}

} // namespace bearerd::auth::test
