#include "addresses.hpp"

#include "text.hpp"

#include <bearerd/base/ascii.hpp>

#include <boost/url/host_type.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include <arpa/inet.h>
#include <sys/un.h>

#include <algorithm>
#include <array>

namespace bearerd::config {
namespace {

constexpr std::string_view address_forms = "must be host:port, \"[::1]:8080\", unix:/path or systemd";

std::optional<std::uint16_t> parse_port(std::string_view text) {
    return text.size() <= 5 ? parse_integer<std::uint16_t>(text) : std::nullopt;
}

/// The host's text in "host:port" and "[host]:port".
struct HostAndPort {
    std::string_view host;
    std::string_view port;
    bool bracketed = false;
};

std::optional<HostAndPort> split(std::string_view text) {
    if (text.starts_with('[')) {
        const auto end = text.find("]:");
        if (end == std::string_view::npos)
            return std::nullopt;
        return HostAndPort{text.substr(1, end - 1), text.substr(end + 2), true};
    }
    const auto colon = text.find(':');
    if (colon == std::string_view::npos)
        return std::nullopt;
    return HostAndPort{text.substr(0, colon), text.substr(colon + 1)};
}

/// A name of letters, digits, '-', '_' and dots. If its last label is all digits, it is not a name but an
/// unusual form of an IPv4 address, such as 127.1, which some software accepts.
bool is_host_name(std::string_view text) {
    if (text.empty() || text.size() > 253)
        return false;
    while (true) {
        const std::string_view label = text.substr(0, text.find('.'));
        const bool valid = !label.empty() && label.size() <= 63 && label.front() != '-' &&
                           label.back() != '-' && std::all_of(label.begin(), label.end(), [](char c) {
                               return c == '-' || c == '_' || is_digit(c) || is_letter(c);
                           });
        if (!valid)
            return false;
        if (label.size() == text.size())
            return !is_digits(label);
        text.remove_prefix(label.size() + 1);
    }
}

Parsed<Address> unix_address(std::string_view path) {
    if (!path.starts_with('/'))
        return Problem{"must have an absolute path after unix:, such as unix:/run/bearerd/bearerd.sock"};
    if (path.size() >= sizeof(sockaddr_un::sun_path))
        return Problem{"must have a path of at most " + std::to_string(sizeof(sockaddr_un::sun_path) - 1) +
                       " bytes after unix:, which is all that a socket's name may have"};
    return Address{Address::Kind::unix_socket, {}, 0, std::string{path}};
}

Parsed<Address> tcp_address(std::string_view text) {
    if (canonical_ip(text) && text.find(':') != std::string_view::npos)
        return Problem{"must have brackets around an IPv6 address and a port after it, as in \"[::1]:8080\""};
    if (text.starts_with(':'))
        return Problem{"must name a host before the colon, such as 127.0.0.1:8080"};
    const auto parts = split(text);
    if (!parts)
        return Problem{std::string{address_forms}};
    const auto port = parse_port(parts->port);
    if (!port)
        return Problem{"must end with a port from 0 to 65535, as in 127.0.0.1:8080"};
    const auto ip = canonical_ip(parts->host);
    if (ip && parts->bracketed == (ip->find(':') != std::string::npos))
        return Address{Address::Kind::tcp, *ip, *port, {}};
    if (!parts->bracketed && to_lower(parts->host) == "localhost")
        return Address{Address::Kind::tcp, "localhost", *port, {}};
    return Problem{
        "must name this machine by an IP address, as 127.0.0.1, \"[::1]\" or 0.0.0.0, or be localhost"};
}

/// Applies the rules of contract 5 to a well-formed address.
Parsed<Address> only_local(Parsed<Address> parsed, bool allow_remote) {
    const auto* const address = std::get_if<Address>(&parsed);
    if (address && address->kind == Address::Kind::tcp && !allow_remote && !is_loopback(address->host))
        return Problem{
            "can be reached from other machines: use 127.0.0.1, or set access.allow_remote to true"};
    return parsed;
}

/// Returns the host of a URL that Boost has parsed, by the same rules as any other host here.
/// Whether a name begins as an IPv4 address, such as 127.0.0.1.example.com: readers differ about those.
bool begins_as_ip4(std::string_view name) {
    constexpr int dots_of_address = 3;
    for (int i = 0; i < dots_of_address; ++i) {
        const std::size_t dot = name.find('.');
        if (dot == std::string_view::npos || !is_digits(name.substr(0, dot)))
            return false;
        name.remove_prefix(dot + 1);
    }
    return !name.empty() && is_digits(name.substr(0, 1));
}

Parsed<std::string> host_of(const boost::urls::url_view& url) {
    if (url.host_type() == boost::urls::host_type::ipvfuture)
        return Problem{"must not be of an unknown kind"};
    const auto encoded = url.encoded_host_address();
    const std::string_view host{encoded.data(), encoded.size()};
    // Boost.URL 1.81 takes the address for the whole host, and what follows it for the path.
    const auto path = url.encoded_path();
    const bool is_cut = !path.empty() && path.front() != '/';
    if (is_cut || (url.host_type() == boost::urls::host_type::name && begins_as_ip4(host)))
        return Problem{"must not be a name that begins with an IP address"};
    return parse_host(host);
}

std::string target_of(const boost::urls::url_view& url) {
    const auto path = url.encoded_path();
    std::string target{path.data(), path.size()};
    if (target.empty())
        target = "/";
    if (url.has_query()) {
        const auto query = url.encoded_query();
        target.append("?").append(query.data(), query.size());
    }
    return target;
}

/// Returns the URL's port, or `otherwise` if it has none; nullopt if it is invalid.
std::optional<std::uint16_t> port_of(const boost::urls::url_view& url, std::uint16_t otherwise) {
    const auto text = url.port();
    if (text.empty())
        return otherwise;
    const auto port = parse_port({text.data(), text.size()});
    return port == 0 ? std::nullopt : port;
}

} // namespace

std::optional<std::string> canonical_ip(std::string_view text) {
    std::array<char, INET6_ADDRSTRLEN> buffer{};
    if (text.size() >= buffer.size() || text.find('\0') != std::string_view::npos)
        return std::nullopt;
    std::copy(text.begin(), text.end(), buffer.begin());
    const int family = text.find(':') == std::string_view::npos ? AF_INET : AF_INET6;
    in6_addr address{}; // large enough for both
    if (::inet_pton(family, buffer.data(), &address) != 1 ||
        !::inet_ntop(family, &address, buffer.data(), static_cast<socklen_t>(buffer.size())))
        return std::nullopt;
    return std::string{buffer.data()};
}

bool is_loopback(std::string_view host) noexcept {
    return host == "localhost" || host == "::1" ||
           (host.starts_with("127.") && is_digits(host.substr(host.rfind('.') + 1)));
}

Parsed<std::string> parse_host(std::string_view text) {
    const bool bracketed = text.starts_with('[') && text.ends_with(']');
    const auto ip = canonical_ip(bracketed ? text.substr(1, text.size() - 2) : text);
    if (ip && (!bracketed || ip->find(':') != std::string::npos))
        return *ip;
    if (is_host_name(text))
        return to_lower(text);
    return Problem{"must be a host name or an IP address, without scheme, port, path or wildcard"};
}

Parser<Address> listen_address(bool allow_remote) {
    return [allow_remote](std::string_view text) -> Parsed<Address> {
        if (text == "systemd")
            return Address{Address::Kind::systemd, {}, 0, {}};
        if (text.starts_with("unix:"))
            return unix_address(text.substr(5));
        return only_local(tcp_address(text), allow_remote);
    };
}

Parser<std::optional<Address>> admin_address(bool allow_remote) {
    return [allow_remote](std::string_view text) -> Parsed<std::optional<Address>> {
        if (text == "off")
            return std::optional<Address>{};
        if (text == "systemd" || text.find(':') == std::string_view::npos)
            return Problem{"must be host:port, unix:/path or off"};
        auto parsed = listen_address(allow_remote)(text);
        if (auto* const problem = std::get_if<Problem>(&parsed))
            return std::move(*problem);
        return std::optional<Address>{std::get<Address>(std::move(parsed))};
    };
}

Parsed<std::string> parse_origin(std::string_view text) {
    const Problem form{"must be an origin as browsers send it, scheme://host[:port] and nothing after it, "
                       "such as https://till.example.com"};
    const std::string lower = to_lower(text);
    if (lower == "null")
        return Problem{"must not be null: any web page can send that; name the page's own origin"};
    if (lower == "*")
        return Problem{"must not be *: any web page could spend through it; name each origin"};
    const auto parsed = boost::urls::parse_uri(lower);
    if (parsed.has_error())
        return form;
    const boost::urls::url_view& url = *parsed;
    if (!url.has_authority() || url.has_userinfo() || !url.encoded_path().empty() || url.has_query() ||
        url.has_fragment())
        return form;
    const auto host = host_of(url);
    const auto port = port_of(url, 0);
    if (std::holds_alternative<Problem>(host) || !port)
        return form;
    const std::string scheme{url.scheme().data(), url.scheme().size()};
    const bool is_default = (scheme == "http" && *port == 80) || (scheme == "https" && *port == 443);
    const std::string suffix = *port == 0 || is_default ? "" : ":" + std::to_string(*port);
    return scheme + "://" + with_brackets(std::get<std::string>(host)) + suffix;
}

Parsed<Url> parse_upstream_url(std::string_view text) {
    const auto parsed = boost::urls::parse_uri(text);
    if (parsed.has_error() || !parsed->has_authority())
        return Problem{"must be a whole URL, such as https://api.example.com/graphql"};
    const boost::urls::url_view& url = *parsed;
    const bool tls = url.scheme_id() == boost::urls::scheme::https;
    if (!tls && url.scheme_id() != boost::urls::scheme::http)
        return Problem{"must begin with https://"};
    if (url.has_userinfo())
        return Problem{"must not hold a user or password: they belong under credentials"};
    if (url.has_fragment())
        return Problem{"must not hold a # and what follows it"};
    auto host = host_of(url);
    if (std::holds_alternative<Problem>(host))
        return Problem{"must name its host by a host name or an IP address"};
    const auto port = port_of(url, tls ? 443 : 80);
    if (!port)
        return Problem{"must have a port from 1 to 65535, or none"};
    Url result{tls, std::get<std::string>(std::move(host)), *port, target_of(url), {}};
    if (!tls && !is_loopback(result.host))
        return Problem{"must begin with https://: http:// sends password and token in the clear, and is only "
                       "for this machine (localhost, 127.0.0.1, [::1])"};
    result.text = (tls ? "https://" : "http://") + result.authority() + result.target;
    return result;
}

Parsed<StoreUrl> parse_store_url(std::string_view text) {
    constexpr std::uint16_t usual_port = 6379;
    constexpr std::uint32_t most_databases = 1'000'000;
    if (text.empty())
        return StoreUrl{};
    const Problem form{"must be redis://host[:port][/database], or rediss:// for TLS, or empty for none"};
    const auto parsed = boost::urls::parse_uri(text);
    if (parsed.has_error() || !parsed->has_authority())
        return form;
    const boost::urls::url_view& url = *parsed;
    const std::string scheme = to_lower({url.scheme().data(), url.scheme().size()});
    if ((scheme != "redis" && scheme != "rediss") || url.has_query() || url.has_fragment())
        return form;
    if (url.has_userinfo())
        return Problem{"must not hold a user or password: they belong under fleet.user and "
                       "fleet.password_file"};
    auto host = host_of(url);
    const auto port = port_of(url, usual_port);
    std::string database = target_of(url).substr(1);
    if (std::holds_alternative<Problem>(host) || !port)
        return form;
    StoreUrl result;
    if (!database.empty()) {
        const auto number = number_between(0, most_databases)(database);
        if (std::holds_alternative<Problem>(number))
            return Problem{"must end with the number of a database, as in redis://host:6379/0, or without a "
                           "path"};
        result.database = std::get<std::uint32_t>(number);
    }
    const bool tls = scheme == "rediss";
    result.url = Url{tls, std::get<std::string>(std::move(host)), *port, "/", {}};
    result.url.text = scheme + "://" + with_brackets(result.url.host) + ":" + std::to_string(*port) + "/" +
                      std::to_string(result.database);
    return result;
}

Parsed<std::optional<UpstreamProxy>> parse_proxy(std::string_view text) {
    if (text.empty())
        return std::optional<UpstreamProxy>{};
    const Problem form{
        "must be http://[user:password@]host:port, with %XX for special characters in user and "
        "password, or empty for none"};
    const auto parsed = boost::urls::parse_uri(text);
    if (parsed.has_error())
        return form;
    const boost::urls::url_view& url = *parsed;
    const bool bare = url.encoded_path().empty() || url.encoded_path() == "/";
    if (url.scheme_id() != boost::urls::scheme::http || !url.has_authority() || !bare || url.has_query() ||
        url.has_fragment())
        return form;
    auto host = host_of(url);
    const auto port = port_of(url, 0);
    if (std::holds_alternative<Problem>(host) || !port || *port == 0)
        return form;
    UpstreamProxy proxy{std::get<std::string>(std::move(host)), *port, url.user(), Secret{url.password()}};
    if (proxy.user.find(':') != std::string::npos)
        return Problem{
            "must not have a colon in the user name, not even as %3A: the proxy would take the rest of it "
            "for the password"};
    if (proxy.user.empty() && !proxy.password.empty())
        return Problem{"must have a user name before the password, as in http://user:password@host:port"};
    return std::optional<UpstreamProxy>{std::move(proxy)};
}

} // namespace bearerd::config
