#include <bearerd/fleet/keys.hpp>

#include <bearerd/base/hex.hpp>
#include <bearerd/crypto/crypto.hpp>

#include <algorithm>

namespace bearerd::fleet {

using crypto::hmac_key;

std::optional<Keys> derive_keys(const KeyInput& input) {
    constexpr std::size_t name_digits = 32;
    const Secret& material = input.key_file != nullptr ? *input.key_file : input.password;
    const auto id = crypto::sha256(crypto::join({"bearerd fleet", input.upstream, input.account}));
    if (material.empty() || input.password.empty())
        return std::nullopt;
    Keys keys;
    keys.from_key_file = input.key_file != nullptr;
    keys.prefix = std::string{input.prefix} + ":{" + hex(id).substr(0, name_digits) + "}:";
    std::copy_n(id.begin() + name_digits / 2, keys.salt.size(), keys.salt.begin());
    const std::string salt{keys.salt.begin(), keys.salt.end()};
    // A key file holds random bytes: there is nothing to slow down for.
    const auto root = keys.from_key_file ? std::optional{hmac_key(salt, material.reveal())}
                                         : crypto::scrypt(material, salt);
    if (!root)
        return std::nullopt;
    keys.seal_key = hmac_key(root->reveal(), "token");
    keys.mac_key = hmac_key(root->reveal(), "transactions");
    const Secret password_key = hmac_key(root->reveal(), "password");
    keys.password = hex(crypto::hmac(password_key.reveal(), input.password.reveal())).substr(0, name_digits);
    return keys;
}

} // namespace bearerd::fleet
