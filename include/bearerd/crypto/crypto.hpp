#pragma once

#include <bearerd/base/secret.hpp>

#include <array>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>

/// Pure but for fill_randomly(); any thread. SHA-256 and HMAC throw std::runtime_error if OpenSSL does not
/// give them: openssl.cnf has switched off its default provider, or memory is exhausted.
namespace bearerd::crypto {

using Digest = std::array<unsigned char, 32>;

/// Appends the part with its length, so that no two lists of parts have the same text.
inline void append_part(std::string& out, std::string_view part) {
    out.append(std::to_string(part.size())).append(":").append(part);
}

[[nodiscard]] inline std::string join(std::initializer_list<std::string_view> parts) {
    std::string out;
    for (const auto part : parts)
        append_part(out, part);
    return out;
}

[[nodiscard]] Digest sha256(std::string_view text);
/// HMAC with SHA-256, which is HKDF-Extract as well.
[[nodiscard]] Digest hmac(std::string_view key, std::string_view text);
[[nodiscard]] Secret hmac_key(std::string_view key, std::string_view text);
/// Returns 32 bytes (N = 2^14, r = 8, p = 1: some 30 ms and 16 MiB); nullopt if OpenSSL fails.
[[nodiscard]] std::optional<Secret> scrypt(const Secret& password, std::string_view salt);
[[nodiscard]] Secret base64(std::string_view text);
/// Returns false if the system has no random numbers.
[[nodiscard]] bool fill_randomly(std::span<unsigned char> out) noexcept;

} // namespace bearerd::crypto
