#include "scenario.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdlib>
#include <fcntl.h>
#include <sched.h>
#include <thread>
#include <unistd.h>

namespace bearerd::test {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view warm = "upstream: {keep_warm: {connections: 1}}";

TEST(KeepWarm, ARedemptionLongAfterTheStartUsesWhatWasMadeAhead) {
    Simulator simulator;
    Daemon daemon{
        {.upstream_url = simulator.url(), .ca_pem = simulator.ca_pem(), .config = std::string{warm}}};
    ASSERT_TRUE(daemon.wait_for_metric("bearerd_upstream_warm_connections", 1));
    // Until the upstream's limit for idle connections is known, the redemption may take a new one.
    const std::string survived =
        R"(bearerd_upstream_idle_limit_seconds{connection="unused",evidence="survived"})";
    for (const Deadline deadline; daemon.metric(survived) < 4 && !deadline.passed();)
        std::this_thread::sleep_for(50ms);
    ASSERT_TRUE(daemon.wait_for_metric("bearerd_upstream_warm_connections", 1));
    const std::int64_t before = simulator.stat("connections");
    EXPECT_THAT(daemon.post(redemption("warm")).body, testing::HasSubstr("\"value\":-1"));
    EXPECT_EQ(simulator.stat("connections"), before);
    const auto status = nlohmann::json::parse(daemon.admin("/status.json").body);
    EXPECT_TRUE(status["upstream"]["connections"].contains("warm"));
    EXPECT_GE(status["upstream"]["idle_limit"]["unused"]["survived_s"], 4);
}

/// Its server sends session tickets before it has the client's part of the handshake, as all that are written
/// in Go do.
TEST(KeepWarm, AConnectionWhoseTicketsCameWithTheHandshakeStays) {
    const std::string program = PROMETHEUS_PROGRAM;
    if (program.empty())
        GTEST_SKIP() << "no prometheus on this machine";
    const CertificateAuthority authority;
    const Certificate certificate = authority.issue();
    const TemporaryDirectory folder;
    const std::string port = std::to_string(free_port());
    Process server{
        program,
        {"--config.file=" + folder.write("prometheus.yml", "global: {}\n"),
         "--web.config.file=" +
             folder.write("web.yml", "tls_server_config: {cert_file: " +
                                         folder.write("certificate.pem", certificate.pem) + ", key_file: " +
                                         folder.write("key.pem", certificate.key_pem) + "}\n"),
         "--web.listen-address=127.0.0.1:" + port,
         "--storage.tsdb.path=" + (folder.path() / "data").string()}};
    ASSERT_TRUE(server.wait_for_line("Server is ready to receive web requests")) << server.output();
    Daemon daemon{{.upstream_url = "https://localhost:" + port + "/graphql",
                   .ca_pem = authority.pem(),
                   .config = std::string{warm} + "\nauth: {kind: static, secret_file: password}"}};
    const std::string survived =
        R"(bearerd_upstream_idle_limit_seconds{connection="unused",evidence="survived"})";
    for (const Deadline deadline; daemon.metric(survived) < 1 && !deadline.passed();)
        std::this_thread::sleep_for(50ms);
    EXPECT_GE(daemon.metric(survived), 1);
    EXPECT_TRUE(daemon.wait_for_metric("bearerd_upstream_warm_connections", 1));
    EXPECT_EQ(daemon.metric(R"(bearerd_upstream_idle_limit_seconds{connection="unused",evidence="closes"})"),
              0)
        << "it was taken for closed";
}

TEST(KeepWarm, OnceTheTimeIsOverNothingIsMadeAhead) {
    Simulator simulator;
    // One is made ahead once the login's own connection has been idle for a second; on a busy machine the
    // login alone takes one.
    Daemon daemon{{.upstream_url = simulator.url(),
                   .ca_pem = simulator.ca_pem(),
                   .config = "upstream: {keep_warm: {connections: 1, for: 8s}, idle_timeout: 1s}"}};
    ASSERT_TRUE(daemon.wait_for_metric("bearerd_upstream_warm_dials_total{result=\"ok\"}", 1));
    std::int64_t made = 0; // until then, another one each second
    for (const Deadline deadline; made != simulator.stat("connections") && !deadline.passed();) {
        made = simulator.stat("connections");
        std::this_thread::sleep_for(2s);
    }
    EXPECT_EQ(simulator.stat("connections"), made);
    EXPECT_EQ(daemon.metric("bearerd_upstream_warm_connections"), 0);
}

TEST(KeepWarm, AReloadAndAShutdownLeaveNoConnectionBehind) {
    Simulator simulator;
    {
        Daemon daemon{
            {.upstream_url = simulator.url(), .ca_pem = simulator.ca_pem(), .config = std::string{warm}}};
        ASSERT_TRUE(daemon.wait_for_metric("bearerd_upstream_warm_connections", 1));
        daemon.write_config("upstream: {keep_warm: {connections: 0}}");
        daemon.process().signal(SIGHUP);
        ASSERT_TRUE(daemon.wait_for_metric(R"(bearerd_config_reloads_total{result="ok"})", 1));
        EXPECT_TRUE(daemon.wait_for_metric("bearerd_upstream_warm_connections", 0));
    }
    for (const Deadline deadline; simulator.stat("open_connections") != 0;)
        ASSERT_FALSE(deadline.passed());
}

/// Two network namespaces, this thread's and another one, connected by a virtual cable. They need root, or
/// CAP_SYS_ADMIN and CAP_NET_ADMIN, which is not available everywhere. They end with the processes in them.
class TwoNetworks {
public:
    TwoNetworks() : home_{open_own()} {
        if (::unshare(CLONE_NEWNET) != 0)
            return;
        there_ = open_own();
        if (!ip("link set lo up") || ::unshare(CLONE_NEWNET) != 0)
            return;
        here_ = open_own();
        const std::string other = "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(there_);
        ready_ = ip("link set lo up") && ip("link add near type veth peer name far netns " + other) &&
                 ip("addr add 10.77.0.1/24 dev near") && ip("link set near up");
        if (!ready_)
            return;
        enter_other();
        ready_ = ip("addr add 10.77.0.2/24 dev far") && ip("link set far up");
        leave_other();
    }

