#include "certificate.hpp"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <stdexcept>

namespace bearerd::sim {
namespace {

struct Free {
    void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }

    void operator()(X509* certificate) const noexcept { X509_free(certificate); }

    void operator()(BIO* bio) const noexcept { BIO_free(bio); }

    void operator()(X509_EXTENSION* extension) const noexcept { X509_EXTENSION_free(extension); }
};

using Key = std::unique_ptr<EVP_PKEY, Free>;
using Certificate = std::unique_ptr<X509, Free>;

constexpr long day = 24L * 60 * 60;

void require(bool ok, const char* what) {
    if (!ok)
        throw std::runtime_error(std::string("OpenSSL could not ") + what);
}

Key make_key() {
    Key key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
    require(key != nullptr, "make a key");
    return key;
}

void extend(X509* certificate, X509* issuer, int kind, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    const std::unique_ptr<X509_EXTENSION, Free> extension(
        X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
    require(extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1, "add an extension");
}

Certificate start(const char* name, EVP_PKEY* key, long not_before, long not_after) {
    // Random, since a kept authority signs again at each start.
    const auto serial = static_cast<long>(std::random_device{}()) + 1;
    Certificate certificate(X509_new());
    require(certificate != nullptr, "make a certificate");
    X509* raw = certificate.get();
    X509_set_version(raw, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(raw), serial);
    X509_gmtime_adj(X509_getm_notBefore(raw), not_before);
    X509_gmtime_adj(X509_getm_notAfter(raw), not_after);
    X509_set_pubkey(raw, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(raw), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
    return certificate;
}

bool is_address(const std::string& name) {
    return name.find(':') != std::string::npos || name.find_first_not_of("0123456789.") == std::string::npos;
}

std::string alternative_names(const std::vector<std::string>& hosts) {
    std::string text;
    for (const auto& name : hosts)
        text += (text.empty() ? "" : ",") + std::string(is_address(name) ? "IP:" : "DNS:") + name;
    return text;
}

template<class Write>
std::string pem(Write write) {
    const std::unique_ptr<BIO, Free> bio(BIO_new(BIO_s_mem()));
    require(bio != nullptr && write(bio.get()) == 1, "write PEM");
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}

std::string pem_of(X509* certificate) {
    return pem([certificate](BIO* bio) { return PEM_write_bio_X509(bio, certificate); });
}

std::string pem_of(EVP_PKEY* key) {
    return pem([key](BIO* bio) {
        return PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
    });
}

std::unique_ptr<BIO, Free> bio_of(const std::string& text) {
    return std::unique_ptr<BIO, Free>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::string read_pem(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    if (!file)
        throw std::runtime_error("can't read " + path.string());
    return text;
}

void write_pem(const std::filesystem::path& path, const std::string& text, mode_t mode) {
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    ::chmod(path.c_str(), mode); // it is still empty
    file << text;
    if (!file.flush())
        throw std::runtime_error("can't write " + path.string());
}

} // namespace

Authority make_authority() {
    const Key ca_key = make_key();
    const Certificate ca = start("bearerd-sim test authority", ca_key.get(), -7 * day, 3650 * day);
    X509_set_issuer_name(ca.get(), X509_get_subject_name(ca.get()));
    extend(ca.get(), ca.get(), NID_basic_constraints, "critical,CA:TRUE");
    extend(ca.get(), ca.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
    extend(ca.get(), ca.get(), NID_subject_key_identifier, "hash");
    require(X509_sign(ca.get(), ca_key.get(), EVP_sha256()) > 0, "sign the authority's certificate");
    return {pem_of(ca.get()), pem_of(ca_key.get())};
}

Identity make_identity(const CertificateOptions& options, const Authority& authority) {
    const Certificate ca(PEM_read_bio_X509(bio_of(authority.certificate).get(), nullptr, nullptr, nullptr));
    const Key ca_key(PEM_read_bio_PrivateKey(bio_of(authority.key).get(), nullptr, nullptr, nullptr));
    require(ca && ca_key && X509_check_private_key(ca.get(), ca_key.get()) == 1,
            "read the authority: ca.pem and ca.key do not belong together, or one is damaged");
    const Key key = make_key();
    const Certificate leaf = start("bearerd-sim", key.get(), -3 * day, options.expired ? -1 * day : 90 * day);
    X509_set_issuer_name(leaf.get(), X509_get_subject_name(ca.get()));
    extend(leaf.get(), ca.get(), NID_basic_constraints, "critical,CA:FALSE");
    extend(leaf.get(), ca.get(), NID_key_usage, "critical,digitalSignature");
    extend(leaf.get(), ca.get(), NID_ext_key_usage, "serverAuth");
    extend(leaf.get(), ca.get(), NID_authority_key_identifier, "keyid");
    extend(leaf.get(), ca.get(), NID_subject_alt_name, alternative_names(options.names));
    require(X509_sign(leaf.get(), ca_key.get(), EVP_sha256()) > 0, "sign the server's certificate");

    Identity identity;
    identity.ca = authority.certificate;
    identity.certificate = pem_of(leaf.get());
    identity.key = pem_of(key.get());
    return identity;
}

Authority keep_authority(const std::string& folder) {
    const std::filesystem::path certificate = std::filesystem::path(folder) / "ca.pem";
    const std::filesystem::path key = std::filesystem::path(folder) / "ca.key";
    if (std::filesystem::exists(certificate) || std::filesystem::exists(key))
        return {read_pem(certificate), read_pem(key)};
    Authority authority = make_authority();
    std::filesystem::create_directories(folder);
    write_pem(key, authority.key, S_IRUSR | S_IWUSR);
    write_pem(certificate, authority.certificate, S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH);
    return authority;
}

} // namespace bearerd::sim
