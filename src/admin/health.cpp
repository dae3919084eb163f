#include "health.hpp"

#include <bearerd/base/cause.hpp>
#include <bearerd/base/units.hpp>

#include <chrono>
#include <utility>

namespace bearerd::admin {
namespace {

using namespace std::chrono_literals;
using std::chrono::ceil;
using std::chrono::seconds;

/// What to correct, and how it takes effect: systemd passes credentials only at the start.
std::string correct(const auth::AuthStatus& auth) {
    return "Correct the " + std::string{auth.credential} +
           " in bearerd's configuration and restart bearerd (" + std::string{auth.credential_key} +
           " is read again by itself)";
}

bool last_login_failed(const auth::AuthStatus& auth) noexcept {
    return auth.last_login_result == "rejected" || auth.last_login_result == "unavailable";
}

/// "; next try in 30 s", or nothing while one runs.
std::string next_try(const auth::AuthStatus& auth) {
    return auth.next_try ? "; next try in " + duration_in_words(ceil<seconds>(*auth.next_try)) : "";
}

std::string with_reason(std::string sentence, const std::string& reason) {
    return reason.empty() ? std::move(sentence) + "." : std::move(sentence) + ": " + reason + ".";
}

std::string tries_again(const auth::AuthStatus& auth) {
    return auth.next_try
               ? "bearerd tries again by itself in " + duration_in_words(ceil<seconds>(*auth.next_try)) + "."
               : "bearerd is trying again right now.";
}

std::string holds_for(const auth::AuthStatus& auth) {
    return "the current login is good for another " +
           duration_in_words(ceil<seconds>(auth.expires_in.value_or(0s))) + ".";
}

Summary stopping() {
    return {Level::busy, "Stopping", "bearerd is shutting down and finishes the requests in flight.",
            "If it does not come back by itself, have it started again."};
}

Summary login_rejected(const auth::AuthStatus& auth) {
    return {Level::bad, "Login rejected",
            with_reason("The gift card service does not accept the " + std::string{auth.credential} + " (" +
                            auth.identity + ")",
                        auth.last_login_reason),
            correct(auth) + ": that is then tried at once. " + tries_again(auth) +
                " It tries seldom, so that the account is not locked."};
}

Summary login_unavailable(const auth::AuthStatus& auth) {
    std::string text =
        with_reason("The gift card service could not log in " + auth.identity, auth.last_login_reason);
    const Cause& cause = cause_of(auth.last_login_code, auth.last_login_reason);
    return {Level::bad, cause.title, std::move(text), std::string{cause.advice} + " " + tries_again(auth)};
}

Summary upstream_down(const Snapshot& snapshot) {
    const Cause& cause = cause_of(snapshot.health.last_code, snapshot.health.last_error);
    Summary summary{Level::bad, cause.title,
                    with_reason("The gift card service can't be reached", snapshot.health.last_error),
                    std::string{cause.advice}};
    if (snapshot.auth.expires_in)
        summary.text += " Once it is back, " + holds_for(snapshot.auth);
    return summary;
}

Summary logging_in(const auth::AuthStatus& auth) {
    return {Level::busy, "Logging in", "bearerd is logging in " + auth.identity + "; requests wait for it.",
            ""};
}

Summary working(const auth::AuthStatus& auth) {
    const bool renewal_fails = last_login_failed(auth) && (auth.next_try || auth.state == "refreshing");
    if (!renewal_fails)
        return {Level::good, "Working", "Logged in as " + auth.identity + ".", ""};
    Summary summary{Level::warning, "Working",
                    with_reason("Logged in as " + auth.identity + ", but the login can't be renewed",
                                auth.last_login_reason) +
                        " Until it can, " + holds_for(auth),
                    tries_again(auth)};
    if (auth.last_login_result == "rejected")
        summary.advice = correct(auth) + ", before the current login ends. " + summary.advice;
    return summary;
}

} // namespace

Readiness readiness(const Snapshot& snapshot) {
    const auth::AuthStatus& auth = snapshot.auth;
    if (snapshot.phase == Phase::draining)
        return {false, "draining"};
    if (snapshot.phase == Phase::starting)
        return {false, "starting"};
    if (auth.expires_in)
        return {true, ""};
    if (!last_login_failed(auth))
        return {false, "no token: logging in"};
    std::string reason = "no token: login " + std::string{auth.last_login_result};
    if (!auth.last_login_reason.empty())
        reason += ": " + auth.last_login_reason;
    return {false, reason + next_try(auth)};
}

namespace {

/// Adds what somebody has to see to, whatever else there is.
void warn(Summary& summary, std::string_view text, std::string_view advice) {
    if (summary.level == Level::good)
        summary.level = Level::warning;
    summary.text.append(" ").append(text);
    summary.advice.append(summary.advice.empty() ? "" : " ").append(advice);
}

/// A change that somebody believes to be in force is not.
void add_reload(Summary& summary, const std::optional<std::string>& why) {
    if (why)
        warn(summary,
             "The changed configuration was rejected, and the former one stays in use: " + *why + ".",
             "Correct the file, run bearerd check, and reload bearerd again.");
}

/// Payments that are refused, or that somebody has to check. Without a login there are none, and it matters
/// more.
void add_journal(Summary& summary, const std::optional<journal::View>& journal) {
    if (!journal || summary.level == Level::bad || summary.level == Level::busy)
        return;
    if (!journal->working)
        warn(
            summary, "The journal can't be written, so that payments may be refused.",
            "See that its disk is there and not full, and that bearerd may write to its folder; the log says "
            "why it can't.");
    if (journal->unresolved + journal->unheard == 0)
        return;
    std::string text;
    const auto count = [&text](std::uint64_t number, std::string_view one, std::string_view several) {
        if (number != 0)
            text.append(text.empty() ? "" : " ")
                .append(std::to_string(number))
                .append(number == 1 ? one : several);
    };
    count(journal->unresolved, " transaction has an unknown outcome.",
          " transactions have an unknown outcome.");
    count(journal->unheard, " transaction was executed, but its till did not get the answer.",
          " transactions were executed, but their tills did not get the answers.");
    warn(
        summary, text,
        "Look each one up by its key in the gift card service; if the outcome was unknown, close it: bearerd "
        "journal close REQUEST_ID --executed yes|no --reason TEXT.");
}

Summary summary_of_login(const Snapshot& snapshot) {
    const auth::AuthStatus& auth = snapshot.auth;
    if (!auth.expires_in && auth.last_login_result == "rejected")
        return login_rejected(auth);
    // The cause comes before its effects: a login fails because the upstream is down, not the other way
    // round.
    if (snapshot.health.state == upstream::Health::View::State::down)
        return upstream_down(snapshot);
    if (auth.expires_in)
        return working(auth);
    return auth.last_login_result == "unavailable" ? login_unavailable(auth) : logging_in(auth);
}

} // namespace

Summary summarize(const Snapshot& snapshot) {
    if (snapshot.phase == Phase::draining)
        return stopping();
    Summary summary = summary_of_login(snapshot);
    add_reload(summary, snapshot.reload_failed);
    add_journal(summary, snapshot.journal);
    return summary;
}

std::string_view to_string(Level level) noexcept {
    switch (level) {
    case Level::good:
        return "good";
    case Level::busy:
        return "busy";
    case Level::warning:
        return "warning";
    case Level::bad:
        break;
    }
    return "bad";
}

} // namespace bearerd::admin
