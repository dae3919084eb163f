#pragma once

#include "values.hpp"

#include <bearerd/config/config.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Everything that names a machine: listen addresses, URLs, hosts, origins. Pure: no look-ups.
namespace bearerd::config {

/// Returns the canonical form of an IPv4 or IPv6 literal (without brackets or zone); nullopt for other text.
[[nodiscard]] std::optional<std::string> canonical_ip(std::string_view text);

/// Whether a canonical literal or lower-case name means this machine only.
[[nodiscard]] bool is_loopback(std::string_view host) noexcept;

/// Parses a host name (lower-cased) or IP literal (canonical, no brackets), without port.
[[nodiscard]] Parsed<std::string> parse_host(std::string_view text);

/// Parses an entry of listen.addresses; with `allow_remote`, non-loopback addresses too (contract 5).
[[nodiscard]] Parser<Address> listen_address(bool allow_remote);
/// Parses admin.address; an empty result means off.
[[nodiscard]] Parser<std::optional<Address>> admin_address(bool allow_remote);

/// Parses scheme://host[:port] as browsers write it: lower case, no default port.
[[nodiscard]] Parsed<std::string> parse_origin(std::string_view text);
[[nodiscard]] Parsed<Url> parse_upstream_url(std::string_view text);

/// Parses redis[s]://host[:port][/database]. An empty text means no store.
struct StoreUrl {
    Url url; ///< `text` is empty: none
    std::uint32_t database = 0;
};

[[nodiscard]] Parsed<StoreUrl> parse_store_url(std::string_view text);
/// An empty text means no proxy.
[[nodiscard]] Parsed<std::optional<UpstreamProxy>> parse_proxy(std::string_view text);

} // namespace bearerd::config
