#pragma once

#include <string>
#include <vector>

namespace bearerd::sim {

struct CertificateOptions {
    /// Host names and addresses of the certificate.
    std::vector<std::string> names{"localhost", "127.0.0.1", "::1"};
    bool expired = false; ///< Valid until yesterday.
};

/// PEM texts of a certificate authority.
struct Authority {
    std::string certificate;
    std::string key;
};

/// PEM texts: the certificate of the authority, and a server certificate signed by it.
struct Identity {
    std::string ca;
    std::string certificate;
    std::string key;
};

/// They throw std::runtime_error if OpenSSL fails.
Authority make_authority();
Identity make_identity(const CertificateOptions& options, const Authority& authority);

/// The authority that the folder keeps (ca.pem, ca.key); made there if neither file exists. Throws
/// std::runtime_error that names the path.
Authority keep_authority(const std::string& folder);

} // namespace bearerd::sim
