#pragma once

#include <openssl/types.h>

#include <cstddef>
#include <string>
#include <string_view>

/// The authorities that the system trusts, as OpenSSL finds them: a bundle of all in one file, and a
/// directory with a file for each, named by the hash of its subject. From the directory OpenSSL reads what a
/// handshake asks for; the bundle it reads whole, which for the 140 of Debian takes 40 ms at each start and
/// reload, and 1 MiB.
namespace bearerd::upstream {

/// Makes `context` trust them: by the directory where it has as many as the bundle, as update-ca-certificates
/// leaves the two, else by both. SSL_CERT_FILE and SSL_CERT_DIR name others. False: OpenSSL fails.
[[nodiscard]] bool trust_system_roots(SSL_CTX* context);

/// The certificates, or whatever else it holds, of a text in PEM form.
[[nodiscard]] std::size_t count_pem_blocks(std::string_view text) noexcept;

/// As `openssl rehash` names a certificate: 9d04f354.0.
[[nodiscard]] bool is_hashed_name(std::string_view name) noexcept;

/// Whether the directory holds as many certificates as the bundle, and any.
[[nodiscard]] bool covers(const std::string& directory, const std::string& bundle);

} // namespace bearerd::upstream
