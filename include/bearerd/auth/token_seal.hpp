#pragma once

#include <bearerd/base/secret.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Sealing what is stored (contract 3.9): AES-256-GCM over bytes, no files. A sealed text is
/// magic (8) · version (1) · key source (1) · salt (16) · nonce (12) · ciphertext · tag (16).
namespace bearerd::auth {

using Salt = std::array<unsigned char, 16>;

enum class KeySource : std::uint8_t {
    password = 1, ///< by scrypt (N = 2^14, r = 8, p = 1): some 30 ms and 16 MiB
    key_file = 2, ///< by HKDF-Extract with SHA-256: a key file is random bytes, so this may be quick
};

/// What a sealed text is for. It opens for no other purpose, upstream or user.
struct SealContext {
    std::string_view purpose; ///< "token", "login" or "refresh"
    std::string_view url;
    std::string_view user;
};

/// Returns a new salt; nullopt if the system has no randomness. Each key needs one of its own.
[[nodiscard]] std::optional<Salt> make_salt();

/// Returns 32 bytes; nullopt if OpenSSL's scrypt fails.
[[nodiscard]] std::optional<Secret> derive_key(KeySource source, const Secret& material, const Salt& salt);

/// Returns the salt of a sealed text; nullopt if it is not one of ours or not of this source.
[[nodiscard]] std::optional<Salt> salt_of(std::string_view sealed, KeySource source) noexcept;

/// Seals with a new nonce. `key` is derive_key()'s for this source and salt. Returns nullopt if OpenSSL
/// fails.
[[nodiscard]] std::optional<std::string> seal(const SealContext& context, KeySource source, const Salt& salt,
                                              const Secret& key, const Secret& plain);

/// Returns what was sealed; nullopt if a single bit has changed, or if key or context are not those it was
/// sealed with.
[[nodiscard]] std::optional<Secret> unseal(const SealContext& context, KeySource source, const Secret& key,
                                           std::string_view sealed);

/// Returns 32 hexadecimal digits that distinguish upstream and user and reveal neither, for file names.
[[nodiscard]] std::string store_name(std::string_view url, std::string_view user);

} // namespace bearerd::auth
