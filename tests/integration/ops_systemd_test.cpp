#include "ops_load.hpp"
#include "scenario.hpp"

#include "support/notify_socket.hpp"
#include "unit/auth/jwt_text.hpp"

#include <arpa/inet.h>
#include <ctime>
#include <future>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

namespace bearerd::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

/// Returns the values of a variable in all messages, in order.
std::vector<std::string> values(const NotifySocket& notify, const std::string& name) {
    std::vector<std::string> found;
    for (const std::string& message : notify.messages()) {
        const std::string lines = "\n" + message + "\n";
        const auto at = lines.find("\n" + name + "=");
        if (at != std::string::npos)
            found.push_back(
                lines.substr(at + name.size() + 2, lines.find('\n', at + 1) - at - name.size() - 2));
    }
    return found;
}

std::int64_t monotonic_us() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::int64_t>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1'000;
}

TEST(Notifying, IsReadyOnlyOnceTheFirstLoginWasTried) {
    std::promise<void> let_in;
    std::atomic<bool> asked = false;
    const CertificateAuthority authority;
    ScriptedUpstream upstream{authority.issue(), [&](UpstreamConnection& connection) {
                                  static_cast<void>(connection.read());
                                  asked = true;
                                  let_in.get_future().wait_for(patience);
                                  connection.write(login_answer(first_token));
                              }};
    Daemon daemon{{.upstream_url = upstream.url(), .ca_pem = authority.pem(), .wait_until_ready = false}};
    for (const Deadline deadline; !asked && !deadline.passed();)
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
    EXPECT_TRUE(accepts_connections(daemon.port())) << "it listens while it logs in";
    EXPECT_FALSE(
        daemon.notify().wait_for("READY=1", daemon.process(), Deadline{std::chrono::milliseconds{300}}));
    let_in.set_value();
    EXPECT_TRUE(daemon.notify().wait_for("READY=1", daemon.process()));
    EXPECT_THAT(values(daemon.notify(), "STATUS").back(), HasSubstr("Logged in as till-042"));
}

TEST(Notifying, IsReadyWithAStatusThatSaysWhyWhereTheLoginFails) {
    Simulator upstream;
    upstream.change_password("another-one-0815");
    Daemon daemon{{.upstream_url = upstream.url(), .ca_pem = upstream.ca_pem()}};
    EXPECT_THAT(values(daemon.notify(), "STATUS").back(), HasSubstr("Not logged in: "));
}

TEST(Notifying, AReloadBeforeTheFirstLoginWasTriedMakesNothingReady) {
    std::promise<void> let_in;
    const std::shared_future<void> gate = let_in.get_future().share();
    const CertificateAuthority authority;
    ScriptedUpstream upstream{authority.issue(), [&](UpstreamConnection& connection) {
                                  static_cast<void>(connection.read());
                                  gate.wait_for(patience);
                                  connection.write(login_answer(first_token));
                              }};
    Daemon daemon{{.upstream_url = upstream.url(), .ca_pem = authority.pem(), .wait_until_ready = false}};
    EXPECT_TRUE(upstream.wait_for_requests(1));
    daemon.process().signal(SIGHUP);
    // Answered by the loop that reloads, so the reload has nothing more to report.
    EXPECT_TRUE(daemon.wait_for_metric(R"(bearerd_config_reloads_total{result="ok"})", 1));
    EXPECT_FALSE(
        daemon.notify().wait_for("READY=1", daemon.process(), Deadline{std::chrono::milliseconds{1}}));
    let_in.set_value();
    EXPECT_TRUE(daemon.notify().wait_for("READY=1", daemon.process()));
    EXPECT_THAT(values(daemon.notify(), "RELOADING"), IsEmpty());
}

TEST(Notifying, AnIdentityCanNotSpeakToTheServiceManager) {
    const std::string token =
        auth::test::jwt(R"({"iat":1700000000,"exp":1700003600,"username":"till\nWATCHDOG=trigger"})");
    const CertificateAuthority authority;
    ScriptedUpstream upstream{
        authority.issue(), serve_with(token, [](const UpstreamRequest&) { return http_answer(some_data); })};
    Daemon daemon{{.upstream_url = upstream.url(), .ca_pem = authority.pem()}};
    EXPECT_THAT(values(daemon.notify(), "STATUS").back(), HasSubstr("Logged in as till"));
    EXPECT_TRUE(daemon.stop());
    ASSERT_TRUE(daemon.notify().wait_for("STOPPING=1", daemon.process()));
    EXPECT_THAT(values(daemon.notify(), "WATCHDOG"), IsEmpty());
}

