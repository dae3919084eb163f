#include "options.hpp"

#include <gtest/gtest.h>

namespace bearerd::sim {
namespace {

using namespace std::chrono_literals;

std::variant<Options, int> parsed(std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "bearerd-sim");
    return read_options(static_cast<int>(arguments.size()), arguments.data());
}

TEST(SimOptions, ADurationHasAUnitAndMayBeNegative) {
    EXPECT_EQ(read_duration("250ms"), 250ms);
    EXPECT_EQ(read_duration("30s"), 30s);
    EXPECT_EQ(read_duration("5"), 5s);
    EXPECT_EQ(read_duration("-10h"), -10h);
    for (const auto* text : {"", "h", "5 s", "5w", "99999999999s"})
        EXPECT_FALSE(read_duration(text)) << text;
}

TEST(SimOptions, AnEndpointIsAnAddressAndAPort) {
    EXPECT_EQ(read_endpoint("127.0.0.1:80"), asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), 80));
    EXPECT_EQ(read_endpoint("localhost:0"), asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    EXPECT_EQ(read_endpoint("[::1]:8443"), asio::ip::tcp::endpoint(asio::ip::address_v6::loopback(), 8443));
    for (const auto* text : {"127.0.0.1", ":80", "127.0.0.1:", "127.0.0.1:65536", "host:1"})
        EXPECT_FALSE(read_endpoint(text)) << text;
}

TEST(SimOptions, TheCommandLineSetsWhatItNames) {
    const auto result =
        parsed({"--clock-skew", "-10h", "--rotate-every", "100", "--token-headers", "x", "--fault",
                R"({"kind":"close_after"})", "--max-requests", "3", "--allow-duplicate-references"});
    const auto* options = std::get_if<Options>(&result);
    ASSERT_NE(options, nullptr);
    EXPECT_EQ(options->api.token.clock_skew, -10h);
    EXPECT_EQ(options->api.token.rotate_requests, 100U);
    EXPECT_EQ(options->api.token.rotate_time, 0ms);
    EXPECT_FALSE(options->api.authorization);
    EXPECT_TRUE(options->api.shop.allow_duplicate_references);
    EXPECT_EQ(options->api.password, "demo-password");
    EXPECT_EQ(options->server.max_requests, 3U);
    EXPECT_EQ(options->faults.size(), 1U);
}

TEST(SimOptions, AReportAsksTheUsualControlPortUnlessTold) {
    const auto usual = parsed({"--report", "--json"});
    EXPECT_EQ(std::get<Options>(usual).server.control, read_endpoint("127.0.0.1:8444"));
    const auto told = parsed({"--report", "--control", "127.0.0.1:9000"});
    EXPECT_EQ(std::get<Options>(told).server.control, read_endpoint("127.0.0.1:9000"));
}

TEST(SimOptions, TheListOfScenariosIsNoFault) {
    const auto result = parsed({"--scenario", "list"});
    const int* code = std::get_if<int>(&result);
    ASSERT_NE(code, nullptr);
    EXPECT_EQ(*code, 0);
}

TEST(SimOptions, WrongUsageIs64) {
    const std::vector<std::vector<const char*>> wrong{
        {"--listen", "nowhere"},
        {"--token-life", "long"},
        {"--token-life", "-1h"},
        {"--fault", "{\"kind\":\"nonsense\"}"},
        {"--fault", "not json"},
        {"--password-env", "BEARERD_SIM_TEST_THAT_IS_NOT_SET"},
        {"--password-file", "/nonexistent/password"},
        {"--certificate", "a.pem"},
        {"--tls-version", "1.1"},
        {"--unknown"},
        {"--scenario", "nonsense"},
        {"--scenario", "upstream-down=soon"},
        {"--json"},
    };
    for (const auto& arguments : wrong) {
        const auto result = parsed(arguments);
        const int* code = std::get_if<int>(&result);
        ASSERT_NE(code, nullptr) << arguments.front();
        EXPECT_EQ(*code, 64) << arguments.front();
    }
}

} // namespace
} // namespace bearerd::sim
