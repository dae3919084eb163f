#include "certificates.hpp"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdexcept>

namespace bearerd::test {
namespace {

using Key = std::shared_ptr<EVP_PKEY>;
using X509Ptr = std::shared_ptr<X509>;

void check(bool fine, const char* what) {
    if (!fine)
        throw std::runtime_error{std::string{what} + ": " + ERR_error_string(ERR_get_error(), nullptr)};
}

Key make_key() {
    Key key{EVP_EC_gen("P-256"), EVP_PKEY_free};
    check(key != nullptr, "EVP_EC_gen");
    return key;
}

template<class Write>
std::string as_pem(Write write) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> memory{BIO_new(BIO_s_mem()), BIO_free};
    check(memory != nullptr && write(memory.get()) == 1, "PEM_write_bio");
    char* data = nullptr;
    const long size = BIO_ctrl(memory.get(), BIO_CTRL_INFO, 0, &data);
    return std::string(data, static_cast<std::size_t>(size));
}

void add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    const std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> extension{
        X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()), X509_EXTENSION_free};
    check(extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1, value.c_str());
}

X509Ptr make_certificate(const Key& key, const std::string& name, std::chrono::seconds begins,
                         std::chrono::seconds ends) {
    X509Ptr certificate{X509_new(), X509_free};
    check(certificate != nullptr, "X509_new");
    std::uint32_t serial = 0;
    check(RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) == 1, "RAND_bytes");
    ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate.get()), serial);
    X509_set_version(certificate.get(), X509_VERSION_3);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), begins.count());
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), ends.count());
    X509_set_pubkey(certificate.get(), key.get());
    X509_NAME* subject = X509_get_subject_name(certificate.get());
    const auto* text = reinterpret_cast<const unsigned char*>(name.c_str());
    check(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, text, -1, -1, 0) == 1, "subject");
    return certificate;
}

} // namespace

CertificateAuthority::CertificateAuthority(const std::string& name)
    : key_{make_key()},
      certificate_{make_certificate(key_, name, std::chrono::hours{-24}, std::chrono::hours{48})} {
    complete(certificate_.get(), key_.get());
}

CertificateAuthority::CertificateAuthority(const std::string& name, const CertificateAuthority& issuer)
    : key_{make_key()},
      certificate_{make_certificate(key_, name, std::chrono::hours{-24}, std::chrono::hours{48})} {
    complete(issuer.certificate_.get(), issuer.key_.get());
}

void CertificateAuthority::complete(X509* issuer, EVP_PKEY* issuers_key) {
    X509* self = certificate_.get();
    X509_set_issuer_name(self, X509_get_subject_name(issuer));
    add_extension(self, issuer, NID_basic_constraints, "critical,CA:TRUE");
    add_extension(self, issuer, NID_key_usage, "critical,keyCertSign,cRLSign");
    add_extension(self, issuer, NID_subject_key_identifier, "hash");
    check(X509_sign(self, issuers_key, EVP_sha256()) > 0, "X509_sign");
    pem_ = as_pem([self](BIO* out) { return PEM_write_bio_X509(out, self); });
}

Certificate CertificateAuthority::issue(const CertificateRequest& request) const {
    const Key key = make_key();
    const X509Ptr certificate = make_certificate(key, "bearerd test", request.begins, request.ends);
    X509* issuer = request.self_signed ? certificate.get() : certificate_.get();
    X509_set_issuer_name(certificate.get(), X509_get_subject_name(issuer));
    std::string names;
    for (const std::string& name : request.names)
        names += (names.empty() ? "" : ",") + name;
    add_extension(certificate.get(), issuer, NID_subject_alt_name, names);
    add_extension(certificate.get(), issuer, NID_basic_constraints, "critical,CA:FALSE");
    EVP_PKEY* issuers_key = request.self_signed ? key.get() : key_.get();
    check(X509_sign(certificate.get(), issuers_key, EVP_sha256()) > 0, "X509_sign");
    return {as_pem([&](BIO* out) { return PEM_write_bio_X509(out, certificate.get()); }),
            as_pem([&](BIO* out) {
                return PEM_write_bio_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
            })};
}

} // namespace bearerd::test
