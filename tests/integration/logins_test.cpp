#include "ops_load.hpp"
#include "scenario.hpp"

#include "support/secrets.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <ostream>

// contract 11: the token's life is the same whatever the login looks like.
namespace bearerd::test {
namespace {

using namespace std::chrono_literals;

/// One form of a login: how the simulator plays it, and the settings of `auth` that speak it.
struct LoginForm {
    std::string name;
    std::string profile;
    std::string auth;       ///< one line of a flow mapping; @URL@ is the simulator's, without a path
    bool logs_in = true;    ///< false: there is nothing to be rejected or renewed
    bool refreshes = false; ///< a renewal is no login
};

void PrintTo(const LoginForm& form, std::ostream* out) {
    *out << form.name;
}

const std::string directus =
    R"(login_url: "@URL@/graphql/system", login_field: auth_login, token_pointer: /data/auth_login/access_token,
 login_query: "mutation($username:String!,$password:String!){auth_login(username:$username,password:$password){access_token refresh_token expires}}",
 expires_pointer: /data/auth_login/expires, expires_unit: ms,
 refresh: {query: "mutation($refresh_token:String!){auth_login:auth_refresh(refresh_token:$refresh_token){access_token refresh_token expires}}",
           token_pointer: /data/auth_login/refresh_token},
 unauthorized: {codes: [TOKEN_EXPIRED]})";

std::vector<LoginForm> forms() {
    const std::string oauth2 = "kind: oauth2_client_credentials, client_id: till-042, "
                               "client_secret_file: password, ";
    return {
        {"Header", "toggle", "kind: graphql"},
        {"OwnHeader", "vendure",
         R"(token_headers: [vendure-auth-token], login_field: login, rejected_at: [/data/login/errorCode],
 login_query: "mutation($username:String!,$password:String!){login(username:$username,password:$password){id}}",
 unauthorized: {codes: [FORBIDDEN]})"},
        {"Body", "saleor",
         R"(token_pointer: /data/tokenCreate/token, login_field: tokenCreate, rejected_at: [/data/tokenCreate/errors],
 login_query: "mutation($username:String!,$password:String!){tokenCreate(email:$username,password:$password){token}}",
 unauthorized: {messages: [Signature has expired]})"},
        {"BodyWithRefresh", "directus", directus, true, true},
        {"OAuth2Basic", "commercetools", oauth2 + R"(token_url: "@URL@/oauth/token")"},
        {"OAuth2Post", "shopify-admin",
         oauth2 + R"(token_url: "@URL@/admin/oauth/access_token", client_auth: post,
 send: {header: X-Shopify-Access-Token, scheme: ""})"},
        {"Static", "static", "kind: static, secret_file: password", false},
    };
}

std::string auth_of(const LoginForm& form, const Simulator& simulator, const std::string& more = {}) {
    std::string auth = form.auth;
    const std::string place = "@URL@";
    if (const auto at = auth.find(place); at != std::string::npos)
        auth.replace(at, place.size(), simulator.url().substr(0, simulator.url().rfind('/')));
    return "auth: {" + auth + (more.empty() ? "" : ", " + more) + "}\n";
}

class AnyLogin : public testing::TestWithParam<LoginForm> {
protected:
    [[nodiscard]] DaemonOptions options(const std::string& auth = {}, const std::string& config = {}) const {
        return {.upstream_url = simulator.url(),
                .ca_pem = simulator.ca_pem(),
                .config = auth_of(GetParam(), simulator, auth) + config};
    }

    [[nodiscard]] std::int64_t renewals() const {
        return simulator.stat("logins_ok") + simulator.stat("refreshes_ok");
    }

    [[nodiscard]] bool wait_for_renewals(std::int64_t count) const {
        const Deadline deadline;
        while (renewals() < count) {
            if (deadline.passed())
                return false;
            std::this_thread::sleep_for(10ms);
        }
        return true;
    }

