#include "login_history.hpp"

#include "account.hpp"

#include <bearerd/base/log.hpp>

#include <array>

namespace bearerd::auth {
namespace {

std::string_view success_in_words(LoginOutcome::Source source, bool renewed) noexcept {
    if (source == LoginOutcome::Source::refresh)
        return "token renewed by the refresh token";
    if (source == LoginOutcome::Source::file)
        return "token read from its file";
    return renewed ? "token renewed by a login" : "logged in";
}

/// Returns what a rejected login most likely means.
std::string_view rejection_in_words(config::LoginKind kind, std::string_view reason) noexcept {
    if (kind == config::LoginKind::graphql)
        return "login rejected: user name or password are wrong";
    if (reason.find("invalid_scope") != std::string_view::npos)
        return "login rejected: the server does not grant auth.scope to this client";
    return "login rejected: client_id or the client's secret are wrong, or the client may not log in so";
}

/// Only failures with these numbers in a row are logged, so that a long outage does not fill the disk.
bool worth_a_line(std::uint64_t failures) noexcept {
    return failures <= 3 || failures % 20 == 0;
}

/// What transactions are named by in the fleet's store does not follow a password that its file has got since
/// (contract 12): it comes from the settings' password.
void warn_of_split_fleet(const config::Settings& settings, const Secret& password) {
    const bool by_password =
        settings.fleet.on() && settings.fleet.key_file.empty() && settings.transactions.guard();
    if (by_password && !password.equals(settings.credentials.password))
        log::warning(
            "shared transactions are still named by the former password: this replica shares none with those "
            "that start or reload with the new one; reload all of them, and set fleet.key_file",
            {{"file", settings.credentials.password_file}});
}

} // namespace

void LoginHistory::succeeded() noexcept {
    failures_ = 0;
    last_result_ = "ok";
    last_reason_.clear();
    last_code_.clear();
}

void LoginHistory::failed(const config::Settings& settings, const LoginOutcome& outcome, Duration next_try) {
    const bool rejected = outcome.kind == LoginOutcome::Kind::rejected;
    const std::string_view result = rejected ? "rejected" : "unavailable";
    failures_ = last_result_ == result ? failures_ + 1 : 1;
    last_result_ = result;
    last_reason_ = outcome.reason;
    last_code_ = outcome.code;
    const auto next = ceil_seconds(next_try);
    // Each rejected login is worth a line: they are far apart, and somebody has to act.
    if (rejected)
        log::error(
            rejection_in_words(settings.auth.kind, outcome.reason),
            {{"user", settings.credentials.user}, {"reason", outcome.reason}, {"next_try_in_s", next}});
    else if (worth_a_line(failures_))
        log::warning("login unavailable", {{"reason", outcome.reason},
                                           {"advice", cause_of(outcome.code, outcome.reason).advice},
                                           {"next_try_in_s", next},
                                           {"failures", static_cast<std::int64_t>(failures_)}});
}

void LoginHistory::locked_out(const config::Settings& settings, Duration next_try) {
    last_result_ = "rejected";
    last_reason_ = "another replica was rejected with these credentials";
    last_code_.clear();
    log::warning(
        "login not tried: another replica of the fleet was rejected with these credentials",
        {{"user", std::string_view{settings.credentials.user}}, {"next_try_in_s", ceil_seconds(next_try)}});
}

void LoginHistory::rejected_before(const config::Settings& settings, Duration next_try) {
    last_result_ = "rejected";
    last_reason_ = "rejected before bearerd was restarted";
    last_code_.clear();
    log::warning("login not tried yet: it was rejected before bearerd was restarted",
                 {{"user", settings.credentials.user}, {"next_try_in_s", ceil_seconds(next_try)}});
}

const Cause* LoginHistory::cause() const noexcept {
    return last_result_ == "unavailable" ? &cause_of(last_code_, last_reason_) : nullptr;
}

void LoginHistory::show(AuthStatus& status) const {
    status.last_login_result = last_result_;
    status.last_login_reason = last_reason_;
    status.last_login_code = last_code_;
}

void log_login(const config::Settings& settings, LoginOutcome::Source source, bool renewed, Duration left) {
    const std::string user = user_in_words(settings);
    const std::array<log::Field, 2> fields{{{"user", user}, {"expires_in_s", ceil_seconds(left)}}};
    const bool quiet = source == LoginOutcome::Source::file && renewed; // nothing was sent
    log::write(quiet ? log::Level::debug : log::Level::info, success_in_words(source, renewed), fields);
}

void log_new_secret(const config::Settings& settings, const config::Credentials& before,
                    const Secret& secret) {
    if (settings.auth.kind == config::LoginKind::static_token)
        log::info("the static token's file has changed: the new token is used",
                  {{"file", before.password_file}});
    else if (settings.auth.kind == config::LoginKind::oauth2_client_credentials)
        log::info("the client secret's file has changed: the new secret is tried",
                  {{"client_id", before.user}, {"file", before.password_file}});
    else
        log::info("the password's file has changed: the new password is tried",
                  {{"user", before.user}, {"file", before.password_file}});
    warn_of_split_fleet(settings, secret);
}

} // namespace bearerd::auth
