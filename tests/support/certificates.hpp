#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

struct evp_pkey_st;
struct x509_st;

namespace bearerd::test {

/// A certificate with its private key, both as PEM.
struct Certificate {
    std::string pem;
    std::string key_pem;
};

struct CertificateRequest {
    std::vector<std::string> names{"DNS:localhost", "IP:127.0.0.1"}; ///< subject alternative names
    std::chrono::hours begins{-1};                                   ///< from now
    std::chrono::hours ends{24};                                     ///< from now; negative: expired
    bool self_signed = false;                                        ///< not by the authority
};

/// A certificate authority for one test.
class CertificateAuthority {
public:
    explicit CertificateAuthority(const std::string& name = "bearerd test CA");
    /// Makes an intermediate of `issuer`.
    CertificateAuthority(const std::string& name, const CertificateAuthority& issuer);

    /// Returns its own certificate, which a client has to trust.
    [[nodiscard]] const std::string& pem() const { return pem_; }

    /// Returns a certificate signed by this authority.
    [[nodiscard]] Certificate issue(const CertificateRequest& request = {}) const;

private:
    void complete(x509_st* issuer, evp_pkey_st* issuers_key);

    std::shared_ptr<evp_pkey_st> key_;
    std::shared_ptr<x509_st> certificate_;
    std::string pem_;
};

} // namespace bearerd::test
