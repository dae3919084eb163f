#include "support/daemon.hpp"
#include "support/process.hpp"
#include "support/simulator.hpp"
#include "support/temporary_directory.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <ostream>

namespace bearerd::test {
namespace {

constexpr int not_installed = 77;

struct Client {
    std::string name;
    std::string folder;
    std::vector<std::string> arguments;
    bool sends_large = true;
};

std::ostream& operator<<(std::ostream& out, const Client& client) {
    return out << client.name;
}

class Clients : public testing::TestWithParam<Client> {};

/// See clients/README.md.
TEST_P(Clients, CheckAndRedeem) {
    const Client& client = GetParam();
    const Simulator simulator;
    const Daemon daemon{{.upstream_url = simulator.url(),
                         .ca_pem = simulator.ca_pem(),
                         .config = "limits: {request_body: 2MiB}"}};
    const TemporaryDirectory work;
    const std::string large = balance_query() + std::string(100'000, ' ');
    const Finished finished =
        run(std::string{CLIENTS_SOURCE} + "/" + client.folder + "/run", client.arguments,
            {{"GRAPHQL_URL", "http://127.0.0.1:" + std::to_string(daemon.port()) + "/graphql"},
             {"BALANCE", balance_query()},
             {"REDEMPTION", redemption("sale-1")},
             {"LARGE", large},
             {"NODE_CLIENTS", NPM_CLIENTS},
             {"WORK", work.path().string()}});
    if (finished.exit.code == not_installed)
        GTEST_SKIP() << client.folder << " is not there (scripts/install-dependencies interop)";
    EXPECT_EQ(finished.exit.code, 0) << finished.output;
    EXPECT_TRUE(finished.standard_output.ends_with("OK\n")) << finished.output;
    EXPECT_EQ(simulator.executions("sale-1"), 1U);
    EXPECT_EQ(simulator.stat("executed"), 1);
    EXPECT_EQ(simulator.stat("requests") - simulator.stat("logins_ok"), client.sends_large ? 4 : 3);
}

INSTANTIATE_TEST_SUITE_P(
    Of, Clients,
    testing::Values(Client{"Curl10", "curl", {"--http1.0"}}, Client{"Curl11", "curl", {"--http1.1"}},
                    Client{"Wget", "wget", {}, false}, Client{"PythonUrllib", "python", {"urllib"}},
                    Client{"PythonHttpClient", "python", {"http.client"}}, Client{"PerlHttpTiny", "perl", {}},
                    Client{"PhpStreams10", "php", {"streams-1.0"}},
                    Client{"PhpStreams11", "php", {"streams-1.1"}}, Client{"PhpCurl", "php", {"curl"}},
                    Client{"JavaHttpUrlConnection", "java", {"HttpUrlConnection"}},
                    Client{"JavaNetHttp", "java", {"HttpClient"}}, Client{"FreePascal", "pascal", {}},
                    Client{"Mono10", "mono", {"1.0"}}, Client{"Mono11", "mono", {"1.1"}},
                    Client{"NodeFetch", "node", {"fetch"}}, Client{"NodeHttp", "node", {"http"}},
                    Client{"Apollo", "npm", {"apollo"}}, Client{"Urql", "npm", {"urql"}},
                    Client{"GraphqlRequest", "npm", {"graphql-request"}}),
    [](const auto& client) { return client.param.name; });

} // namespace
} // namespace bearerd::test
