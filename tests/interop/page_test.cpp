#include "support/daemon.hpp"
#include "support/process.hpp"
#include "support/simulator.hpp"
#include "support/temporary_directory.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <thread>

namespace bearerd::test {
namespace {

using namespace std::chrono_literals;

/// A browser and thirteen states with four looks each, beside other tests on two busy cores.
constexpr std::chrono::milliseconds longest_look = 8min;

/// See page/page.js. BEARERD_SCREENSHOTS names a folder for the pictures, for people.
TEST(StatusPageInABrowser, HasNoViolationOfAccessibilityInAnyState) {
    if (std::string_view{CHROMIUM_PROGRAM}.empty())
        GTEST_SKIP() << "no chromium (scripts/install-dependencies test)";
    Simulator simulator;
    const TemporaryDirectory directory;
    Daemon daemon{
        {.upstream_url = simulator.url(),
         .ca_pem = simulator.ca_pem(),
         .config = "journal: {directory: " + (directory.path() / "journal").string() +
                   "}\ntransactions: {look_up_for: 100ms, rules: [{mutation: createBalanceAdjustment, "
                   "key: merchant_transaction_reference}]}"}};
    EXPECT_EQ(daemon.post(balance_query()).status, 200);
    simulator.set_faults(R"({"kind":"close_before","operations":"mutation","next":1})");
    EXPECT_EQ(daemon.post(redemption("sale-1")).status, 504);
    simulator.set_faults(R"({"kind":"delay","operations":"mutation","delay_ms":1500,"next":1})");
    {
        HttpClient client = daemon.client();
        client.send(client.format("POST", "/graphql", redemption("sale-2")));
        std::this_thread::sleep_for(500ms); // an end that comes at once is a half-closing client's
    }
    ASSERT_TRUE(daemon.wait_for_metric("bearerd_unheard_total", 1));
    ASSERT_TRUE(daemon.wait_for_metric("bearerd_journal_unresolved", 1));
    std::vector<std::string> arguments{PAGE_DIRECTORY "/page.js",
                                       "http://127.0.0.1:" + std::to_string(daemon.admin_port()) + "/",
                                       CHROMIUM_PROGRAM};
    if (const char* const folder = std::getenv("BEARERD_SCREENSHOTS"))
        arguments.emplace_back(folder);
    Process looking{NODE_PROGRAM, arguments, {{"HOME", directory.path().string()}}};
    const auto exit = looking.wait_exit(Deadline{longest_look});
    ASSERT_TRUE(exit) << "it did not end; so far it said:\n" << looking.output();
    EXPECT_EQ(exit->code, 0) << looking.output();
    EXPECT_TRUE(looking.standard_output().ends_with("OK\n")) << looking.output();
}

} // namespace
} // namespace bearerd::test
