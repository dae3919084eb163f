#include <bearerd/fleet/keys.hpp>

#include <bearerd/base/hex.hpp>
#include <bearerd/crypto/crypto.hpp>

#include <algorithm>
#include <span>

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
    keys.account = std::string{input.account} + (input.by_email ? "\nemail" : "");
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
    const Secret password_key =
        hmac_key(root->reveal(), input.by_email ? "password of an address" : "password");
    crypto::Digest password = crypto::hmac(password_key.reveal(), input.password.reveal());
    keys.password = hex(std::span{password}.first(name_digits / 2));
    wipe(password.data(), password.size());
    return keys;
}

KeyRing::Source::Source(const KeyInput& input)
    : prefix{input.prefix},
      upstream{input.upstream},
      account{input.account},
      password{input.password.clone()},
      by_email{input.by_email} {
    if (input.key_file != nullptr)
        key_file = input.key_file->clone();
}

bool KeyRing::Source::is(const KeyInput& input) const {
    const bool has_file = input.key_file != nullptr;
    return prefix == input.prefix && upstream == input.upstream && account == input.account &&
           has_file == key_file.has_value() && (!has_file || key_file->equals(*input.key_file)) &&
           password.equals(input.password) && by_email == input.by_email;
}

KeysPtr KeyRing::keys_of(const config::Settings& settings, const config::Credentials& credentials) {
    const std::string account = config::login_account(settings);
    const Secret* const key_file = settings.fleet.key_file.empty() ? nullptr : &settings.fleet.key;
    const KeyInput input{settings.fleet.prefix, settings.upstream.url.text, account, key_file,
                         credentials.password,  credentials.by_email};
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
