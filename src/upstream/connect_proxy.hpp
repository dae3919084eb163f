#pragma once

#include <bearerd/base/clock.hpp>
#include <bearerd/base/error.hpp>
#include <bearerd/config/config.hpp>
#include <bearerd/net/deadline.hpp>
#include <bearerd/upstream/dialer.hpp>

#include <optional>
#include <string>

namespace bearerd::upstream {

struct ProxyFailure {
    error_code code;
    std::string detail;
    bool final = false; ///< the proxy's other addresses would refuse in the same way
};

/// Asks an HTTP proxy for a tunnel (RFC 9110 section 9.3.6) on a connected socket; `target` is host:port. The
/// callback of `deadline`, which is set to `until`, must cancel the socket. Returns nullopt on success.
[[nodiscard]] net::Task<std::optional<ProxyFailure>>
connect_through_proxy(TcpSocket& socket, const net::Deadline& deadline, TimePoint until,
                      const config::UpstreamProxy& proxy, std::string target);

} // namespace bearerd::upstream
