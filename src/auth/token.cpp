#include <bearerd/auth/token.hpp>

#include <bearerd/base/ascii.hpp>

#include <algorithm>
#include <array>

namespace bearerd::auth {
namespace {

constexpr std::chrono::seconds max_life = std::chrono::hours{24 * 30};
constexpr std::chrono::seconds default_life = std::chrono::minutes{60};

} // namespace

std::string_view find_token(const http::Fields& fields, const std::vector<std::string>& token_headers) {
    for (const auto& name : token_headers) {
        for (const auto& field : fields.list) {
            if (field.name.size() != name.size() || // nearly all
                (field.name != name && !equal_ignoring_case(field.name, name)))
                continue;
            if (const auto token = token_in_header(field.value); !token.empty())
                return token;
        }
    }
    return {};
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
