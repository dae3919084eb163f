#include <bearerd/crypto/crypto.hpp>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <cstdint>
#include <stdexcept>

namespace bearerd::crypto {
namespace {

const unsigned char* bytes(std::string_view text) noexcept {
    return reinterpret_cast<const unsigned char*>(text.data());
}

[[noreturn]] void fail() {
    throw std::runtime_error{
        "OpenSSL does not give SHA-256: see whether openssl.cnf has switched off the default provider"};
}

/// Wipes the digest.
Secret take(Digest& digest) {
    Secret secret{std::string_view{reinterpret_cast<const char*>(digest.data()), digest.size()}};
    wipe(digest.data(), digest.size());
    return secret;
}

} // namespace

Digest sha256(std::string_view text) {
    Digest digest{};
    if (::SHA256(bytes(text), text.size(), digest.data()) == nullptr)
        fail();
    return digest;
}

Digest hmac(std::string_view key, std::string_view text) {
    Digest digest{};
    if (::HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes(text), text.size(),
               digest.data(), nullptr) == nullptr)
        fail();
    return digest;
}

Secret hmac_key(std::string_view key, std::string_view text) {
    Digest digest = hmac(key, text);
    return take(digest);
}

std::optional<Secret> scrypt(const Secret& password, std::string_view salt) {
    constexpr std::uint64_t cost = 1 << 14; // the first answer after a start waits for it
    Digest key{};
    const auto from = password.reveal();
    if (::EVP_PBE_scrypt(from.data(), from.size(), bytes(salt), salt.size(), cost, 8, 1, 0, key.data(),
                         key.size()) != 1)
        return std::nullopt;
    return take(key);
}

Secret base64(std::string_view text) {
    std::string out(4 * ((text.size() + 2) / 3) + 1, '\0'); // OpenSSL ends it with a zero
    ::EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), bytes(text),
                      static_cast<int>(text.size()));
    out.pop_back();
    return Secret{std::move(out)};
}

bool fill_randomly(std::span<unsigned char> out) noexcept {
    return ::RAND_bytes(out.data(), static_cast<int>(out.size())) == 1;
}

} // namespace bearerd::crypto