    void expect_no_bad_tokens() const {
        const nlohmann::json stats = simulator.stats();
        for (const char* bad : {"unauthorized", "without_token", "unknown_tokens", "expired_tokens",
                                "revoked_tokens", "foreign_tokens", "refreshes_again", "refreshes_rejected"})
            EXPECT_EQ(stats.at(bad), 0) << bad;
    }

    Simulator simulator{{"--profile", GetParam().profile, "--token-life", "6s"}};
};

TEST_P(AnyLogin, GivesATokenThatIsRenewedWithoutARequestThatNoticesIt) {
    Daemon daemon{options("refresh_before: 2s")};
    Load load{daemon.port(), 4, true, Load::expect_data, 20ms};
    if (GetParam().logs_in) {
        EXPECT_TRUE(wait_for_renewals(3)) << "8 s";
        EXPECT_EQ(simulator.stat("refreshes_ok") > 0, GetParam().refreshes);
        if (GetParam().refreshes) {
            EXPECT_EQ(simulator.stat("logins_ok"), 1);
        }
    }
    EXPECT_TRUE(load.wait_for_more(8));
    EXPECT_EQ(load.end(), std::vector<std::string>{});
    expect_no_bad_tokens();
}

TEST_P(AnyLogin, IsMadeOnceIfManyRequestsFindTheTokenRevoked) {
    if (!GetParam().logs_in)
        GTEST_SKIP() << "nothing is revoked";
    Daemon daemon{options("fresh_for: 0s, refresh_before: 0s")};
    EXPECT_EQ(daemon.post(redemption("before")).status, 200);
    const std::int64_t before = renewals();
    simulator.revoke_tokens();
    in_parallel(8, [&](std::size_t till) {
        const HttpResponse response = daemon.post(redemption("after-" + std::to_string(till)));
        EXPECT_EQ(response.status, 200) << response.body;
        EXPECT_NE(response.body.find(R"("id":)"), std::string::npos) << response.body;
    });
    EXPECT_EQ(renewals(), before + 1);
    for (int till = 0; till < 8; ++till)
        EXPECT_EQ(simulator.executions("after-" + std::to_string(till)), 1U);
    EXPECT_EQ(simulator.stat("refreshes_again"), 0);
}

TEST_P(AnyLogin, WithAWrongSecretIsTriedNoOftenerThanTheSchedule) {
    if (!GetParam().logs_in)
        GTEST_SKIP() << "a static token takes no login";
    const TemporaryDirectory secrets;
    const std::string wrong = secrets.write("wrong", "not-this-one\n");
    const bool is_oauth2 = GetParam().name.starts_with("OAuth2");
    DaemonOptions with_wrong = options("backoff: {rejected: 1s, max: 4s}");
    if (is_oauth2) {
        const std::string right = "client_secret_file: password";
        with_wrong.config.replace(with_wrong.config.find(right), right.size(),
                                  "client_secret_file: " + wrong);
    } else {
        with_wrong.config += "credentials: {password_file: " + wrong + "}\n";
    }
    Daemon daemon{with_wrong};
    for (int i = 0; i < 5; ++i)
        expect_own_error(daemon.post(redemption("refused")), 502, "LOGIN_REJECTED", "no");
    const Deadline deadline;
    while (simulator.stat("logins_rejected") < 3 && !deadline.passed())
        std::this_thread::sleep_for(10ms);
    const auto times = simulator.stats().at("login_attempts_ms").get<std::vector<std::int64_t>>();
    ASSERT_GE(times.size(), 3U);
    EXPECT_GE(times[1] - times[0] + 20, 1'000);
    EXPECT_GE(times[2] - times[1] + 20, 2'000);
    EXPECT_EQ(simulator.executions("refused"), 0U);
    EXPECT_TRUE(daemon.process().wait_for_line("Invalid user")) << "the log says why";
    expect_no_secrets(daemon.output() + daemon.admin("/status.json").body + daemon.admin("/").body,
                      {"not-this-one"});
}

TEST_P(AnyLogin, ThatFailsLeavesTheAccountAloneAndIsTriedAgain) {
    if (!GetParam().logs_in)
        GTEST_SKIP() << "a static token takes no login";
    simulator.set_faults(R"([{"kind":"status","operations":"login","status":503}])");
    const Daemon daemon{options("backoff: {unavailable: 200ms}")};
    expect_own_error(daemon.post(redemption("unavailable")), 503, "LOGIN_UNAVAILABLE", "no");
    simulator.set_faults("[]");
    EXPECT_TRUE(wait_for_renewals(1));
    EXPECT_TRUE(daemon.wait_for_metric(R"(bearerd_logins_total{result="ok"})", 1));
    EXPECT_EQ(Load::expect_data(daemon.post(balance_query())), "");
}

TEST_P(AnyLogin, IsSavedByTheStoreAtTheNextStart) {
    const TemporaryDirectory store;
    const std::string config = "token_store: {directory: " + store.path().string() + "}\n";
    for (int start = 0; start < 2; ++start) {
        Daemon daemon{options({}, config)};
        EXPECT_EQ(Load::expect_data(daemon.post(balance_query())), "");
        EXPECT_TRUE(daemon.stop());
    }
    EXPECT_EQ(simulator.stat("logins_ok"), GetParam().logs_in ? 1 : 0);
    std::size_t files = 0;
    for (const auto& entry : std::filesystem::directory_iterator{store.path()}) {
        ++files;
        expect_no_secrets(read_file(entry.path()), {std::string{password}, "eyJhbGciOi", "refresh-"});
    }
    EXPECT_EQ(files, GetParam().refreshes ? 2U : GetParam().logs_in ? 1U : 0U);
}

TEST_P(AnyLogin, ShowsItsSecretsNowhere) {
    Daemon daemon{options("fresh_for: 0s, refresh_before: 5s", "log: {level: debug}\n")};
    std::string shown;
    for (int i = 0; i < 3; ++i) {
        shown += daemon.post(redemption("secret-" + std::to_string(i))).body;
        simulator.revoke_tokens();
    }
    simulator.set_faults(R"([{"kind":"bad_login"}])");
    shown += daemon.post(redemption("rejected")).body;
    for (const char* page : {"/status.json", "/metrics", "/readyz", "/"})
        shown += daemon.admin(page).body;
    expect_no_secrets(shown + daemon.output(), {std::string{password}, "eyJhbGciOi", "refresh-"});
}

TEST_P(AnyLogin, IsMadeByTheCommandAsWell) {
    const Daemon daemon{options()};
    const Finished login = run_bearerd({"login", "--config", daemon.config_file()});
    EXPECT_EQ(login.exit.code, 0) << login.output;
    expect_no_secrets(login.output, {std::string{password}, "eyJhbGciOi", "refresh-"});
    const Finished check = run_bearerd({"check", "--config", daemon.config_file()});
    EXPECT_EQ(check.exit.code, 0) << check.output;
}

INSTANTIATE_TEST_SUITE_P(Forms, AnyLogin, testing::ValuesIn(forms()),
                         [](const auto& row) { return row.param.name; });

TEST(StaticToken, ThatHasChangedInItsFileIsUsedAfterTheRejectionOfTheOldOne) {
    Simulator simulator{{"--profile", "static"}};
    Daemon daemon{{.upstream_url = simulator.url(),
                   .ca_pem = simulator.ca_pem(),
                   .config = "auth: {kind: static, secret_file: password, fresh_for: 0s}"}};
    EXPECT_EQ(daemon.post(redemption("first")).status, 200);
    simulator.change_password("another-static-token");
    const HttpResponse refused = daemon.post(redemption("refused"));
    EXPECT_EQ(refused.status, 401) << "the API's own answer";
    EXPECT_EQ(simulator.executions("refused"), 0U);
    daemon.directory().write("password", "another-static-token\n");
    const HttpResponse served = daemon.post(balance_query());
    EXPECT_EQ(served.status, 200) << served.body;
    expect_no_secrets(daemon.output(), {"another-static-token"});
}

TEST(Profiles, PassTheCheckCommand) {
    const TemporaryDirectory directory;
    directory.write("password", "a-secret\n");
    directory.write("client-secret", "a-secret\n");
    std::size_t profiles = 0;
    for (const auto& entry : std::filesystem::directory_iterator{BEARERD_SOURCE_DIR "/config/profiles"}) {
        const std::string file = directory.write(entry.path().filename().string(), read_file(entry.path()));
        const Finished check = run_bearerd({"check", "--config", file}, {{"STATE_DIRECTORY", ""}});
        EXPECT_EQ(check.exit.code, 0) << check.output;
        EXPECT_TRUE(check.output.ends_with(file + ": the configuration is valid\n")) << check.output;
        // A test that runs as root is warned of its folder, which is for root alone.
        std::istringstream lines{check.output};
        for (std::string line; std::getline(lines, line);) {
            const bool is_of_root = line.find("can't be read by a service") != std::string::npos;
            EXPECT_TRUE(is_of_root || line == file + ": the configuration is valid") << line;
        }
        ++profiles;
    }
    EXPECT_EQ(profiles, 8U);
}

/// What a kill -9 at any moment leaves behind is a token store; the next process goes on from it.
TEST(RefreshTokenUnderKill9, IsNeverUsedTwiceAndLocksNobodyOut) {
    constexpr int rounds = 40;
    Simulator simulator{{"--profile", "directus", "--token-life", "1200ms"}};
    const TemporaryDirectory directory;
    const LoginForm form{"BodyWithRefresh", "directus", directus, true, true};
    directory.write("password", std::string{password} + "\n");
    directory.write("ca.pem", simulator.ca_pem());
    const std::string config = directory.write(
        "bearerd.yaml", "listen: {addresses: [\"127.0.0.1:0\"]}\nadmin: {address: off}\nupstream: {url: \"" +
                            simulator.url() + "\", tls: {ca_file: ca.pem}}\ncredentials: {username: " +
                            std::string{username} + ", password_file: password}\ntoken_store: {directory: " +
                            (directory.path() / "store").string() + "}\n" + auth_of(form, simulator));
    for (int round = 0; round < rounds; ++round) {
        Process bearerd{BEARERD_PROGRAM, {"run", "--config", config}};
        const std::int64_t before = simulator.stat("refreshes_ok") + simulator.stat("logins_ok");
        // Killed right after the API has answered, or at some moment before or after that.
        const Deadline patience{std::chrono::milliseconds{50 + 97 * round % 1'200}};
        const bool at_the_answer = round % 2 == 0;
        while (!patience.passed() && bearerd.running()) {
            const bool answered = simulator.stat("refreshes_ok") + simulator.stat("logins_ok") > before;
            if (at_the_answer && answered && round % 4 == 0)
                break;
            std::this_thread::sleep_for(std::chrono::milliseconds{1});
        }
        bearerd.signal(SIGKILL);
        ASSERT_TRUE(bearerd.wait_exit());
    }
    EXPECT_EQ(simulator.stat("refreshes_again"), 0);
    EXPECT_EQ(simulator.stat("refreshes_rejected"), 0);
    EXPECT_EQ(simulator.stat("logins_rejected"), 0);
    EXPECT_GT(simulator.stat("refreshes_ok"), 0) << "the test killed before anything happened";
    EXPECT_LE(simulator.stat("logins_ok"), rounds) << "a kill costs one login at most";
    Process last{BEARERD_PROGRAM, {"run", "--config", config}};
    const std::int64_t renewed = simulator.stat("refreshes_ok");
    const Deadline deadline;
    while (simulator.stat("refreshes_ok") < renewed + 2 && !deadline.passed())
        std::this_thread::sleep_for(10ms);
    EXPECT_GE(simulator.stat("refreshes_ok"), renewed + 2) << last.output();
    EXPECT_EQ(simulator.stat("refreshes_again"), 0);
}

} // namespace
} // namespace bearerd::test
