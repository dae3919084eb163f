#include "health.hpp"

#include "unit/admin/snapshots.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bearerd::admin {
namespace {

using namespace test;

Snapshot in_phase(Phase phase, Snapshot snapshot) {
    snapshot.phase = phase;
    return snapshot;
}

Snapshot trying_in(Duration wait, Snapshot snapshot) {
    snapshot.auth.next_try = wait;
    return snapshot;
}

TEST(Readiness, TellsWhyNot) {
    const struct {
        Snapshot snapshot;
        const char* reason; ///< "" when ready
    } cases[] = {
        {working(), ""},
        {with_upstream_down(working(), errc::timed_out), ""}, // never in readiness
        {in_phase(Phase::starting, working()), "starting"},
        {in_phase(Phase::starting, without_token("logging_in", "none", "")), "starting"},
        {in_phase(Phase::draining, working()), "draining"},
        {in_phase(Phase::draining, without_token("stopped", "rejected", "No")), "draining"},
        {without_token("empty", "none", ""), "no token: logging in"},
        {without_token("logging_in", "ok", ""), "no token: logging in"},
        {without_token("logging_in", "rejected", ""), "no token: login rejected"},
        {trying_in(29'100ms, without_token("rejected", "rejected", "Wrong password")),
         "no token: login rejected: Wrong password; next try in 30 s"},
        {trying_in(1s, without_token("backing_off", "unavailable", "HTTP status 503")),
         "no token: login unavailable: HTTP status 503; next try in 1 s"},
    };

    for (const auto& [snapshot, reason] : cases) {
        const Readiness result = readiness(snapshot);
        EXPECT_EQ(result.reason, reason);
        EXPECT_EQ(result.ready, std::string_view{reason}.empty());
    }
}

TEST(Summary, WarnsOfTransactionsThatSomebodyHasToLookAfter) {
    Snapshot snapshot = working();
    snapshot.journal = journal::View{};
    EXPECT_EQ(summarize(snapshot).level, Level::good);
    snapshot.journal->unresolved = 9;
    Summary summary = summarize(snapshot);
    EXPECT_EQ(summary.level, Level::warning);
    EXPECT_NE(summary.text.find("9 transactions have an unknown outcome."), std::string::npos);
    EXPECT_NE(summary.advice.find("bearerd journal close"), std::string::npos);
    snapshot.journal->unresolved = 0;
    snapshot.journal->unheard = 1;
    summary = summarize(snapshot);
    EXPECT_EQ(summary.level, Level::warning);
    EXPECT_NE(summary.text.find("1 transaction was executed, but its till did not get the answer."),
              std::string::npos);
}

TEST(Summary, WarnsOfAJournalThatCantBeWritten) {
    Snapshot snapshot = working();
    snapshot.journal = journal::View{};
    snapshot.journal->working = false;
    snapshot.journal->unresolved = 1;
    const Summary summary = summarize(snapshot);
    EXPECT_EQ(summary.level, Level::warning);
    EXPECT_NE(summary.text.find("The journal can't be written"), std::string::npos);
    EXPECT_NE(summary.text.find("1 transaction has an unknown outcome."), std::string::npos);
    EXPECT_NE(summary.advice.find("its disk"), std::string::npos);
}

TEST(Summary, NamesARejectedFileWhateverElseThereIs) {
    const std::pair<Snapshot, Level> cases[] = {
        {working(), Level::warning},
        {without_token("logging_in", "none", ""), Level::busy},
        {without_token("rejected", "rejected", "Wrong password"), Level::bad},
        {with_upstream_down(working(), errc::timed_out), Level::bad}};
    for (auto [snapshot, level] : cases) {
        snapshot.reload_failed = "bearerd.yaml:3:1: thread: is not a known key";
        const Summary summary = summarize(snapshot);
        EXPECT_EQ(summary.level, level);
        EXPECT_NE(summary.text.find("bearerd.yaml:3:1: thread"), std::string::npos);
        EXPECT_NE(summary.advice.find("run bearerd check"), std::string::npos);
    }
}

TEST(Summary, TellsTheStatesApartAndTheCauseBeforeItsEffects) {
    const Snapshot rejected = trying_in(4min, without_token("rejected", "rejected", "Wrong password"));
    const Snapshot unavailable =
        trying_in(5s, without_token("backing_off", "unavailable", "HTTP status 503"));

    const struct {
        const char* what;
        Snapshot snapshot;
        Level level;
        const char* title;
    } cases[] = {
        {"logged in", working(), Level::good, "Working"},
        {"first login", in_phase(Phase::starting, without_token("logging_in", "none", "")), Level::busy,
         "Logging in"},
        {"nothing yet", without_token("empty", "none", ""), Level::busy, "Logging in"},
        {"rejected", rejected, Level::bad, "Login rejected"},
        {"rejected, tried again now", without_token("logging_in", "rejected", "Wrong password"), Level::bad,
         "Login rejected"},
        {"rejected, then the line went", with_upstream_down(rejected, errc::timed_out), Level::bad,
         "Login rejected"},
        {"unavailable", unavailable, Level::bad, "Login unavailable"},
        {"unavailable because the line is down", with_upstream_down(unavailable, errc::name_not_found),
         Level::bad, "Name not found"},
        {"a certificate that nobody knows", with_upstream_down(working(), errc::certificate_invalid),
         Level::bad, "Certificate unknown"},
        {"the wrong page", trying_in(5s, without_token("backing_off", "unavailable", "HTTP status 404")),
         Level::bad, "Wrong address"},
        {"down with a token", with_upstream_down(working(), errc::connect_failed), Level::bad,
         "Upstream down"},
        {"draining", in_phase(Phase::draining, rejected), Level::busy, "Stopping"},
    };

    for (const auto& [what, snapshot, level, title] : cases) {
        const Summary summary = summarize(snapshot);
        EXPECT_EQ(summary.title, title) << what;
        EXPECT_EQ(to_string(summary.level), to_string(level)) << what;
        EXPECT_FALSE(summary.text.empty()) << what;
        EXPECT_EQ(summary.advice.empty(), level == Level::good || summary.title == "Logging in") << what;
    }
}

TEST(Summary, SaysWhoWasRejectedWhyAndWhatToDo) {
    const Summary summary =
        summarize(trying_in(250s, without_token("rejected", "rejected", "Wrong password")));
    EXPECT_EQ(summary.text,
              "The gift card service does not accept the user name or password (till-042): Wrong password.");
    EXPECT_EQ(summary.advice,
              "Correct the user name or password in bearerd's configuration and restart bearerd "
              "(credentials.password_file is read again by itself): that is then tried at once. bearerd "
              "tries again "
              "by itself in 4 min 10 s. It tries seldom, so that the account is not locked.");
}

TEST(Summary, NamesTheCredentialOfTheLoginsKind) {
    Snapshot snapshot = without_token("rejected", "rejected", "invalid_client");
    snapshot.auth.credential = "client id or client secret";
    snapshot.auth.credential_key = "auth.client_secret_file";
    const Summary summary = summarize(snapshot);
    EXPECT_NE(summary.text.find("does not accept the client id or client secret (till-042)"),
              std::string::npos);
    EXPECT_NE(summary.advice.find("auth.client_secret_file is read again by itself"), std::string::npos);
    for (const std::string& text : {summary.text, summary.advice})
        EXPECT_EQ(text.find("password"), std::string::npos) << text;
}

TEST(Summary, WarnsOfARenewalThatFailsWhileTheTokenIsStillGood) {
    Snapshot failing = trying_in(8s, working());
    failing.auth.expires_in = 90s;
    failing.auth.last_login_result = "unavailable";
    failing.auth.last_login_reason = "HTTP status 503";
    Summary summary = summarize(failing);
    EXPECT_EQ(summary.title, "Working");
    EXPECT_EQ(summary.level, Level::warning);
    EXPECT_EQ(summary.text,
              "Logged in as till-042, but the login can't be renewed: HTTP status 503. Until it can, the "
              "current login is good for another 1 min 30 s.");
    EXPECT_EQ(summary.advice, "bearerd tries again by itself in 8 s.");

    failing.auth.next_try.reset();
    failing.auth.state = "refreshing";
    failing.auth.last_login_result = "rejected";
    summary = summarize(failing);
    EXPECT_EQ(summary.level, Level::warning);
    EXPECT_NE(summary.advice.find("before the current login ends"), std::string::npos);

    failing.auth.state = "valid"; // a response has brought another token since
    EXPECT_EQ(summarize(failing).level, Level::good);
}

TEST(Summary, AdvisesByWhyTheUpstreamCantBeReached) {
    const std::vector<std::pair<errc, const char*>> cases{
        {errc::certificate_invalid, "ca_file"},  {errc::name_not_found, "DNS"},
        {errc::proxy_refused, "upstream.proxy"}, {errc::tls_failed, "upstream.tls"},
        {errc::connect_failed, "firewall"},      {errc::timed_out, "firewall"},
    };
    for (const auto& [code, advice] : cases)
        EXPECT_NE(summarize(with_upstream_down(working(), code)).advice.find(advice), std::string::npos)
            << advice;
}

} // namespace
} // namespace bearerd::admin
