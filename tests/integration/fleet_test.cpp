#include "scenario.hpp"
#include "support/redis_server.hpp"

#include <algorithm>
#include <cstdlib>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

// contract 12: what the replicas share over a real store, and what becomes of it without the store.
namespace bearerd::test {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view own_password = "store-password-that-nobody-may-see";

class Fleet : public testing::Test {
protected:
    void SetUp() override {
        if (!RedisServer::is_installed())
            GTEST_SKIP() << "no redis-server (scripts/install-dependencies test)";
        store = std::make_unique<RedisServer>();
    }

    using Replica = std::unique_ptr<Daemon>;

    [[nodiscard]] Replica start(const std::string& more = "", bool wait = true) const {
        return std::make_unique<Daemon>(DaemonOptions{.upstream_url = simulator.url(),
                                                      .ca_pem = simulator.ca_pem(),
                                                      .config = "fleet: {url: \"" + store->url() + "\"" +
                                                                more + "}\nauth: {fresh_for: 0s}\n",
                                                      .wait_until_ready = wait});
    }

    /// All at once, as after a rollout. (By this thread: a process dies with the thread that started it.)
    [[nodiscard]] std::vector<Replica> start_all(std::size_t count) const {
        std::vector<Replica> replicas;
        for (std::size_t i = 0; i < count; ++i)
            replicas.push_back(start("", false));
        for (const Replica& replica : replicas)
            EXPECT_TRUE(replica->notify().wait_for("READY=1", replica->process()));
        return replicas;
    }

    static std::size_t size() {
        // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing changes the environment
        const char* const wanted = std::getenv("BEARERD_FLEET_SIZE");
        return wanted != nullptr ? std::stoul(wanted) : 5;
    }

    static void expect_data(const Daemon& replica) {
        const auto answer = replica.post(balance_query());
        EXPECT_EQ(answer.status, 200);
        EXPECT_NE(answer.body.find("\"data\""), std::string::npos) << answer.body;
    }

    /// The name of the one key whose name has this part; empty if there is none.
    [[nodiscard]] std::string key(const std::string& part) const {
        const std::string script = "EVAL \"return redis.call('KEYS', ARGV[1])[1] or ''\" 0 *:" + part + ":*";
        Socket socket = Socket::connect(port());
        socket.send(script + "\r\n");
        std::string answer;
        while (std::count(answer.begin(), answer.end(), '\n') < 2)
            answer += socket.receive_some();
        const auto begin = answer.find("\r\n") + 2;
        return answer.substr(begin, answer.find("\r\n", begin) - begin);
    }

    [[nodiscard]] std::uint16_t port() const {
        return static_cast<std::uint16_t>(std::stoul(store->url().substr(store->url().rfind(':') + 1)));
    }

    bool until(const std::function<bool()>& held) const {
        for (const Deadline deadline; !held();) {
            if (deadline.passed())
                return false;
            std::this_thread::sleep_for(10ms);
        }
        return true;
    }

