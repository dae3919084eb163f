#include <bearerd/auth/token_seal.hpp>

#include <bearerd/base/hex.hpp>
#include <bearerd/crypto/crypto.hpp>

#include <openssl/evp.h>

#include <algorithm>
#include <limits>
#include <memory>

namespace bearerd::auth {
namespace {

constexpr std::string_view magic = "bearerd\n";
constexpr char version = 1;
constexpr std::size_t nonce_size = 12;
constexpr std::size_t tag_size = 16;
constexpr std::size_t key_size = 32;
constexpr std::size_t salt_offset = magic.size() + 2;
constexpr std::size_t nonce_offset = salt_offset + std::tuple_size_v<Salt>;
constexpr std::size_t head_size = nonce_offset + nonce_size;

struct FreeContext {
    void operator()(EVP_CIPHER_CTX* context) const noexcept { EVP_CIPHER_CTX_free(context); }
};

using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

const unsigned char* bytes(std::string_view text) noexcept {
    return reinterpret_cast<const unsigned char*>(text.data());
}

unsigned char* bytes(std::string& text) noexcept {
    return reinterpret_cast<unsigned char*>(text.data());
}

/// Fits int: the caller bounds it to some KiB; a check is cheaper than a proof.
std::optional<int> int_size(std::string_view text) noexcept {
    if (text.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()))
        return std::nullopt;
    return static_cast<int>(text.size());
}

std::string additional_data(const SealContext& context, std::string_view head) {
    return crypto::join({head, context.purpose, context.url, context.user});
}

/// Runs the cipher over `in`; the tag is read or written at `tag`.
bool run(bool encrypt, const Secret& key, std::string_view nonce, std::string_view data, std::string_view in,
         std::string& out, unsigned char* tag) {
    const CipherContext context{EVP_CIPHER_CTX_new()};
    const auto data_size = int_size(data);
    const auto in_size = int_size(in);
    if (!context || !data_size || !in_size || key.size() != key_size)
        return false;
    auto* ctx = context.get();
    int written = 0;
    int last = 0;
    out.resize(in.size() + 1); // never empty, so that there is a pointer to give
    const bool done = EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), nullptr, bytes(key.reveal()), bytes(nonce),
                                        encrypt ? 1 : 0) == 1 &&
                      (encrypt || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, tag_size, tag) == 1) &&
                      EVP_CipherUpdate(ctx, nullptr, &written, bytes(data), *data_size) == 1 &&
                      EVP_CipherUpdate(ctx, bytes(out), &written, bytes(in), *in_size) == 1 &&
                      EVP_CipherFinal_ex(ctx, bytes(out) + written, &last) == 1 &&
                      (!encrypt || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, tag_size, tag) == 1);
    if (done)
        out.resize(in.size());
    else
        wipe(out);
    return done;
}

bool is_ours(std::string_view sealed, KeySource source) noexcept {
    return sealed.size() >= head_size + tag_size && sealed.starts_with(magic) &&
           sealed[magic.size()] == version && sealed[magic.size() + 1] == static_cast<char>(source);
}

} // namespace

std::optional<Salt> make_salt() {
    Salt salt{};
    if (!crypto::fill_randomly(salt))
        return std::nullopt;
    return salt;
}

std::optional<Secret> derive_key(KeySource source, const Secret& material, const Salt& salt) {
    const std::string_view bytes{reinterpret_cast<const char*>(salt.data()), salt.size()};
    return source == KeySource::password ? crypto::scrypt(material, bytes)
                                         : crypto::hmac_key(bytes, material.reveal());
}

std::optional<Salt> salt_of(std::string_view sealed, KeySource source) noexcept {
    if (!is_ours(sealed, source))
        return std::nullopt;
    Salt salt{};
    std::copy_n(sealed.begin() + salt_offset, salt.size(), salt.begin());
    return salt;
}

std::optional<std::string> seal(const SealContext& context, KeySource source, const Salt& salt,
                                const Secret& key, const Secret& plain) {
    std::string sealed{magic};
    sealed += version;
    sealed += static_cast<char>(source);
    sealed.append(reinterpret_cast<const char*>(salt.data()), salt.size());
    const auto data = additional_data(context, sealed);
    sealed.resize(head_size);
    if (!crypto::fill_randomly({bytes(sealed) + nonce_offset, nonce_size}))
        return std::nullopt;
    std::string tag(tag_size, '\0');
    std::string ciphertext;
    const auto nonce = sealed.substr(nonce_offset);
    if (!run(true, key, nonce, data, plain.reveal(), ciphertext, bytes(tag)))
        return std::nullopt;
    return sealed + ciphertext + tag;
}

std::optional<Secret> unseal(const SealContext& context, KeySource source, const Secret& key,
                             std::string_view sealed) {
    if (!is_ours(sealed, source))
        return std::nullopt;
    const auto data = additional_data(context, sealed.substr(0, nonce_offset));
    const auto nonce = sealed.substr(nonce_offset, nonce_size);
    const auto ciphertext = sealed.substr(head_size, sealed.size() - head_size - tag_size);
    std::string tag{sealed.substr(sealed.size() - tag_size)};
    std::string plain;
    if (!run(false, key, nonce, data, ciphertext, plain, bytes(tag)))
        return std::nullopt;
    return Secret{std::move(plain)};
}

std::string store_name(std::string_view url, std::string_view user) {
    return hex(crypto::sha256(crypto::join({url, user}))).substr(0, 32);
}

} // namespace bearerd::auth