TEST(Notifying, TellsReloadsWithTheirTimeAndTheStop) {
    Scene scene{[](const UpstreamRequest&) { return http_answer(some_data); }};
    NotifySocket& notify = scene.daemon.notify();
    const std::int64_t before = monotonic_us();
    scene.daemon.process().signal(SIGHUP);
    ASSERT_TRUE(notify.wait_for("RELOADING=1", scene.daemon.process()));
    const std::int64_t time = std::stoll(values(notify, "MONOTONIC_USEC").back());
    EXPECT_GE(time, before);
    EXPECT_LE(time, monotonic_us());
    ASSERT_TRUE(notify.wait_for("READY=1", scene.daemon.process()));
    EXPECT_TRUE(scene.daemon.stop());
    EXPECT_TRUE(notify.wait_for("STOPPING=1", scene.daemon.process()));
}

TEST(Notifying, FeedsTheWatchdogFromTheLoops) {
    CertificateAuthority authority;
    ScriptedUpstream upstream{
        authority.issue(),
        serve_with(std::string{first_token}, [](const UpstreamRequest&) { return http_answer(some_data); })};
    Daemon daemon{{.upstream_url = upstream.url(),
                   .ca_pem = authority.pem(),
                   .config = "threads: 3",
                   .environment = {{"WATCHDOG_USEC", "100000"}}}};
    for (int i = 0; i < 3; ++i)
        EXPECT_TRUE(daemon.notify().wait_for("WATCHDOG=1", daemon.process()));
}

TEST(Notifying, ShutsUpWithoutAWatchdog) {
    Scene scene{[](const UpstreamRequest&) { return http_answer(some_data); }};
    EXPECT_TRUE(scene.daemon.stop());
    ASSERT_TRUE(scene.daemon.notify().wait_for("STOPPING=1", scene.daemon.process()));
    EXPECT_THAT(values(scene.daemon.notify(), "WATCHDOG"), IsEmpty());
}

/// A listening socket that outlives the daemons that it is passed to, like bearerd.socket.
class ActivationSocket {
public:
    explicit ActivationSocket(in_addr_t bound = INADDR_LOOPBACK)
        : descriptor_{::socket(AF_INET, SOCK_STREAM, 0)} { // without CLOEXEC, so it is inherited
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(bound);
        socklen_t size = sizeof address;
        auto* generic = reinterpret_cast<sockaddr*>(&address);
        if (::bind(descriptor_, generic, size) != 0 || ::listen(descriptor_, 4096) != 0 ||
            ::getsockname(descriptor_, generic, &size) != 0)
            throw std::system_error{errno, std::generic_category(), "activation socket"};
        port_ = ntohs(address.sin_port);
    }

    ActivationSocket(const ActivationSocket&) = delete;
    ActivationSocket& operator=(const ActivationSocket&) = delete;

    ~ActivationSocket() { ::close(descriptor_); }

    [[nodiscard]] std::uint16_t port() const { return port_; }

    /// Returns the command of a shell that passes it as descriptor 3, like systemd, and becomes bearerd.
    [[nodiscard]] std::vector<std::string> command(const std::string& config_file) const {
        return {"-c", "exec 3<&" + std::to_string(descriptor_) + "; LISTEN_FDS=1 LISTEN_PID=$$ exec '" +
                          BEARERD_PROGRAM + "' run --config '" + config_file + "'"};
    }

private:
    int descriptor_;
    std::uint16_t port_ = 0;
};

std::string activated_config(const TemporaryDirectory& directory, const Simulator& upstream,
                             const std::string& more = "") {
    directory.write("password", password);
    return directory.write("bearerd.yaml",
                           "listen: {addresses: [systemd]}\nadmin: {address: off}\nupstream: {url: \"" +
                               upstream.url() +
                               "\", tls: {ca_file: " + directory.write("ca.pem", upstream.ca_pem()) +
                               "}}\ncredentials: {username: till-042, password_file: " +
                               (directory.path() / "password").string() + "}\n" + more);
}

TEST(SocketActivation, ServesOnTheSocketThatWasHandedOver) {
    const Simulator upstream;
    const TemporaryDirectory directory;
    const ActivationSocket socket;
    HttpClient early{socket.port()}; // connected before a daemon accepts
    early.send(early.format("POST", "/graphql", balance_query(), {{"Content-Type", "application/json"}}));
    Process process{"/bin/sh", socket.command(activated_config(directory, upstream))};
    EXPECT_EQ(early.read_response().status, 200) << process.output();
    process.signal(SIGTERM);
    const auto exit = process.wait_exit();
    ASSERT_TRUE(exit);
    EXPECT_EQ(exit->code, 0);
}

