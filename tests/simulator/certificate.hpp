#pragma once

#include <string>
#include <vector>

namespace bearerd::sim {

struct CertificateOptions {
    /// Host names and addresses of the certificate.
    std::vector<std::string> names{"localhost", "127.0.0.1", "::1"};
    bool expired = false; ///< Valid until yesterday.
};

/// PEM texts: a certificate authority made for this run, and a server certificate signed by it.
struct Identity {
    std::string ca;
    std::string certificate;
    std::string key;
};

/// Throws std::runtime_error where OpenSSL fails.
Identity make_identity(const CertificateOptions& options);

} // namespace bearerd::sim
