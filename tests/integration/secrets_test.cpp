#include "scenario.hpp"

#include "support/secrets.hpp"

#include <cerrno>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <thread>
#include <unistd.h>

namespace bearerd::test {
namespace {

/// Returns everything that the admin listener shows.
std::string pages(const Daemon& daemon) {
    std::string text;
    for (const char* page : {"/status.json", "/metrics", "/readyz", "/"}) {
        const HttpResponse response = daemon.admin(page);
        EXPECT_NE(response.body, "") << page;
        text += response.body;
    }
    return text;
}

/// Whether a process of the same user, without root's rights, may read that one's memory: 0 or an errno.
int reading_memory_of(pid_t process) {
    int result = 0;
    std::thread{[&] { // capabilities belong to a thread
        __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
        __user_cap_data_struct sets[2] = {};
        ::syscall(SYS_capget, &header, &sets[0]);
        sets[0].effective &= ~(1U << CAP_SYS_PTRACE);
        ::syscall(SYS_capset, &header, &sets[0]);
        char byte = 0;
        const iovec here{&byte, 1};
        const iovec there{nullptr, 1}; // nothing is there: a permitted reader gets EFAULT
        const auto got = ::process_vm_readv(process, &here, 1, &there, 1, 0);
        result = got < 0 && errno != EFAULT ? errno : 0;
    }}
        .join();
    return result;
}

/// Logs as much as possible.
class Secrets : public testing::TestWithParam<std::string> {};

TEST_P(Secrets, StandInNoLog) {
    Simulator simulator{{"--rotate-every", "3"}};
    Daemon daemon{{.upstream_url = simulator.url(),
                   .ca_pem = simulator.ca_pem(),
                   .config = "auth: {fresh_for: 0s}\nlog: {level: debug, format: " + GetParam() + "}"}};
    const std::string variable = R"({"query":"query($c:String){Cards(card_reference:$c){data{balance}}}",)"
                                 R"("variables":{"c":"6301190019990640662"}})";
    for (int i = 0; i < 5; ++i) {
        daemon.post(redemption("secret-reference-" + std::to_string(i)),
                    {{"Cookie", "session=cookie-of-the-app"}});
        daemon.post(variable);
    }
    simulator.revoke_tokens();
    daemon.post(balance_query());
    simulator.set_faults(R"([{"kind":"garbage","next":2},{"kind":"half_answer","next":2,"after":2}])");
    std::string told;
    for (int i = 0; i < 4; ++i)
        told += daemon.post(redemption("secret-broken-" + std::to_string(i))).body;
    EXPECT_NE(told.find("OUTCOME_UNKNOWN"), std::string::npos);
    expect_no_secrets(told + pages(daemon), {std::string{password}, std::string{card_number}, "eyJhbGciOi"},
                      "pages and errors");
    daemon.client().get(
        "/graphql?query=%7BCards(card_reference:%226301190019990640662%22)%7Bdata%7Bbalance%7D%7D%7D");

    const auto exit = daemon.stop(); // writes what is still pending
    EXPECT_TRUE(exit && exit->code == 0);
    const std::string shown = daemon.output();
    EXPECT_NE(shown.find("mutation"), std::string::npos) << "no request was logged at all";
    expect_no_secrets(shown, {std::string{password}, std::string{card_number}, "eyJhbGciOi",
                              "secret-reference", "cookie-of-the-app"});
}

TEST(SecretsQuotedByTheUpstream, StandInNoPageAndNoError) {
    const std::string quoted =
        "no user till-042 with " + std::string{password} + " and " + std::string{first_token};
    auto logins = std::make_shared<std::atomic<int>>(0);
    Scene scene{[logins, quoted](UpstreamConnection& connection) {
                    const std::string error = R"({"errors":[{"message":")" + quoted + "\"}]}";
                    for (;;) {
                        const UpstreamRequest request = connection.read();
                        if (!request.is_login())
                            connection.write(unauthorized_answer());
                        else
                            connection.write(++*logins == 1 ? login_answer(first_token) : http_answer(error));
                    }
                },
                "auth: {fresh_for: 0s}"};
    const HttpResponse refused = scene.daemon.post(some_mutation);
    expect_own_error(refused, 502, "LOGIN_REJECTED", "no");
    expect_no_secrets(refused.body + pages(scene.daemon), {std::string{password}, std::string{first_token}},
                      "pages and errors");
}

TEST(SecretsInMemory, AreNeitherDumpedNorReadByAnotherProcess) {
    Scene scene{[](const UpstreamRequest&) { return http_answer(some_data); }};
    const pid_t process = scene.daemon.process().pid();
    rlimit own{};
    ASSERT_EQ(::getrlimit(RLIMIT_CORE, &own), 0);
    if (own.rlim_max != 0) { // otherwise it says nothing about bearerd
        rlimit limit{1, 1};
        ASSERT_EQ(::prlimit(process, RLIMIT_CORE, nullptr, &limit), 0);
        EXPECT_EQ(limit.rlim_cur, 0U);
        EXPECT_EQ(limit.rlim_max, 0U);
    }
    Simulator other; // an ordinary process
    if (reading_memory_of(other.process().pid()) != 0)
        GTEST_SKIP() << "no process may look into another one here";
    EXPECT_EQ(reading_memory_of(process), EPERM);
}

INSTANTIATE_TEST_SUITE_P(Formats, Secrets, testing::Values("text", "json"));

} // namespace
} // namespace bearerd::test
