#pragma once

#include <bearerd/base/secret.hpp>
#include <bearerd/config/config.hpp>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

/// The names and keys that all replicas of a fleet derive alike (contract 12).
namespace bearerd::fleet {

/// What names and keys are derived from. Replicas form one fleet if all of it is the same.
struct KeyInput {
    std::string_view prefix;          ///< `fleet.prefix`
    std::string_view upstream;        ///< the text of `upstream.url`
    std::string_view account;         ///< config::login_account()
    const Secret* key_file = nullptr; ///< the content of `fleet.key_file`, if it is set
    const Secret& password;
    /// The login is by e-mail address. It shares transactions with logins by name, but nothing else: they may
    /// be two users, whatever the address says.
    bool by_email = false;
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
    /// 32 hexadecimal digits that tell passwords apart, and logins by name from logins by e-mail address: an
    /// HMAC by a key that the store never sees. The same password gives the same digits in all replicas.
    std::string password;
    bool from_key_file = false; ///< where seal_key and mac_key come from
    std::string account; ///< KeyInput::account and the form of the login: what a sealed token is bound to
};

using KeysPtr = std::shared_ptr<const Keys>;

/// Takes 30 ms and 16 MiB without a key file: scrypt, so that someone who reads the store can't try passwords
/// quickly. Returns nullopt if OpenSSL's scrypt fails, or for an empty secret.
[[nodiscard]] std::optional<Keys> derive_keys(const KeyInput& input);

/// Makes the keys for logins as for transactions, and keeps the last ones, so that nobody waits for scrypt
/// twice because of the same settings. Used on one thread.
class KeyRing {
public:
    KeyRing() = default;
    KeyRing(const KeyRing&) = delete;
    KeyRing& operator=(const KeyRing&) = delete;

    /// `credentials`: those of the settings, perhaps with a newer password from their file. Returns nullptr
    /// if derive_keys() fails.
    [[nodiscard]] KeysPtr keys_of(const config::Settings& settings, const config::Credentials& credentials);

private:
    struct Source {
        std::string prefix;
        std::string upstream;
        std::string account;
        std::optional<Secret> key_file;
        Secret password;
        bool by_email;

        explicit Source(const KeyInput& input);
        [[nodiscard]] bool is(const KeyInput& input) const;
    };

    std::optional<Source> source_; ///< of keys_
    KeysPtr keys_;
};

} // namespace bearerd::fleet
