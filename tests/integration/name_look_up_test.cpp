#include "scenario.hpp"

#include "support/socket.hpp"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <atomic>
#include <filesystem>
#include <netinet/in.h>
#include <optional>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace bearerd::test {
namespace {

// Contract 7, the last paragraph. The daemon's name configuration is in files of its own, which only it sees
// instead of those in /etc.

constexpr const char* unshare = "/usr/bin/unshare";
constexpr std::string_view host = "api.look-up.test";

/// Whether a mount namespace of its own is permitted here.
bool may_have_files_of_its_own() {
    return std::filesystem::exists(unshare) && run(unshare, {"--mount", "true"}).exit.code == 0;
}

std::vector<std::string> with_file(const std::string& file, const std::string& in_place_of) {
    return {unshare,
            "--mount",
            "--propagation",
            "private",
            "/bin/sh",
            "-c",
            "mount --bind \"$1\" \"$2\" && shift 2 && exec \"$@\"",
            "sh",
            file,
            in_place_of};
}

/// Accepts connections, as the kernel does for it, and never sends a byte.
class SilentAddress {
public:
    SilentAddress() : port_{free_port()}, descriptor_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port_);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        const int on = 1;
        ::setsockopt(descriptor_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        const auto* generic = reinterpret_cast<const sockaddr*>(&address); // NOLINT(*-reinterpret-cast)
        EXPECT_EQ(::bind(descriptor_, generic, sizeof address), 0);
        EXPECT_EQ(::listen(descriptor_, 128), 0);
    }

    SilentAddress(const SilentAddress&) = delete;
    SilentAddress& operator=(const SilentAddress&) = delete;

    ~SilentAddress() { ::close(descriptor_); }

    [[nodiscard]] std::uint16_t port() const { return port_; }

    [[nodiscard]] bool was_tried() const {
        pollfd waiting{descriptor_, POLLIN, 0};
        return ::poll(&waiting, 1, 0) == 1;
    }

private:
    std::uint16_t port_;
    int descriptor_;
};

TEST(NameLookUp, AnAddressThatIsSilentInTlsDoesNotKeepPaymentsFromTheHealthyOne) {
    if (!may_have_files_of_its_own())
        GTEST_SKIP() << "no mount namespaces here";
    const TemporaryDirectory folder;
    // Of two loopback addresses the C library puts 127.0.0.1 first, in whatever order they are listed.
    const std::string hosts =
        folder.write("hosts", "127.0.0.1 " + std::string{host} + "\n127.0.0.2 " + std::string{host} + "\n");
    const SilentAddress silent;
    const CertificateAuthority authority;
    const ScriptedUpstream healthy{
        authority.issue({.names = {"DNS:" + std::string{host}}}),
        serve_with(std::string{first_token}, [](const UpstreamRequest&) { return http_answer(some_data); }),
        "127.0.0.2", silent.port()};
    const Daemon daemon{{.upstream_url = healthy.url(std::string{host}),
                         .ca_pem = authority.pem(),
                         .config = "upstream: {reuse_for_mutations: 0s}", // each makes a new connection
                         .launcher = with_file(hosts, "/etc/hosts")}};
    for (int i = 0; i < 6; ++i) {
        const HttpResponse response = daemon.post(some_mutation);
        EXPECT_EQ(response.status, 200) << response.body;
        EXPECT_EQ(response.body, some_data);
    }
    EXPECT_EQ(healthy.app_requests().size(), 6U);
    EXPECT_TRUE(silent.was_tried());
}

/// A name server for one name, which is 127.0.0.1. It may stop answering.
class NameServer {
public:
    NameServer() : descriptor_{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)} {
        constexpr std::uint32_t first = 0x7f'4d'00'01; // 127.77.0.1, and another one for each process
        constexpr std::uint32_t most = 0xff'ff;
        constexpr std::uint16_t dns_port = 53; // resolv.conf can't name another port
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(dns_port);
        address.sin_addr.s_addr = htonl(first + static_cast<std::uint32_t>(::getpid()) % most);
        const auto* generic = reinterpret_cast<const sockaddr*>(&address); // NOLINT(*-reinterpret-cast)
        works_ = ::bind(descriptor_, generic, sizeof address) == 0;
        std::array<char, INET_ADDRSTRLEN> text{};
        ::inet_ntop(AF_INET, &address.sin_addr, text.data(), text.size());
        address_ = text.data();
        if (works_)
            thread_ = std::thread{[this] { serve(); }};
    }

    NameServer(const NameServer&) = delete;
    NameServer& operator=(const NameServer&) = delete;

    ~NameServer() {
        stopping_ = true;
        if (thread_.joinable())
            thread_.join();
        ::close(descriptor_);
    }

    /// It needs a privileged port.
    [[nodiscard]] bool works() const { return works_; }

    void fall_silent() { silent_ = true; }

    /// Returns a resolv.conf for it: a look-up takes minutes if it does not answer.
    [[nodiscard]] std::string resolv_conf() const {
        return "nameserver " + address_ + "\noptions timeout:30 attempts:5\n";
    }

    /// Whether this many questions have arrived; waits for them.
    [[nodiscard]] bool wait_for_unanswered(int count) const {
        for (const Deadline deadline; unanswered_ < count;) {
            if (deadline.passed())
                return false;
            std::this_thread::sleep_for(std::chrono::milliseconds{5});
        }
        return true;
    }

