#pragma once

#include <bearerd/base/error.hpp>
#include <bearerd/config/config.hpp>
#include <bearerd/net/deadline.hpp>
#include <bearerd/upstream/dialer.hpp>

#include <optional>
#include <string>

namespace bearerd::upstream {

struct ProxyRefusal {
    error_code code;
    std::string detail;
};

/// Asks an HTTP proxy for a tunnel (RFC 9110 section 9.3.6) on a connected socket; `target` is host:port. The
/// deadline's callback must cancel the socket. Nothing where the tunnel stands.
[[nodiscard]] net::Task<std::optional<ProxyRefusal>> connect_through_proxy(TcpSocket& socket,
                                                                           const net::Deadline& deadline,
                                                                           const config::UpstreamProxy& proxy,
                                                                           std::string target);

} // namespace bearerd::upstream
