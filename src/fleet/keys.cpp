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
    keys.account = input.account;
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

KeyRing::Source::Source(const KeyInput& input)
    : prefix{input.prefix},
      upstream{input.upstream},
      account{input.account},
      password{input.password.clone()} {
    if (input.key_file != nullptr)
        key_file = input.key_file->clone();
}

bool KeyRing::Source::is(const KeyInput& input) const {
    const bool has_file = input.key_file != nullptr;
    return prefix == input.prefix && upstream == input.upstream && account == input.account &&
           has_file == key_file.has_value() && (!has_file || key_file->equals(*input.key_file)) &&
           password.equals(input.password);
}

KeysPtr KeyRing::keys_of(const config::Settings& settings, const config::Credentials& credentials) {
    // login_account() is also what the token store on this machine is bound to, and says only what was
    // written.
    const std::string account = config::login_account(settings) + (credentials.by_email ? "\nemail" : "");
    const Secret* const key_file = settings.fleet.key_file.empty() ? nullptr : &settings.fleet.key;
    const KeyInput input{settings.fleet.prefix, settings.upstream.url.text, account, key_file,
                         credentials.password};
    if (source_ && source_->is(input))
        return keys_;
    auto keys = derive_keys(input);
    if (!keys)
        return nullptr;
    auto made = std::make_shared<const Keys>(std::move(*keys));
    source_.emplace(input);
    keys_ = made;
    return made;
}

} // namespace bearerd::fleet
