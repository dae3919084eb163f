#pragma once

#include "values.hpp"

#include <bearerd/config/config.hpp>

#include <optional>
#include <string>
#include <string_view>

/// Everything that names a machine: listen addresses, URLs, hosts, origins. Pure: nothing is looked up.
namespace bearerd::config {

/// The usual form of an IPv4 or IPv6 literal (without brackets or zone); nothing for anything else.
[[nodiscard]] std::optional<std::string> canonical_ip(std::string_view text);

/// Whether a canonical literal or lower-case name stands for this machine alone.
[[nodiscard]] bool is_loopback(std::string_view host) noexcept;

/// A host name (lower-cased) or IP literal (canonical, no brackets), without port.
[[nodiscard]] Parsed<std::string> parse_host(std::string_view text);

/// One of listen.addresses; with `allow_remote`, other addresses than loopback too (contract 5).
[[nodiscard]] Parser<Address> listen_address(bool allow_remote);
/// admin.address; nothing inside means off.
[[nodiscard]] Parser<std::optional<Address>> admin_address(bool allow_remote);

/// scheme://host[:port] as browsers write it: lower case, no default port.
[[nodiscard]] Parsed<std::string> parse_origin(std::string_view text);
[[nodiscard]] Parsed<Url> parse_upstream_url(std::string_view text);
/// Empty text: no proxy.
[[nodiscard]] Parsed<std::optional<UpstreamProxy>> parse_proxy(std::string_view text);

} // namespace bearerd::config