    TwoNetworks(const TwoNetworks&) = delete;
    TwoNetworks& operator=(const TwoNetworks&) = delete;

    ~TwoNetworks() {
        enter(home_);
        for (const int descriptor : {home_, here_, there_})
            if (descriptor >= 0)
                ::close(descriptor);
    }

    [[nodiscard]] bool ready() const { return ready_; }

    /// What is started or connected before leave_other() is in the other one.
    void enter_other() const { enter(there_); }

    void leave_other() const { enter(here_); }

    /// Makes the line dead without any notice.
    void cut() const {
        enter_other();
        EXPECT_TRUE(ip("link set far down"));
        leave_other();
    }

private:
    static int open_own() { return ::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC); }

    static void enter(int network) {
        if (network >= 0)
            static_cast<void>(::setns(network, CLONE_NEWNET));
    }

    static bool ip(const std::string& command) {
        return std::system(("ip " + command + " 2>/dev/null").c_str()) == 0; // NOLINT(concurrency-mt-unsafe)
    }

    int home_;
    int here_ = -1;
    int there_ = -1;
    bool ready_ = false;
};

TEST(DeadLine, ARedemptionThreeSecondsLaterIsSurelyNotExecuted) {
    const TwoNetworks networks;
    if (!networks.ready())
        GTEST_SKIP() << "network namespaces are not permitted here";
    networks.enter_other();
    Simulator simulator{{"--listen", "10.77.0.2:0", "--san", "localhost", "10.77.0.2"}};
    networks.leave_other();
    Daemon daemon{{.upstream_url = simulator.url(),
                   .ca_pem = simulator.ca_pem(),
                   .config = "upstream: {keep_warm: {connections: 1}, connect_timeout: 1s}"}};
    const std::string survived =
        R"(bearerd_upstream_idle_limit_seconds{connection="unused",evidence="survived"})";
    for (const Deadline deadline; daemon.metric(survived) < 8 && !deadline.passed();)
        std::this_thread::sleep_for(50ms);
    EXPECT_THAT(daemon.post(redemption("before")).body, testing::HasSubstr("\"value\":-1"));
    networks.cut();
    std::this_thread::sleep_for(3s);
    expect_own_error(daemon.post(redemption("after")), 502, "UPSTREAM_UNREACHABLE", "no");
    networks.enter_other();
    EXPECT_EQ(simulator.executions("before"), 1U);
    EXPECT_EQ(simulator.executions("after"), 0U);
    networks.leave_other();
}

} // namespace
} // namespace bearerd::test
