#pragma once

#include <bearerd/base/secret.hpp>

#include <array>
#include <optional>
#include <string>
#include <string_view>

/// The names and keys that all replicas of a fleet derive alike (contract 12). Pure.
namespace bearerd::fleet {

/// What they are derived from. Replicas are one fleet if all of it is the same.
struct KeyInput {
    std::string_view prefix;          ///< `fleet.prefix`
    std::string_view upstream;        ///< the text of `upstream.url`
    std::string_view account;         ///< the user and the form of its login: config::login_account()
    const Secret* key_file = nullptr; ///< the content of `fleet.key_file`, if it is set
    const Secret& password;
};

/// Immutable once made; any thread may read it.
struct Keys {
    /// In front of the name of each key in the store: "PREFIX:{ID}:", where ID is 32 hexadecimal digits that
    /// tell upstream and account apart and name neither. A cluster keeps all keys with the same text in the
    /// braces in one slot.
    std::string prefix;
    /// 16 bytes: the salt from which the following keys are made, for auth::seal(). All replicas make the
    /// same one.
    std::array<unsigned char, 16> salt{};
    Secret seal_key; ///< 32 bytes for AES-256: seals the token
    /// 32 bytes for HMAC-SHA-256: of the identities of transactions. It comes from the key file, else from
    /// the password, so that without a key file a changed password makes other identities.
    Secret mac_key;
    /// 32 hexadecimal digits that tell passwords apart: an HMAC by a key that the store never sees. The same
    /// password gives the same digits in all replicas.
    std::string password;
    bool from_key_file = false; ///< where seal_key and mac_key come from
};

/// Takes 30 ms and 16 MiB without a key file: scrypt, so that someone who reads the store can't try passwords
/// quickly. Returns nullopt if OpenSSL fails, or for an empty secret.
[[nodiscard]] std::optional<Keys> derive_keys(const KeyInput& input);

} // namespace bearerd::fleet
