#include <bearerd/auth/jwt.hpp>

#include <nlohmann/json.hpp>

#include <array>
#include <cmath>

namespace bearerd::auth {
namespace {

constexpr std::int64_t max_time = std::int64_t{1} << 53;

constexpr std::array<std::int8_t, 256> make_alphabet() {
    std::array<std::int8_t, 256> values{};
    values.fill(-1);
    std::int8_t next = 0;
    for (const char c : std::string_view{"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"})
        values[static_cast<unsigned char>(c)] = next++;
    return values;
}

/// Empty where the text is not base64url.
std::string decode_base64url(std::string_view text) {
    static constexpr auto alphabet = make_alphabet();
    for (int padding = 0; padding < 2 && text.ends_with('='); ++padding)
        text.remove_suffix(1);
    if (text.size() % 4 == 1)
        return {};
    std::string out;
    out.reserve(text.size() / 4 * 3 + 2);
    std::uint32_t bits = 0;
    int count = 0;
    for (const char c : text) {
        const auto value = alphabet[static_cast<unsigned char>(c)];
        if (value < 0)
            return {};
        bits = bits << 6 | static_cast<std::uint32_t>(value);
        if ((count += 6) >= 8)
            out.push_back(static_cast<char>(bits >> (count -= 8) & 0xff));
    }
    return out;
}

/// The part between the two dots of a text that has exactly two.
std::string_view payload_of(std::string_view token) noexcept {
    const auto first = token.find('.');
    if (first == std::string_view::npos)
        return {};
    const auto second = token.find('.', first + 1);
    if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos)
        return {};
    return token.substr(first + 1, second - first - 1);
}

std::optional<std::int64_t> time_claim(const nlohmann::json& claims, const char* name) {
    const auto it = claims.find(name);
    if (it == claims.end() || !it->is_number())
        return std::nullopt;
    if (it->is_number_float()) {
        const double value = it->get<double>();
        if (!(value >= 0 && value <= static_cast<double>(max_time)))
            return std::nullopt;
        return static_cast<std::int64_t>(value);
    }
    if (it->is_number_unsigned() && it->get<std::uint64_t>() > static_cast<std::uint64_t>(max_time))
        return std::nullopt;
    const auto value = it->get<std::int64_t>();
    return value < 0 ? std::nullopt : std::optional{value};
}

} // namespace

Claims parse_claims(std::string_view token) {
    Claims result;
    if (token.size() > max_token_size)
        return result;
    const auto text = decode_base64url(payload_of(token));
    if (text.empty())
        return result;
    const auto claims = nlohmann::json::parse(text, nullptr, false);
    if (!claims.is_object())
        return result;
    result.issued_at = time_claim(claims, "iat");
    result.expires_at = time_claim(claims, "exp");
    for (const char* name : {"sub", "id", "user_id", "username", "email"}) {
        const auto it = claims.find(name);
        if (it == claims.end())
            continue;
        if (it->is_string())
            result.identity.emplace_back(name, it->get_ref<const std::string&>());
        else if (it->is_number())
            result.identity.emplace_back(name, it->dump());
    }
    return result;
}

} // namespace bearerd::auth