TEST(SocketActivation, WithoutASocketItSaysWhatIsMissing) {
    const Simulator upstream;
    const TemporaryDirectory directory;
    const Finished ended = run_bearerd({"--config", activated_config(directory, upstream)});
    EXPECT_EQ(ended.exit.code, 1);
    EXPECT_THAT(ended.output, HasSubstr("bearerd.socket"));
}

TEST(SocketActivation, AReloadKeepsTheSocket) {
    const Simulator upstream;
    const TemporaryDirectory directory;
    const ActivationSocket socket;
    NotifySocket notify{directory.path() / "notify"};
    Process process{
        "/bin/sh", socket.command(activated_config(directory, upstream)), {{"NOTIFY_SOCKET", notify.path()}}};
    ASSERT_TRUE(notify.wait_for("READY=1", process)) << process.output();
    process.signal(SIGHUP);
    ASSERT_TRUE(notify.wait_for("READY=1", process));
    EXPECT_EQ(HttpClient{socket.port()}.post(balance_query()).status, 200);
    process.signal(SIGTERM);
    EXPECT_TRUE(process.wait_exit());
}

TEST(SocketActivation, ASocketThatOthersCanReachTakesLeave) {
    const Simulator upstream;
    const TemporaryDirectory directory;
    const ActivationSocket socket{INADDR_ANY};
    const Finished refused = run("/bin/sh", socket.command(activated_config(directory, upstream)));
    EXPECT_EQ(refused.exit.code, 78);
    EXPECT_THAT(refused.output, HasSubstr("listen.addresses: systemd handed over 0.0.0.0:" +
                                          std::to_string(socket.port()) + ", which can be reached"));
    EXPECT_THAT(refused.output, HasSubstr("bearerd.yaml:1:"));
    EXPECT_THAT(refused.output, HasSubstr("access.allow_remote"));
}

TEST(SocketActivation, AReloadHoldsTheSocketToItsRules) {
    const Simulator upstream;
    const TemporaryDirectory directory;
    const ActivationSocket socket{INADDR_ANY};
    NotifySocket notify{directory.path() / "notify"};
    const std::string config = activated_config(directory, upstream, "access: {allow_remote: true}\n");
    Process process{"/bin/sh", socket.command(config), {{"NOTIFY_SOCKET", notify.path()}}};
    ASSERT_TRUE(notify.wait_for("READY=1", process)) << process.output();
    EXPECT_EQ(HttpClient{socket.port()}.post(balance_query()).status, 200);
    static_cast<void>(activated_config(directory, upstream));
    process.signal(SIGHUP);
    EXPECT_TRUE(process.wait_for_line("which can be reached from other machines")) << process.output();
    ASSERT_TRUE(notify.wait_for("READY=1", process));
    EXPECT_EQ(HttpClient{socket.port()}.post(balance_query()).status, 200) << "the old configuration stays";
    process.signal(SIGTERM);
    EXPECT_TRUE(process.wait_exit());
}

TEST(SocketActivation, TwentyRestartsUnderLoadLoseNoRequest) {
    constexpr int restarts = 20;
    const Simulator upstream;
    const TemporaryDirectory directory;
    const ActivationSocket socket;
    const std::string config = activated_config(directory, upstream);
    Environment environment{{"STATE_DIRECTORY", (directory.path() / "state").string()}};
    Load load{socket.port(), 4, false};
    for (int i = 0; i < restarts; ++i) {
        Process process{"/bin/sh", socket.command(config), environment};
        EXPECT_TRUE(load.wait_for_more(10)) << process.output();
        process.signal(SIGTERM);
        const auto exit = process.wait_exit();
        ASSERT_TRUE(exit) << "the process did not stop";
        ASSERT_EQ(exit->code, 0);
    }
    Process last{"/bin/sh", socket.command(config), environment};
    EXPECT_TRUE(load.wait_for_more(10));
    EXPECT_THAT(load.end(), IsEmpty());
    EXPECT_LT(upstream.stat("logins_ok"), restarts) << "the stored token outlives restarts";
    last.signal(SIGTERM);
    EXPECT_TRUE(last.wait_exit());
}

} // namespace
} // namespace bearerd::test
