#include "read_fleet.hpp"

#include "addresses.hpp"
#include "named_files.hpp"
#include "permissions.hpp"

#include <bearerd/base/ascii.hpp>
#include <bearerd/config/password_file.hpp>

#include <algorithm>
#include <string>
#include <utility>
#include <variant>

namespace bearerd::config {
namespace {

using namespace std::chrono_literals;

/// What the names of keys may begin with: no braces, by which a cluster finds the slot.
Parsed<std::string> parse_prefix(std::string_view text) {
    constexpr std::size_t longest = 64;
    const bool fine = std::ranges::all_of(text, [](char c) {
        return is_letter(c) || is_digit(c) || c == '-' || c == '_' || c == '.' || c == ':';
    });
    if (text.empty() || text.size() > longest || !fine)
        return Problem{"must have 1 to 64 letters, digits, '-', '_', '.' or ':'"};
    return std::string{text};
}

/// Any bytes, as of token_store.key_file. Keys can be tried quickly, so that a short one is refused.
std::variant<Secret, std::string> key_in(const Secret& content) {
    constexpr std::size_t least = 16;
    Secret key{content_of_secret_file(content.reveal())};
    if (key.size() < least)
        return std::string{key.empty() ? "is empty" : "has fewer than 16 bytes"} +
               "; put a random key into it, as by head -c 32 /dev/urandom";
    return key;
}

void read_file(Section& in, const Environment& environment, std::string_view name, const SecretIn& secret_in,
               std::string& path, Secret& out) {
    in.read(name, path, path_by(environment, parse_any_text));
    if (path.empty())
        return;
    warn_of_rights(in, name, path, environment);
    if (auto secret = read_secret(in, environment, name, path, {}, secret_in))
        out = std::move(*secret);
}

/// The defaults may stand there, as in the example that lists every key.
void refuse_tls(Section in, const UpstreamTls& tls) {
    const std::pair<const char*, bool> keys[]{
        {"ca_file", !tls.ca_file.empty()},
        {"client_certificate_file", !tls.client_certificate_file.empty()},
        {"client_key_file", !tls.client_key_file.empty()},
        {"server_name", !tls.server_name.empty()},
        {"min_version", tls.min_version != UpstreamTls{}.min_version},
    };
    for (const auto& [name, is_set] : keys)
        if (is_set)
            in.error(name, "has no effect with redis://: set fleet.url to rediss://, or leave this out");
}

void warn_of_fleet(Section& in, const Settings& settings, const Fleet& fleet) {
    if (!fleet.url.tls && !fleet.password.empty() && !is_loopback(fleet.url.host))
        in.warn("url", "sends the store's password in the clear: use rediss:// unless the network between is "
                       "trusted");
    if (fleet.lease > settings.auth.login_timeout)
        in.warn("lease", "is longer than auth.login_timeout: if a replica dies in the middle of a login, the "
                         "others give up before one of them may log in");
    if (fleet.key_file.empty() && settings.transactions.guard())
        in.warn("key_file", "is missing: the transactions that the fleet knows are named by a key from the "
                            "password, so that a changed password forgets them; name a file with a random "
                            "key that all replicas have");
}

} // namespace

void read_fleet(Section in, const Environment& environment, const Settings& settings, Fleet& out) {
    StoreUrl url;
    in.read<StoreUrl>("url", url, parse_store_url);
    out.url = std::move(url.url);
    out.database = url.database;
    in.read("user", out.user, Parser<std::string>{parse_any_text});
    read_file(in, environment, "password_file", password_in, out.password_file, out.password);
    if (!out.user.empty() && out.password_file.empty())
        in.error("password_file", "is missing: a user has a password");
    read_tls(in.section("tls"), environment, out.tls);
    in.read<std::string>("prefix", out.prefix, parse_prefix);
    in.read("lease", out.lease, duration_between(1s, 5min));
    read_file(in, environment, "key_file", key_in, out.key_file, out.key);
    in.read<bool>("required", out.required, parse_bool);
    if (out.required && !out.on() && !in.left_out("url"))
        in.error("required", "takes a store: set fleet.url as well");
    if (!out.on())
        return;
    if (!out.url.tls)
        refuse_tls(in.section("tls"), out.tls);
    warn_of_rights(in.section("tls"), "ca_file", out.tls.ca_file, environment);
    warn_of_rights(in.section("tls"), "client_key_file", out.tls.client_key_file, environment);
    warn_of_fleet(in, settings, out);
}

} // namespace bearerd::config
