#include "scenario.hpp"
#include "support/redis_server.hpp"

#include <gtest/gtest.h>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <thread>

// contract 12: the transactions of contract 10 over several replicas and a real store.
namespace bearerd::test {
namespace {

class FleetTransactions : public testing::Test {
protected:
    using Replica = std::unique_ptr<Daemon>;

    void SetUp() override {
        if (!RedisServer::is_installed())
            GTEST_SKIP() << "no redis-server (scripts/install-dependencies test)";
        store = std::make_unique<RedisServer>();
    }

    /// `more`: of the section `fleet`.
    [[nodiscard]] Replica start(const std::string& more = "") const {
        const DaemonOptions options{
            .upstream_url = simulator.url(),
            .ca_pem = simulator.ca_pem(),
            .config = "threads: 1\nfleet: {url: \"" + store->url() + "\", lease: 1s" + more +
                      "}\ntransactions: {rules: [{mutation: createBalanceAdjustment, key: "
                      "merchant_transaction_reference, repeats: replay}]}\n"};
        return std::make_unique<Daemon>(options);
    }

    /// "CODE executed", or "data".
    static std::string told(const HttpResponse& response) {
        const auto body = nlohmann::json::parse(response.body, nullptr, false);
        const nlohmann::json::json_pointer at{"/errors/0/extensions"};
        if (!body.is_object() || !body.contains(at))
            return body.is_object() && body.contains("data") ? "data" : response.body;
        return body.at(at).value("code", "") + " " + body.at(at).value("executed", "");
    }

    /// Sends it again as long as a store is required that has not answered in time: the machine may be busy.
    static std::string send(const Daemon& replica, const std::string& key) {
        std::string answer = told(replica.post(redemption(key)));
        for (const Deadline deadline; answer == refused && !deadline.passed();)
            answer = told(replica.post(redemption(key)));
        return answer;
    }

    static constexpr std::string_view refused = "OVERLOADED unknown";

    Simulator simulator;
    std::unique_ptr<RedisServer> store;
};

TEST_F(FleetTransactions, ARepeatAtAnotherReplicaIsNotSent) {
    const Replica first = start(", required: true");
    const Replica second = start(", required: true");
    EXPECT_EQ(send(*first, "sale-1"), "data");
    EXPECT_EQ(send(*second, "sale-1"), "ALREADY_EXECUTED yes");
    EXPECT_EQ(send(*first, "sale-1"), "data") << "replayed where its answer is";
    EXPECT_EQ(simulator.executions("sale-1"), 1U);
}

TEST_F(FleetTransactions, WhatAReplicaLeftBehindInFlightIsUnknown) {
    const Replica first = start(", required: true");
    const Replica second = start(", required: true");
    simulator.set_faults(R"({"kind":"delay","operations":"mutation","delay_ms":60000})");
    std::thread app{[&first] { EXPECT_ANY_THROW(static_cast<void>(first->post(redemption("sale-1")))); }};
    EXPECT_TRUE(first->wait_for_metric("bearerd_requests_in_flight", 1));
    first->process().signal(SIGKILL);
    app.join();
    simulator.set_faults("[]");
    for (int i = 0; i < 2; ++i)
        EXPECT_EQ(send(*second, "sale-1"), "OUTCOME_UNKNOWN unknown");
    EXPECT_EQ(send(*second, "sale-2"), "data");
    static_cast<void>(first->stop());
}

TEST_F(FleetTransactions, WithoutTheStoreEachReplicaGoesOnAlone) {
    const Replica first = start();
    const Replica second = start();
    store->pause();
    EXPECT_EQ(send(*first, "sale-1"), "data");
    EXPECT_EQ(send(*first, "sale-1"), "data") << "replayed by its own guard";
    EXPECT_EQ(send(*second, "sale-2"), "data");
    EXPECT_EQ(simulator.executions("sale-1"), 1U);
    store->resume();
    EXPECT_TRUE(second->wait_for_metric("bearerd_fleet_store_up", 1));
    EXPECT_TRUE(first->wait_for_metric("bearerd_fleet_store_up", 1));
}

TEST_F(FleetTransactions, WithoutARequiredStoreNothingIsSent) {
    const Replica first = start(", required: true");
    EXPECT_EQ(send(*first, "sale-1"), "data");
    store->kill();
    EXPECT_EQ(told(first->post(redemption("sale-2"))), refused);
    EXPECT_EQ(send(*first, "sale-1"), "data") << "its own guard knows the answer";
    EXPECT_EQ(first->post(balance_query()).status, 200) << "other requests are not refused";
    EXPECT_EQ(simulator.executions("sale-2"), 0U);
}

TEST_F(FleetTransactions, AReplicaThatStopsLeavesNothingInFlight) {
    const Replica first = start(", required: true");
    const Replica second = start(", required: true");
    EXPECT_EQ(send(*first, "sale-1"), "data");
    const auto ended = first->stop();
    ASSERT_TRUE(ended);
    EXPECT_EQ(ended->code, 0);
    EXPECT_EQ(send(*second, "sale-1"), "ALREADY_EXECUTED yes");
}

} // namespace
} // namespace bearerd::test
