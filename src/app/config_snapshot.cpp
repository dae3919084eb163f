#include "config_snapshot.hpp"

#include <bearerd/base/log.hpp>

namespace bearerd::app {

ConfigSnapshot::ConfigSnapshot(std::shared_ptr<const config::Settings> from, const Secret& secret)
    : settings{std::move(from)}, plan{*settings}, reconcile_plan{*settings} {
    if (settings->upstream.url.tls)
        tls = std::make_unique<upstream::TlsContext>(settings->upstream.tls, settings->upstream.url.host);
    if (settings->transactions.guard())
        identifier = std::make_unique<transaction::Identifier>(secret, *settings);
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

} // namespace bearerd::app
