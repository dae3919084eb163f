#include "config_snapshot.hpp"

#include <bearerd/base/log.hpp>
#include <bearerd/fleet/keys.hpp>

#include <stdexcept>

namespace bearerd::app {
namespace {

/// What the transactions of all replicas are named by.
fleet::Keys fleet_keys(const config::Settings& settings) {
    const std::string account = config::login_account(settings);
    const Secret* const key = settings.fleet.key_file.empty() ? nullptr : &settings.fleet.key;
    auto keys = fleet::derive_keys(
        {settings.fleet.prefix, settings.upstream.url.text, account, key, settings.credentials.password});
    if (!keys) // OpenSSL fails
        throw std::runtime_error{"fleet: the names of shared transactions can't be made"};
    return std::move(*keys);
}

} // namespace

ConfigSnapshot::ConfigSnapshot(std::shared_ptr<const config::Settings> from, const Secret& secret)
    : settings{std::move(from)}, plan{*settings}, reconcile_plan{*settings} {
    if (settings->upstream.url.tls)
        tls = std::make_unique<upstream::TlsContext>(settings->upstream.tls, settings->upstream.url.host);
    if (settings->transactions.guard())
        identifier = std::make_unique<transaction::Identifier>(secret, *settings);
    if (settings->transactions.guard() && settings->fleet.on()) {
        const fleet::Keys keys = fleet_keys(*settings);
        shared_identifier = std::make_shared<transaction::Identifier>(keys.mac_key, *settings);
        claim_prefix = keys.prefix + "transaction:";
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
    const bool same = after.url.text == before.url.text && after.user == before.user &&
                      after.password.equals(before.password) && after.tls == before.tls &&
                      after.prefix == before.prefix && after.lease == before.lease &&
                      after.key.equals(before.key) && after.required == before.required;
    if (same)
        return;
    log::warning("a changed fleet requires a restart", {});
    after.url = before.url;
    after.database = before.database;
    after.user = before.user;
    after.password = before.password.clone();
    after.password_file = before.password_file;
    after.tls = before.tls;
    after.prefix = before.prefix;
    after.lease = before.lease;
    after.key_file = before.key_file;
    after.key = before.key.clone();
    after.required = before.required;
}

} // namespace bearerd::app
