#include "login_command.hpp"

#include "check_command.hpp"
#include "cli_output.hpp"
#include "config_snapshot.hpp"
#include "exit_status.hpp"
#include "process.hpp"

#include <bearerd/auth/jwt.hpp>
#include <bearerd/auth/login.hpp>
#include <bearerd/auth/token.hpp>
#include <bearerd/base/cause.hpp>
#include <bearerd/base/stats.hpp>
#include <bearerd/base/units.hpp>
#include <bearerd/net/deadline.hpp>
#include <bearerd/net/spawn.hpp>
#include <bearerd/upstream/pool.hpp>

#include <stdexcept>

namespace bearerd::app {
namespace {

std::string account(const config::Settings& settings) {
    const config::Credentials& credentials = settings.credentials;
    switch (settings.auth.kind) {
    case config::LoginKind::graphql:
        return (credentials.by_email ? "email " : "username ") + printable(credentials.user);
    case config::LoginKind::oauth2_client_credentials:
        return "client_id " + printable(credentials.user);
    case config::LoginKind::static_token:
        break;
    }
    return "a static token, which takes no login";
}

/// The URL without its query, which may contain a key.
std::string address(const config::Settings& settings) {
    const std::string& url = settings.auth.kind == config::LoginKind::static_token
                                 ? settings.upstream.url.text
                                 : config::login_url(settings).text;
    return url.substr(0, url.find('?'));
}

std::string tls_in_words(const config::Settings& settings, const std::string& tls) {
    if (settings.auth.kind == config::LoginKind::static_token)
        return "not tried: nothing was sent";
    return tls.empty() ? "none: the upstream is plain HTTP on this machine" : tls;
}

int report_success(const config::Settings& settings, const auth::LoginOutcome& outcome,
                   const std::string& tls) {
    const auth::Claims claims = auth::parse_claims(outcome.token.reveal());
    const bool states_life =
        outcome.life || (claims.issued_at && claims.expires_at && *claims.expires_at > *claims.issued_at);
    const std::string named{outcome.identity.empty() ? auth::display_name(claims) : outcome.identity};
    print(stdout, row("Upstream", address(settings)) + row("Logged in by", account(settings)) +
                      row("Identity", named.empty() ? "the token names none" : printable(named)) +
                      row("TLS", tls_in_words(settings, tls)) +
                      row("Token life", format_duration(outcome.life.value_or(auth::life_of(claims))) +
                                            (states_life ? "" : ", assumed: the token tells none")));
    return exit_fine;
}

int report_rejection(const config::Settings& settings, const auth::LoginOutcome& outcome) {
    complain("the upstream rejected the login by " + account(settings) + " at " + address(settings) + ": " +
             printable(outcome.reason) +
             "\nCheck what the configuration says of the account and the file of its secret; too many tries "
             "may lock the account.");
    return exit_rejected;
}

int report_unavailable(const config::Settings& settings, const auth::LoginOutcome& outcome) {
    std::string text = "can't log in at " + address(settings) + ": " + printable(outcome.reason);
    if (outcome.retry_after)
        text +=
            "\nThe upstream asks to wait " + format_duration(*outcome.retry_after) + " before the next try.";
    const Cause& cause = cause_of(outcome.code, outcome.reason);
    complain(text + "\n" + std::string{cause.title} + ". " + std::string{cause.advice});
    return exit_unavailable;
}

int report(const config::Settings& settings, const auth::LoginOutcome& outcome, const std::string& tls) {
    switch (outcome.kind) {
    case auth::LoginOutcome::Kind::accepted:
        return report_success(settings, outcome, tls);
    case auth::LoginOutcome::Kind::rejected:
        return report_rejection(settings, outcome);
    case auth::LoginOutcome::Kind::unavailable:
        break;
    }
    return report_unavailable(settings, outcome);
}

net::Task<void> log_in_and_report(std::shared_ptr<upstream::Pool> pool,
                                  std::shared_ptr<const config::Settings> settings, net::DeadlineClock& clock,
                                  int& status) {
    const auth::LoginOutcome outcome = co_await auth::log_in(pool, settings);
    status = report(*settings, outcome, pool->tls_description());
    if (status == exit_unavailable)
        limit_exit_time(exit_unavailable, 1);
    pool->stop();
    clock.stop();
}

int log_in_once(const ConfigSnapshot& snapshot) {
    int status = exit_failed;
    Stats stats;
    upstream::Health health;
    net::asio::io_context context{1};
    net::DeadlineClock clock{context};
    const bool elsewhere = snapshot.login.has_value();
    auto pool = std::make_shared<upstream::Pool>(
        context, clock, elsewhere ? *snapshot.login : snapshot.settings->upstream,
        elsewhere ? snapshot.login_tls.get() : snapshot.tls.get(), 1, 1, stats, health);
    net::spawn(context.get_executor(), log_in_and_report(std::move(pool), snapshot.settings, clock, status),
               "login");
    net::run(context);
    return status;
}

} // namespace

int login_command(const std::string& file) {
    auto config = load_config(file);
    if (!config)
        return exit_bad_configuration;
    try {
        fleet::KeyRing fleet_keys;
        const ConfigSnapshot snapshot{std::make_shared<const config::Settings>(std::move(config->settings)),
                                      Secret{}, fleet_keys};
        return log_in_once(snapshot);
    } catch (const std::runtime_error& failure) { // a TLS file that can't be used
        print(stderr, config::format_error(file, place_error(file, failure.what())) + "\n");
        return exit_bad_configuration;
    }
}

} // namespace bearerd::app
