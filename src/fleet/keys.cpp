#include <bearerd/fleet/keys.hpp>

#include <bearerd/base/hex.hpp>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <cstdint>
#include <initializer_list>

namespace bearerd::fleet {
namespace {

constexpr std::size_t key_size = 32; // of SHA-256 and AES-256
constexpr std::size_t name_size = 16;

using Digest = std::array<unsigned char, EVP_MAX_MD_SIZE>;

const unsigned char* bytes(std::string_view text) noexcept {
    return reinterpret_cast<const unsigned char*>(text.data());
}

/// The parts, each with its length, so that no two lists read the same.
std::string join(std::initializer_list<std::string_view> parts) {
    std::string out;
    for (const auto part : parts)
        out.append(std::to_string(part.size())).append(":").append(part);
    return out;
}

std::optional<Digest> digest_of(std::string_view text) {
    Digest digest{};
    unsigned int size = 0;
    if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1)
        return std::nullopt;
    return digest;
}

std::optional<Secret> hmac(std::string_view key, std::string_view text) {
    std::string out(key_size, '\0');
    unsigned int size = 0;
    const auto* const done = HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes(text),
                                  text.size(), reinterpret_cast<unsigned char*>(out.data()), &size);
    Secret result{std::move(out)};
    return done != nullptr ? std::optional{std::move(result)} : std::nullopt;
}

/// The cost is that of the token store's key.
std::optional<Secret> stretch(const Secret& password, std::string_view salt) {
    constexpr std::uint64_t cost = 1 << 14;
    std::string out(key_size, '\0');
    const auto from = password.reveal();
    const bool done = EVP_PBE_scrypt(from.data(), from.size(), bytes(salt), salt.size(), cost, 8, 1, 0,
                                     reinterpret_cast<unsigned char*>(out.data()), out.size()) == 1;
    Secret result{std::move(out)};
    return done ? std::optional{std::move(result)} : std::nullopt;
}

} // namespace

std::optional<Keys> derive_keys(const KeyInput& input) {
    const Secret& material = input.key_file != nullptr ? *input.key_file : input.password;
    const auto id = digest_of(join({"bearerd fleet", input.upstream, input.account}));
    if (!id || material.empty() || input.password.empty())
        return std::nullopt;
    Keys keys;
    keys.from_key_file = input.key_file != nullptr;
    keys.prefix = std::string{input.prefix} + ":{" + hex({id->data(), name_size}) + "}:";
    std::copy_n(id->begin() + name_size, keys.salt.size(), keys.salt.begin());
    const std::string salt{keys.salt.begin(), keys.salt.end()};
    // A key file holds random bytes: there is nothing to slow down for.
    const auto root = keys.from_key_file ? hmac(salt, material.reveal()) : stretch(material, salt);
    if (!root)
        return std::nullopt;
    auto seal_key = hmac(root->reveal(), "token");
    auto mac_key = hmac(root->reveal(), "transactions");
    const auto password_key = hmac(root->reveal(), "password");
    if (!seal_key || !mac_key || !password_key)
        return std::nullopt;
    const auto password = hmac(password_key->reveal(), input.password.reveal());
    if (!password)
        return std::nullopt;
    keys.seal_key = std::move(*seal_key);
    keys.mac_key = std::move(*mac_key);
    keys.password = hex({bytes(password->reveal()), name_size});
    return keys;
}

} // namespace bearerd::fleet
