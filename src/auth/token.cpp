#include <bearerd/auth/token.hpp>

#include <bearerd/base/ascii.hpp>
#include <bearerd/base/block.hpp>

#include <algorithm>
#include <array>

namespace bearerd::auth {
namespace {

constexpr std::chrono::seconds max_life = std::chrono::hours{24 * 30};
constexpr std::chrono::seconds default_life = std::chrono::minutes{60};

/// Visible ASCII throughout.
bool is_visible(std::string_view text) noexcept {
    std::size_t at = 0;
    for (; text.size() - at >= Block::size; at += Block::size) {
        const auto bytes = Block::load(text.data() + at);
        if (!Block::mask((bytes <= ' ') | (bytes == '\x7f')).none())
            return false;
    }
    text.remove_prefix(at);
    return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

bool starts_with_bearer(std::string_view text) noexcept {
    return equal_ignoring_case(text.substr(0, 6), "bearer");
}

/// What a program writes that has no token.
bool is_placeholder(std::string_view text) noexcept {
    return equal_ignoring_case(text, "null") || equal_ignoring_case(text, "undefined");
}

} // namespace

std::string_view token_in_header(std::string_view value) noexcept {
    auto token = trim(value);
    if (starts_with_bearer(token) && (token.size() == 6 || token[6] == ' '))
        token = trim(token.substr(6));
    if (starts_with_bearer(token) && token.size() == 6) // the scheme's name twice is no token either
        return {};
    if (is_placeholder(token) || token.size() > max_token_size)
        return {};
    return is_visible(token) && token.find(',') == std::string_view::npos ? token : std::string_view{};
}

Duration life_of(const Claims& claims) noexcept {
    // Both are within 0 … 2^53, so the difference can't overflow.
    if (!claims.issued_at || !claims.expires_at || *claims.expires_at <= *claims.issued_at)
        return default_life;
    return std::min(std::chrono::seconds{*claims.expires_at - *claims.issued_at}, max_life);
}

bool same_identity(const Claims& a, const Claims& b) noexcept {
    return std::all_of(a.identity.begin(), a.identity.end(), [&b](const auto& claim) {
        return std::all_of(b.identity.begin(), b.identity.end(), [&claim](const auto& other) {
            return claim.first != other.first || claim.second == other.second;
        });
    });
}

std::string_view display_name(const Claims& claims) noexcept {
    constexpr std::array<std::string_view, 6> best_first{answer_identity, "username", "email",
                                                         "sub",           "user_id",  "id"};
    for (const auto name : best_first) {
        for (const auto& [claim, value] : claims.identity) {
            if (claim == name)
                return value;
        }
    }
    return {};
}

} // namespace bearerd::auth
