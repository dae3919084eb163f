#include "config_snapshot.hpp"

#include <bearerd/base/log.hpp>

#include <stdexcept>

namespace bearerd::app {
namespace {

/// Copies every field by its name: this does not compile if there is another one.
config::Fleet copy_of(const config::Fleet& from) {
    const auto& [url, database, user, password, password_file, tls, prefix, lease, key_file, key, required] =
        from;
    return {url,    database, user,     password.clone(), password_file, tls,
            prefix, lease,    key_file, key.clone(),      required};
}

/// Whether both settings mean the same fleet and store: the same secrets may be in other files, and the
/// database is in the URL.
bool is_same(const config::Fleet& from, const config::Fleet& other) {
    const auto& [url, database, user, password, password_file, tls, prefix, lease, key_file, key, required] =
        from;
    return url.text == other.url.text && user == other.user && password.equals(other.password) &&
           tls == other.tls && prefix == other.prefix && lease == other.lease && key.equals(other.key) &&
           required == other.required;
}

} // namespace

ConfigSnapshot::ConfigSnapshot(std::shared_ptr<const config::Settings> from, const Secret& secret,
                               fleet::KeyRing& fleet_keys)
    : settings{std::move(from)}, plan{*settings}, lookup_plan{*settings} {
    if (settings->upstream.url.tls)
        tls = std::make_unique<upstream::TlsContext>(settings->upstream.tls, settings->upstream.url.host);
    if (settings->transactions.guard())
        identifier = std::make_unique<transaction::Identifier>(secret, *settings);
    if (settings->transactions.guard() && settings->fleet.on()) {
        const fleet::KeysPtr keys = fleet_keys.keys_of(*settings, settings->credentials);
        if (!keys) // OpenSSL fails
            throw std::runtime_error{"fleet: the names of shared transactions can't be made"};
        shared_identifier = std::make_shared<transaction::Identifier>(keys->mac_key, *settings);
        claim_prefix = keys->prefix + "transaction:";
    }
    if (!config::logs_in_elsewhere(*settings))
        return;
    login.emplace(config::login_upstream(*settings));
    if (login->url.tls)
        login_tls = std::make_unique<upstream::TlsContext>(login->tls, login->url.host);
}

void warn_of_what_stays(const config::Settings& before, const config::Settings& after) {
    if (after.limits.request_header != before.limits.request_header)
        log::warning("a changed limits.request_header takes effect for new listeners only", {});
    if (after.journal.directory != before.journal.directory ||
        after.journal.max_size != before.journal.max_size)
        log::warning("a changed journal.directory or journal.max_size requires a restart", {});
    if (after.threads != before.threads)
        log::warning("a changed number of threads requires a restart", {});
}

void keep_fleet(const config::Fleet& before, config::Fleet& after) {
    if (is_same(before, after))
        return;
    log::warning("a changed fleet requires a restart", {});
    after = copy_of(before);
}

} // namespace bearerd::app
