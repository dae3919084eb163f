#include "ops_load.hpp"
#include "scenario.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

// contract 3 with tokens that live for seconds. The tests wait for the end of a token's life, and measure it
// by the counts of the simulator and of bearerd.
namespace bearerd::test {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t tills = 4;
constexpr auto pace = 20ms;

/// Waits for a count of the simulator to reach the value.
bool wait_for_stat(const Simulator& simulator, const std::string& name, std::int64_t value) {
    return wait_until([&] { return simulator.stat(name) >= value; });
}

/// No request reached the simulator with a token that it would refuse.
void expect_good_tokens_only(const Simulator& simulator) {
    const nlohmann::json stats = simulator.stats();
    for (const char* bad : {"unauthorized", "without_token", "unknown_tokens", "expired_tokens",
                            "revoked_tokens", "foreign_tokens"})
        EXPECT_EQ(stats.at(bad), 0) << bad;
}

/// Each attempt came at least this long after the one before it, in milliseconds.
void expect_gaps(const Simulator& simulator, const std::vector<std::int64_t>& shortest) {
    const auto times = simulator.stats().at("login_attempts_ms").get<std::vector<std::int64_t>>();
    ASSERT_EQ(times.size(), shortest.size() + 1);
    for (std::size_t i = 0; i < shortest.size(); ++i)
        EXPECT_GE(times[i + 1] - times[i] + 20, shortest[i]) << "attempt " << i + 2; // 20 ms for two clocks
}

std::string expect_login_rejected(const HttpResponse& response) {
    const bool fine = response.status == 502 &&
                      response.body.find(R"("code":"LOGIN_REJECTED")") != std::string::npos &&
                      response.body.find(R"("executed":"no")") != std::string::npos;
    return fine ? std::string{} : std::to_string(response.status) + " " + response.body;
}

TEST(TokenLife, EndsWithoutARequestThatNoticesIt) {
    Simulator simulator{{"--token-life", "6s"}};
    const Daemon daemon{{.upstream_url = simulator.url(),
                         .ca_pem = simulator.ca_pem(),
                         .config = "auth: {refresh_before: 2s}"}};
    Load load{daemon.port(), tills, true, Load::expect_data, pace};
    EXPECT_TRUE(wait_for_stat(simulator, "logins_ok", 4)) << "12 s, two lives";
    EXPECT_TRUE(load.wait_for_more(2 * tills));
    EXPECT_EQ(load.end(), std::vector<std::string>{});
    expect_good_tokens_only(simulator);
    // Refreshed 2 s before the end, and up to a tenth of that earlier by jitter: no more logins than needed.
    expect_gaps(simulator, {3'800, 3'800, 3'800});
}

TEST(TokenLife, IsUsedUpWhileLoginsFailAndNotALittleLonger) {
    Simulator simulator{{"--token-life", "6s"}};
    const Daemon daemon{{.upstream_url = simulator.url(),
                         .ca_pem = simulator.ca_pem(),
                         .config = "auth: {refresh_before: 2s, backoff: {unavailable: 200ms}}"}};
    simulator.set_faults(R"([{"kind":"status","operations":"login","status":500}])");
    const std::string left = "bearerd_token_expiry_seconds";
    const std::string unavailable = R"(bearerd_logins_total{result="unavailable"})";
    {
        Load load{daemon.port(), tills, true, Load::expect_data, pace};
        EXPECT_TRUE(wait_until([&] { return daemon.metric(unavailable) >= 3; })) << "tried, and again";
        // The upstream counts from when it sent the token, bearerd from when it arrived. Between the two ends
        // is a moment for which nobody is to blame, so the traffic pauses there.
        EXPECT_TRUE(wait_until([&] { return daemon.metric(left) < 0.8; }));
        EXPECT_EQ(load.end(), std::vector<std::string>{});
    }
    EXPECT_TRUE(wait_until([&] { return daemon.metric(left) == 0; }));
    for (int i = 0; i < 20; ++i) {
        const HttpResponse response = daemon.post(i % 2 == 0 ? balance_query() : redemption("expired"));
        expect_own_error(response, 503, "LOGIN_UNAVAILABLE", "no");
        EXPECT_NE(response.header("Retry-After").value_or(""), "");
    }
    expect_good_tokens_only(simulator);
    simulator.set_faults("[]");
    EXPECT_TRUE(wait_for_stat(simulator, "logins_ok", 2)) << "it tries by itself";
    EXPECT_TRUE(daemon.wait_for_metric(R"(bearerd_logins_total{result="ok"})", 2));
    EXPECT_EQ(daemon.post(redemption("renewed")).status, 200);
    EXPECT_EQ(simulator.executions("renewed"), 1U);
    EXPECT_EQ(simulator.executions("expired"), 0U);
}

TEST(TokenLife, IsNotEndedByTokensThatAreNotToBeAdopted) {
    Simulator simulator;
    const Daemon daemon{{.upstream_url = simulator.url(), .ca_pem = simulator.ca_pem()}};
    const std::string own_login =
        R"({ mine: loginUser(username:\"till-042\", password:\")" + std::string{password} + R"(\") { id } })";

    struct Planted {
        std::string reason, fault, body;
    };

    const std::vector<Planted> planted{
        {"older", R"([{"kind":"older_token","next":1}])", balance_query()},
        {"foreign", R"([{"kind":"foreign_token","next":1}])", balance_query()},
        {"login_operation", "[]", "[" + balance_query() + R"(,{"query":")" + own_login + R"("}])"},
    };
    for (const Planted& row : planted) {
        simulator.set_faults(row.fault);
        const HttpResponse response = daemon.post(row.body);
        EXPECT_EQ(response.status, 200) << row.reason;
        EXPECT_EQ(response.header("X-Authorization"), std::nullopt);
        EXPECT_NE(response.body.find("balance"), std::string::npos) << response.body;
        EXPECT_TRUE(daemon.wait_for_metric("bearerd_token_ignored_total{reason=\"" + row.reason + "\"}", 1));
        EXPECT_EQ(Load::expect_data(daemon.post(balance_query())), "") << row.reason;
        EXPECT_EQ(simulator.requests().back().at("token_generation"), 1) << row.reason;
    }
    for (const Planted& row : planted) // by exactly one each
        EXPECT_EQ(daemon.metric("bearerd_token_ignored_total{reason=\"" + row.reason + "\"}"), 1);
    EXPECT_EQ(daemon.metric(R"(bearerd_logins_total{result="ok"})"), 1);
    EXPECT_EQ(simulator.stat("logins_ok"), 2) << "ours, and the app's own";
    expect_good_tokens_only(simulator);
}

class ClockSkew : public testing::TestWithParam<std::string> {};

TEST_P(ClockSkew, OfTheUpstreamNeitherEndsNorLengthensALife) {
    const Simulator simulator{{"--clock-skew", GetParam()}};
    const Daemon daemon{{.upstream_url = simulator.url(), .ca_pem = simulator.ca_pem()}};
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(Load::expect_data(daemon.post(balance_query())), "");
    const double left = daemon.metric("bearerd_token_expiry_seconds");
    EXPECT_GT(left, 3'500);
    EXPECT_LE(left, 3'600);
    EXPECT_EQ(simulator.stats().at("login_attempts_ms").size(), 1U);
    expect_good_tokens_only(simulator);
}

INSTANTIATE_TEST_SUITE_P(Hours, ClockSkew, testing::Values("10h", "-10h"), [](const auto& row) {
    return std::string{row.param[0] == '-' ? "Behind" : "Ahead"};
});

TEST(WrongPassword, IsTriedNoOftenerThanTheScheduleWhateverIsAsked) {
    Simulator simulator;
    const TemporaryDirectory secrets;
    const std::string wrong = secrets.write("wrong", "not-this-one\n");
    const Daemon daemon{
        {.upstream_url = simulator.url(),
         .ca_pem = simulator.ca_pem(),
         .config = "auth: {backoff: {rejected: 1s, max: 4s}}\ncredentials: {password_file: " + wrong + "}"}};
    Load load{daemon.port(), tills, true, expect_login_rejected, pace};
    EXPECT_TRUE(wait_for_stat(simulator, "logins_rejected", 5));
    EXPECT_TRUE(load.wait_for_more(2 * tills));
    EXPECT_EQ(load.end(), std::vector<std::string>{});
    EXPECT_GT(load.answered(), 100U);
    expect_gaps(simulator, {1'000, 2'000, 4'000, 4'000});
}

TEST(WrongPassword, OnceCorrectedIsTriedAtOnceWhateverTheBackoff) {
    Simulator simulator;
    const TemporaryDirectory secrets;
    const std::string wrong = secrets.write("wrong", "not-this-one\n");
    const std::string backoff = "auth: {backoff: {rejected: 10m, max: 15m}}\n";
    Daemon daemon{{.upstream_url = simulator.url(),
                   .ca_pem = simulator.ca_pem(),
                   .config = backoff + "credentials: {password_file: " + wrong + "}"}};
    ASSERT_TRUE(wait_for_stat(simulator, "logins_rejected", 1));
    daemon.write_config(backoff); // with the right password
    daemon.process().signal(SIGHUP);
    ASSERT_TRUE(daemon.wait_for_metric(R"(bearerd_logins_total{result="ok"})", 1));
    EXPECT_EQ(simulator.stats().at("login_attempts_ms").size(), 2U);
    EXPECT_EQ(Load::expect_data(daemon.post(balance_query())), "");
}

TEST(WrongPassword, IsTriedNoOftenerWhereEachFailureIsFollowedByARestart) {
    Simulator simulator;
    const TemporaryDirectory directory;
    const std::string wrong = directory.write("wrong", "not-this-one\n");
    for (int attempt = 1; attempt <= 4; ++attempt) {
        Daemon daemon{{.upstream_url = simulator.url(),
                       .ca_pem = simulator.ca_pem(),
                       .config = "auth: {backoff: {rejected: 1s, max: 4s}}\ntoken_store: {directory: " +
                                 (directory.path() / "store").string() +
                                 "}\ncredentials: {password_file: " + wrong + "}"}};
        Load load{daemon.port(), tills, true, expect_login_rejected, pace};
        EXPECT_TRUE(wait_for_stat(simulator, "logins_rejected", attempt));
        EXPECT_TRUE(load.wait_for_more(2 * tills));
        EXPECT_EQ(load.end(), std::vector<std::string>{});
        const auto exit = daemon.stop(); // stores what is not stored yet
        EXPECT_TRUE(exit && exit->code == 0);
        EXPECT_EQ(daemon.output().find("did not finish in time"), std::string::npos);
    }
    expect_gaps(simulator, {1'000, 2'000, 4'000});
}

TEST(Denial, OfOneDocumentCausesOneLoginAndStopsNoOther) {
    Simulator simulator{{"--rotate-every", "5"}};
    const Daemon daemon{
        {.upstream_url = simulator.url(), .ca_pem = simulator.ca_pem(), .config = "auth: {fresh_for: 1s}"}};
    simulator.set_faults(R"([{"kind":"reject","operations":"mutation"}])");
    const auto refused = [&](HttpClient& client, std::size_t number) {
        const HttpResponse response = client.post(redemption("denied-" + std::to_string(number)));
        return response.status == 200 && response.body.find("Unauthorized") != std::string::npos;
    };
    HttpClient first = daemon.client();
    const Deadline deadline; // until fresh_for has passed, and the one login was made
    while (simulator.stat("logins_ok") < 2 && !deadline.passed())
        EXPECT_TRUE(refused(first, 0));
    const Deadline not_fresh{1'500ms}; // then only the memory of the document prevents a login
    const auto failures = in_parallel(tills, [&](std::size_t till) {
        HttpClient client = daemon.client();
        std::vector<std::string> wrong;
        for (std::size_t i = 0; i < 50 || !not_fresh.passed(); ++i) {
            if (!refused(client, till * 1'000'000 + i))
                wrong.emplace_back("not refused");
            if (auto problem = Load::expect_data(client.post(balance_query())); !problem.empty())
                wrong.push_back(std::move(problem));
        }
        return wrong;
    });
    for (const auto& of_one : failures)
        EXPECT_EQ(of_one, std::vector<std::string>{});
    EXPECT_EQ(simulator.stat("logins_ok"), 2) << "the one at start, and one more";
    EXPECT_GT(simulator.stat("rotations"), 10) << "no swap of the token lets it be forgotten";
    EXPECT_EQ(simulator.stat("executed"), 0);
}

} // namespace
} // namespace bearerd::test