private:
    void serve() {
        constexpr int look_every_ms = 20;
        while (!stopping_) {
            pollfd waiting{descriptor_, POLLIN, 0};
            if (::poll(&waiting, 1, look_every_ms) != 1)
                continue;
            std::array<char, 512> question{};
            sockaddr_in asker{};
            socklen_t size = sizeof asker;
            auto* generic = reinterpret_cast<sockaddr*>(&asker); // NOLINT(*-reinterpret-cast)
            const ssize_t got = ::recvfrom(descriptor_, question.data(), question.size(), 0, generic, &size);
            if (got <= 0)
                continue;
            if (silent_) {
                ++unanswered_;
                continue;
            }
            const std::string answer = answer_to({question.data(), static_cast<std::size_t>(got)});
            ::sendto(descriptor_, answer.data(), answer.size(), 0, generic, size);
        }
    }

    /// Returns the question itself (RFC 1035 section 4), with an address if one was asked for.
    static std::string answer_to(std::string_view question) {
        constexpr std::size_t head = 12;
        const std::size_t end_of_name = question.find('\0', head);
        if (end_of_name == std::string_view::npos || end_of_name + 5 > question.size())
            return {};
        const bool asks_for_ipv4 = question[end_of_name + 2] == 1;
        std::string answer{question.substr(0, end_of_name + 5)};
        answer[2] = '\x81'; // a response, from a server that may recurse
        answer[3] = '\x80';
        answer[7] = asks_for_ipv4 ? 1 : 0;
        answer[11] = 0; // without the question's own extensions
        using namespace std::string_view_literals;
        if (asks_for_ipv4) // the name above, A, IN, TTL 1 s, 127.0.0.1
            answer += "\xc0\x0c\0\1\0\1\0\0\0\1\0\4\x7f\0\0\1"sv;
        return answer;
    }

    int descriptor_;
    std::string address_;
    bool works_ = false;
    std::atomic<bool> silent_ = false;
    std::atomic<bool> stopping_ = false;
    std::atomic<int> unanswered_ = 0;
    std::thread thread_;
};

class SilentNameServer : public testing::Test {
protected:
    void SetUp() override {
        if (!may_have_files_of_its_own() || !server.works())
            GTEST_SKIP() << "no mount namespaces here, or no port for a name server";
    }

    [[nodiscard]] std::vector<std::string> launcher() const {
        // Users other than root may have to read it.
        const std::string file = folder.write("resolv.conf", server.resolv_conf());
        ::chmod(file.c_str(), 0644);
        return with_file(file, "/etc/resolv.conf");
    }

    TemporaryDirectory folder;
    NameServer server;
};

TEST_F(SilentNameServer, DoesNotHoldUpTheEndOfTheDaemon) {
    server.fall_silent();
    // It must end by itself, not by the alarm that ends a process which hangs at its end.
    std::vector<std::string> without_alarm = launcher();
    without_alarm.insert(without_alarm.end(), {"/usr/bin/env", "--block-signal=ALRM"});
    Daemon daemon{{.upstream_url = "https://" + std::string{host} + "/graphql",
                   .launcher = without_alarm,
                   .wait_until_ready = false}};
    ASSERT_TRUE(server.wait_for_unanswered(1));
    const auto exit = daemon.stop();
    ASSERT_TRUE(exit) << "the look-up, which takes minutes, was waited for";
    EXPECT_EQ(exit->code, 0);
}

TEST_F(SilentNameServer, DoesNotKeepSalesFromTheAddressesThatAreKnown) {
    const CertificateAuthority authority;
    const auto certificate = authority.issue({.names = {"DNS:" + std::string{host}}});
    const auto script =
        serve_with(std::string{first_token}, [](const UpstreamRequest&) { return http_answer(some_data); });
    const std::uint16_t port = free_port();
    auto upstream = std::make_unique<ScriptedUpstream>(certificate, script, "127.0.0.1", port);
    const Daemon daemon{{.upstream_url = upstream->url(std::string{host}),
                         .ca_pem = authority.pem(),
                         .config = "upstream: {reuse_for_mutations: 0s}", // each makes a new connection
                         .launcher = launcher()}};
    EXPECT_EQ(daemon.post(some_mutation).body, some_data);
    // After an address that does not answer, the next connection looks the name up again.
    upstream.reset();
    expect_own_error(daemon.post(some_mutation), 502, "UPSTREAM_UNREACHABLE", "no");
    server.fall_silent();
    upstream = std::make_unique<ScriptedUpstream>(certificate, script, "127.0.0.1", port);
    for (int i = 0; i < 4; ++i)
        EXPECT_EQ(daemon.post(some_mutation).body, some_data);
    EXPECT_TRUE(server.wait_for_unanswered(1));
}

} // namespace
} // namespace bearerd::test