    Simulator simulator;
    std::unique_ptr<RedisServer> store;
};

std::size_t count_of(const std::string& text, std::string_view part) {
    std::size_t count = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
        ++count;
    return count;
}

TEST_F(Fleet, OneLoginServesAllProcessesAndTheirSuccessors) {
    auto replicas = start_all(size());
    EXPECT_EQ(simulator.stat("logins_ok"), 1);
    for (const Replica& replica : replicas)
        expect_data(*replica);
    for (Replica& replica : replicas) { // a rolling restart
        replica.reset();
        replica = start();
        expect_data(*replica);
    }
    EXPECT_EQ(simulator.stat("logins_ok"), 1);
}

TEST_F(Fleet, AWrongPasswordIsTriedAsOftenAsByOneProcess) {
    simulator.change_password("another-password");
    const auto replicas = start_all(size());
    EXPECT_EQ(simulator.stat("logins_rejected"), 1);
    for (const Replica& replica : replicas) {
        EXPECT_NE(replica->post(balance_query()).body.find("LOGIN_REJECTED"), std::string::npos);
        EXPECT_EQ(replica->admin("/readyz").status, 503);
    }
    EXPECT_EQ(simulator.stat("logins_rejected"), 1);
}

TEST_F(Fleet, ARevokedTokenIsReplacedByOneLogin) {
    const auto replicas = start_all(3);
    simulator.revoke_tokens();
    in_parallel(replicas.size(), [&](std::size_t i) { expect_data(*replicas[i]); });
    EXPECT_EQ(simulator.stat("logins_ok"), 2);
}

TEST_F(Fleet, GoesOnWithoutAStoreThatWasKilledAndSharesAgainWhenItIsBack) {
    const auto replicas = start_all(2);
    store->kill();
    for (const Replica& replica : replicas)
        EXPECT_TRUE(until([&] { return replica->metric("bearerd_fleet_store_up") == 0; }));
    simulator.revoke_tokens();
    for (const Replica& replica : replicas) {
        expect_data(*replica);
        EXPECT_EQ(replica->admin("/readyz").status, 200);
    }
    EXPECT_EQ(simulator.stat("logins_ok"), 3) << "each by itself";
    store->start();
    for (const Replica& replica : replicas) {
        EXPECT_TRUE(until([&] { return replica->metric("bearerd_fleet_store_up") == 1; }));
        EXPECT_TRUE(replica->process().wait_for_line("the store of the fleet is back"));
        EXPECT_EQ(count_of(replica->output(), "the store of the fleet is away"), 1U);
        EXPECT_EQ(count_of(replica->output(), "the store of the fleet is back"), 1U);
    }
    EXPECT_TRUE(until([&] { return !key("token").empty(); })) << "what was fetched meanwhile is shared";
    const auto third = start();
    expect_data(*third);
    EXPECT_EQ(simulator.stat("logins_ok"), 3);
}

TEST_F(Fleet, GoesOnWithoutAStoreThatIsPaused) {
    const auto replica = start();
    store->pause();
    simulator.revoke_tokens();
    expect_data(*replica);
    EXPECT_EQ(simulator.stat("logins_ok"), 2);
    EXPECT_EQ(replica->metric("bearerd_fleet_store_up"), 0);
    EXPECT_GE(replica->metric("bearerd_fleet_store_errors_total"), 1);
    store->resume();
    EXPECT_TRUE(until([&] { return replica->metric("bearerd_fleet_store_up") == 1; }));
}

TEST_F(Fleet, StartsWithoutAStore) {
    store->kill();
    const auto replica = start();
    expect_data(*replica);
    EXPECT_EQ(simulator.stat("logins_ok"), 1);
}

TEST_F(Fleet, SharesOneLoginAfterTheStoreWasEmptied) {
    const auto replicas = start_all(3);
    EXPECT_EQ(store->command("FLUSHALL"), "+OK");
    simulator.revoke_tokens();
    for (const Replica& replica : replicas)
        expect_data(*replica);
    EXPECT_EQ(simulator.stat("logins_ok"), 2);
}

TEST_F(Fleet, ALoginThatWasStoppedForLongerThanItsLeaseReplacesNothing) {
    simulator.set_faults(R"({"kind":"hold","operations":"login","next":1})");
    const auto stopped = start(", lease: 1s", false);
    ASSERT_TRUE(until([&] { return simulator.stat("held") == 1; }));
    stopped->process().signal(SIGSTOP);
    EXPECT_TRUE(until([this] { return key("lease").empty(); })) << "nobody renews it";
    const auto next = start(", lease: 1s");
    expect_data(*next);
    ASSERT_TRUE(until([this] { return !key("token").empty() && key("lease").empty(); }));
    std::this_thread::sleep_for(2s); // with what it was stopped before: more than twice the lease
    simulator.release();
    stopped->process().signal(SIGCONT);
    EXPECT_TRUE(stopped->wait_for_metric(R"(bearerd_logins_total{result="ok"})", 1));
    expect_data(*stopped);
    const auto third = start(", lease: 1s");
    expect_data(*third);
    EXPECT_EQ(simulator.stat("logins_ok"), 2);
    EXPECT_EQ(third->metric(R"(bearerd_token_swaps_total{source="fleet"})"), 1);
    EXPECT_EQ(next->output().find("login rejected"), std::string::npos);
}

TEST_F(Fleet, AReplicaThatStopsInTheMiddleOfALoginReleasesItsLease) {
    simulator.set_faults(R"({"kind":"hold","operations":"login","next":1})");
    const auto leaving = start(", lease: 5m", false);
    ASSERT_TRUE(until([&] { return simulator.stat("held") == 1; }));
    EXPECT_FALSE(key("lease").empty());
    ASSERT_TRUE(leaving->stop());
    EXPECT_TRUE(key("lease").empty());
    simulator.release();
}

TEST_F(Fleet, ReachesAStoreByTlsAndPasswordAndKeepsThePasswordToItself) {
    const CertificateAuthority authority;
    const auto certificate = authority.issue();
    const RedisServer secured{{std::string{own_password}, certificate.pem, certificate.key_pem}};
    const TemporaryDirectory files;
    const std::string ca = files.write("ca.pem", authority.pem());
    const std::string password_file = files.write("store-password", std::string{own_password} + "\n");
    const auto config = [&](const std::string& ca_file) {
        return "fleet: {url: \"" + secured.url() + "\", password_file: " + password_file +
               ", tls: {ca_file: " + ca_file + "}}\n";
    };
    const DaemonOptions options{
        .upstream_url = simulator.url(), .ca_pem = simulator.ca_pem(), .config = config(ca)};
    const Daemon first{options};
    const Daemon second{options};
    expect_data(first);
    expect_data(second);
    EXPECT_EQ(simulator.stat("logins_ok"), 1);
    // A certificate of another authority is refused, and each goes on by itself.
    const CertificateAuthority stranger;
    Daemon third{{.upstream_url = simulator.url(),
                  .ca_pem = simulator.ca_pem(),
                  .config = config(files.write("other.pem", stranger.pem()))}};
    expect_data(third);
    EXPECT_TRUE(third.process().wait_for_line("the store of the fleet is away"));
    EXPECT_EQ(simulator.stat("logins_ok"), 2);
    for (const Daemon* const daemon : {&first, &second, static_cast<const Daemon*>(&third)})
        EXPECT_EQ(daemon->output().find(own_password), std::string::npos);
}

TEST_F(Fleet, AChangedSectionTakesARestart) {
    const auto replica = start();
    replica->write_config("fleet: {url: \"redis://127.0.0.1:1\"}\nauth: {fresh_for: 0s}\n");
    replica->process().signal(SIGHUP);
    EXPECT_TRUE(replica->process().wait_for_line("a changed fleet requires a restart"));
    EXPECT_TRUE(replica->process().wait_for_line("configuration reloaded"));
    EXPECT_EQ(replica->metric("bearerd_fleet_store_up"), 1);
    simulator.revoke_tokens();
    expect_data(*replica);
    EXPECT_EQ(replica->metric("bearerd_fleet_store_errors_total"), 0);
}

TEST_F(Fleet, IsNoneWithoutTheSection) {
    const Daemon single{{.upstream_url = simulator.url(), .ca_pem = simulator.ca_pem()}};
    expect_data(single);
    EXPECT_EQ(single.admin("/metrics").body.find("bearerd_fleet"), std::string::npos);
}

} // namespace
} // namespace bearerd::test
