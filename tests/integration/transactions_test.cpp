#include "scenario.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <sstream>
#include <thread>

namespace bearerd::test {
namespace {

using Json = nlohmann::json;
using namespace std::chrono_literals;

constexpr const char* answer_is_lost = R"({"kind":"close_after","operations":"mutation","next":1})";
constexpr const char* request_is_lost = R"({"kind":"close_before","operations":"mutation","next":1})";

/// The rule of the example configuration.
std::string replay(const std::string& look_up_for = "100ms", bool query = true) {
    return "transactions:\n  look_up_for: " + look_up_for +
           "\n  rules:\n    - mutation: createBalanceAdjustment\n      key: merchant_transaction_reference\n"
           "      repeats: replay\n" +
           (query ? "      query: \"query($key:String!){LineItems(merchant_transaction_reference:$key)"
                    "{data{id}}}\"\n      found: /data/LineItems/data/0/id\n"
                  : "");
}

/// The same rule, but repeats pass.
std::string pass() {
    constexpr std::string_view replays = "repeats: replay";
    std::string config = replay("100ms", false);
    return config.replace(config.find(replays), replays.size(), "repeats: pass");
}

Json extensions(const HttpResponse& response) {
    return Json::parse(response.body, nullptr, false)
        .value(Json::json_pointer{"/errors/0/extensions"}, Json::object());
}

class TransactionsTest : public testing::Test {
protected:
    [[nodiscard]] std::string journal() const { return (directory.path() / "journal").string(); }

    [[nodiscard]] std::unique_ptr<Daemon> start(const std::string& config) {
        const DaemonOptions options{
            .upstream_url = upstream.url(), .ca_pem = upstream.ca_pem(), .config = config};
        return std::make_unique<Daemon>(options);
    }

    [[nodiscard]] std::unique_ptr<Daemon> start_with_journal(const std::string& config) {
        return start("journal: {directory: " + journal() + "}\n" + config);
    }

    static void kill(Daemon& daemon) {
        daemon.process().signal(SIGKILL);
        static_cast<void>(daemon.stop());
    }

    /// The daemon serves by this configuration when it returns.
    static void reload(Daemon& daemon, const std::string& config) {
        const auto reloads = [&daemon] {
            const std::string log = daemon.process().output();
            std::size_t count = 0;
            for (std::size_t at = 0; (at = log.find("configuration reloaded", at)) != std::string::npos; ++at)
                ++count;
            return count;
        };
        const std::size_t before = reloads();
        daemon.write_config(config);
        daemon.process().signal(SIGHUP);
        ASSERT_TRUE(wait_until([&] { return reloads() > before; }));
    }

    static Json state_of(Daemon& daemon, const std::string& key) {
        return Json::parse(daemon.admin("/transactions?key=" + key).body).at("transactions").at(0);
    }

    static std::vector<Json> listed(const Daemon& daemon, std::vector<std::string> more) {
        std::vector<std::string> arguments{"journal", "--json", "--config", daemon.config_file()};
        arguments.insert(arguments.end(), more.begin(), more.end());
        std::vector<Json> items;
        std::istringstream lines{run_bearerd(arguments).standard_output};
        for (std::string line; std::getline(lines, line);)
            items.push_back(Json::parse(line));
        return items;
    }

    TemporaryDirectory directory;
    Simulator upstream;
};

TEST_F(TransactionsTest, ARepeatGetsTheFirstsBytesAndIsExecutedOnce) {
    const auto daemon = start(replay() + "threads: 2\n");
    const HttpResponse first = daemon->post(redemption("sale-1"));
    EXPECT_EQ(first.status, 200);
    EXPECT_EQ(first.header("Idempotent-Replayed"), std::nullopt);
    for (int i = 0; i < 4; ++i) {
        const HttpResponse again = daemon->post(redemption("sale-1"));
        EXPECT_EQ(again.status, 200);
        EXPECT_EQ(again.body, first.body);
        EXPECT_EQ(again.header("Idempotent-Replayed"), "true");
    }
    EXPECT_EQ(upstream.executions("sale-1"), 1U);
    EXPECT_EQ(daemon->metric("bearerd_repeats_total{result=\"replayed\"}"), 4);
    EXPECT_EQ(state_of(*daemon, "sale-1").at("state"), "executed");
    EXPECT_EQ(state_of(*daemon, "sale-2").at("state"), "not_known");
}

TEST_F(TransactionsTest, AnEscapeInTheUrlHidesNoTransaction) {
    const auto daemon = start(replay());
    HttpClient till = daemon->client();
    const std::string sale = till.format("POST", "/graphql?shop=K%C3%B6ln", redemption("sale-1"),
                                         {{"Content-Type", "application/json"}});
    till.send(sale);
    EXPECT_EQ(till.read_response().status, 200);
    till.send(sale);
    EXPECT_EQ(till.read_response().header("Idempotent-Replayed"), "true");
    EXPECT_EQ(upstream.executions("sale-1"), 1U);
}

TEST_F(TransactionsTest, TheLogNamesAMutationWhoseKeyCantBeRead) {
    const auto daemon = start(replay());
    daemon->post(redemption("sale-1"), {{"X-Request-Id", "till-1"}});
    const std::string no_key =
        R"({"query":"mutation{createBalanceAdjustment(merchant_transaction_reference:7.5){id}}"})";
    daemon->post(no_key, {{"X-Request-Id", "till-2-6301190019990640662"}});
    ASSERT_TRUE(daemon->process().wait_for_line("a mutation is not guarded"));
    const std::string log = daemon->process().output();
    EXPECT_NE(log.find("is not guarded, since the key of its transaction can't be read "
                       "request_id=till-2-*******************"),
              std::string::npos)
        << log;
    EXPECT_EQ(log.find("is not guarded", log.find("is not guarded") + 1), std::string::npos);
    EXPECT_EQ(log.find("6301190019990640662"), std::string::npos);
}

TEST_F(TransactionsTest, ACardNumberInARequestIdReachesNoLogAndNoTable) {
    const auto daemon = start_with_journal(replay() + "log: {level: debug}\n");
    upstream.set_faults(
        R"([{"kind":"close_after","operations":"mutation"},{"kind":"close_before","operations":"query"}])");
    daemon->post(redemption("sale-1"), {{"X-Request-Id", "6301190019990640662"}});
    EXPECT_EQ(extensions(daemon->post(redemption("sale-1"))).value("first_request_id", ""),
              "*******************");
    EXPECT_EQ(state_of(*daemon, "sale-1").at("request_id"), "*******************");
    EXPECT_EQ(daemon->process().output().find("6301190019990640662"), std::string::npos);
}

TEST_F(TransactionsTest, RequestsAtOnceAreExecutedOnceAndGetTheSameBytes) {
    const auto daemon = start(replay() + "threads: 2\n");
    upstream.set_faults(R"({"kind":"delay","operations":"mutation","delay_ms":200})");
    std::vector<std::string> bodies(8);
    in_parallel(bodies.size(), [&](std::size_t i) { bodies[i] = daemon->post(redemption("sale-1")).body; });
    EXPECT_EQ(std::set<std::string>(bodies.begin(), bodies.end()).size(), 1U);
    EXPECT_EQ(upstream.executions("sale-1"), 1U);
}

TEST_F(TransactionsTest, AnUnknownOneIsNeverSentAgainAndIsFoundInTheBackground) {
    const auto daemon = start_with_journal(replay());
    upstream.set_faults(R"([{"kind":"close_after","operations":"mutation","next":1},)"
                        R"({"kind":"close_before","operations":"query","next":1}])");
    const HttpResponse first = daemon->post(redemption("sale-1"), {{"X-Request-Id", "till-1"}});
    EXPECT_EQ(extensions(first).value("code", ""), "OUTCOME_UNKNOWN");
    EXPECT_TRUE(wait_until([&] { return state_of(*daemon, "sale-1").at("state") == "executed"; }));
    const HttpResponse again = daemon->post(redemption("sale-1"));
    EXPECT_EQ(again.status, 409);
    EXPECT_EQ(extensions(again).value("code", ""), "ALREADY_EXECUTED");
    EXPECT_EQ(extensions(again).value("executed", ""), "yes");
    EXPECT_EQ(extensions(again).value("first_request_id", ""), "till-1");
    EXPECT_EQ(upstream.executions("sale-1"), 1U);
    EXPECT_TRUE(wait_until([&] { return daemon->metric("bearerd_journal_unresolved") == 0; }));
}

TEST_F(TransactionsTest, ACrashForgetsNothing) {
    auto daemon = start_with_journal(replay("100ms", false));
    EXPECT_EQ(daemon->post(redemption("sale-1")).status, 200);
    upstream.set_faults(request_is_lost);
    EXPECT_EQ(daemon->post(redemption("sale-2")).status, 504);
    upstream.set_faults(R"({"kind":"delay","operations":"mutation","delay_ms":60000,"next":1})");
    HttpClient client = daemon->client();
    client.send(client.format("POST", "/graphql", redemption("sale-3")));
    EXPECT_TRUE(wait_until([&] { return listed(*daemon, {"--key", "sale-3"}).size() == 1; }));
    EXPECT_TRUE(
        wait_until([&] { return listed(*daemon, {"--key", "sale-1"}).at(0).at("executed") == "yes"; }));
    kill(*daemon);
    upstream.set_faults("[]");
    daemon = start_with_journal(replay("100ms", false));
    const HttpResponse one = daemon->post(redemption("sale-1"));
    EXPECT_EQ(extensions(one).value("code", ""), "ALREADY_EXECUTED") << one.body;
    for (const char* const sale : {"sale-2", "sale-3"}) {
        const HttpResponse unknown = daemon->post(redemption(sale));
        EXPECT_EQ(extensions(unknown).value("code", ""), "OUTCOME_UNKNOWN") << sale;
        EXPECT_EQ(extensions(unknown).value("executed", ""), "unknown") << sale;
    }
    EXPECT_EQ(upstream.executions("sale-1"), 1U);
    EXPECT_EQ(upstream.executions("sale-2"), 0U);
}

TEST_F(TransactionsTest, OneThatWasNotExecutedIsShownAsThatAfterARestartToo) {
    auto daemon = start_with_journal(replay("100ms", false));
    upstream.set_faults(R"({"kind":"reject","operations":"mutation"})");
    EXPECT_EQ(daemon->post(redemption("sale-1"), {{"X-Request-Id", "till-1"}}).status, 200);
    EXPECT_EQ(state_of(*daemon, "sale-1").at("state"), "not_executed");
    EXPECT_EQ(state_of(*daemon, "sale-1").at("request_id"), "till-1");
    EXPECT_TRUE(
        wait_until([&] { return listed(*daemon, {"--key", "sale-1"}).at(0).at("executed") == "no"; }));
    kill(*daemon);
    daemon = start_with_journal(replay("100ms", false));
    EXPECT_EQ(state_of(*daemon, "sale-1").at("state"), "not_executed");
    EXPECT_EQ(upstream.executions("sale-1"), 0U);
}

TEST_F(TransactionsTest, AReloadThatBeginsToGuardKnowsWhatTheJournalHoldsAndWhatIsInFlight) {
    const auto daemon = start_with_journal(pass());
    upstream.set_faults(answer_is_lost);
    EXPECT_EQ(daemon->post(redemption("sale-1")).status, 504);
    upstream.set_faults(R"({"kind":"delay","operations":"mutation","delay_ms":2000,"next":1})");
    HttpClient client = daemon->client();
    client.send(client.format("POST", "/graphql", redemption("sale-2")));
    ASSERT_TRUE(wait_until([&] { return listed(*daemon, {"--key", "sale-2"}).size() == 1; }));

    daemon->write_config("journal: {directory: " + journal() + "}\n" + replay("100ms", false));
    daemon->process().signal(SIGHUP);
    ASSERT_TRUE(daemon->process().wait_for_line("configuration reloaded"));
    for (const char* key : {"sale-1", "sale-2"}) {
        const HttpResponse again = daemon->post(redemption(key));
        EXPECT_EQ(extensions(again).value("code", ""), "OUTCOME_UNKNOWN") << key << again.body;
    }
    EXPECT_EQ(client.read_response().status, 200);
    EXPECT_TRUE(wait_until([&] { return state_of(*daemon, "sale-2").at("state") == "executed"; }));
    EXPECT_EQ(extensions(daemon->post(redemption("sale-2"))).value("code", ""), "ALREADY_EXECUTED");
    EXPECT_EQ(upstream.executions("sale-1"), 1U);
    EXPECT_EQ(upstream.executions("sale-2"), 1U);
}

// It is in no journal yet, so the guard can't know it.
TEST_F(TransactionsTest, AReloadThatBeginsToGuardCallsOffWhatWasAcceptedBeforeAndNotSent) {
    const auto daemon = start_with_journal(pass());
    HttpClient client = daemon->client();
    const std::string body = redemption("sale-1");
    const std::string request = client.format("POST", "/graphql", body, {{"Expect", "100-continue"}});
    client.send(std::string_view{request}.substr(0, request.size() - body.size()));
    EXPECT_EQ(client.socket().receive_some(), "HTTP/1.1 100 Continue\r\n\r\n");
    reload(*daemon, "journal: {directory: " + journal() + "}\n" + replay("100ms", false));
    client.send(body);
    const HttpResponse called_off = client.read_response();
    EXPECT_EQ(extensions(called_off).value("code", ""), "OVERLOADED") << called_off.body;
    EXPECT_EQ(extensions(called_off).value("executed", ""), "no");
    EXPECT_EQ(listed(*daemon, {"--key", "sale-1"}).at(0).at("executed"), "no");
    EXPECT_EQ(daemon->post(redemption("sale-1")).status, 200);
    EXPECT_EQ(upstream.executions("sale-1"), 1U);
}

// The guard would take the first repeat of what the journal holds for new.
TEST_F(TransactionsTest, AReloadDoesNotBeginToGuardIfTheJournalCantBeRead) {
    const auto daemon = start_with_journal(pass());
    EXPECT_EQ(daemon->post(redemption("sale-1")).status, 200);
    const std::filesystem::path unreadable = std::filesystem::path{journal()} / "journal-9999999999.log";
    std::filesystem::create_directory(unreadable);
    const std::string config = "journal: {directory: " + journal() + "}\n" + replay("100ms", false);
    daemon->write_config(config);
    daemon->process().signal(SIGHUP);
    ASSERT_TRUE(wait_until([&] { return daemon->metric("bearerd_config_last_reload_successful") == 0; }));
    EXPECT_TRUE(daemon->process().wait_for_line("the journal can't be read"));
    EXPECT_EQ(daemon->post(redemption("sale-2")).status, 200) << "what runs goes on";
    std::filesystem::remove(unreadable);
    reload(*daemon, config);
    EXPECT_EQ(daemon->post(redemption("sale-3")).status, 200);
    EXPECT_EQ(daemon->post(redemption("sale-3")).header("Idempotent-Replayed"), "true");
}

// "Not executed" would be wrong: the other process may have executed it.
TEST_F(TransactionsTest, WhileAnotherProcessWritesTheJournalNothingCountsAsNew) {
    auto former = start_with_journal(replay("100ms", false));
    EXPECT_EQ(former->post(redemption("sale-1")).status, 200);
    const auto daemon = start_with_journal(replay("100ms", false));
    ASSERT_TRUE(daemon->process().wait_for_line("another bearerd writes there"));
    EXPECT_EQ(former->post(redemption("sale-2")).status, 200);
    for (const char* key : {"sale-1", "sale-2", "sale-3"}) {
        const HttpResponse refused = daemon->post(redemption(key));
        EXPECT_EQ(extensions(refused).value("code", ""), "OVERLOADED") << key;
        EXPECT_EQ(extensions(refused).value("executed", ""), "unknown") << key;
    }
    former.reset();
    ASSERT_TRUE(daemon->process().wait_for_line("journal is written again"));
    EXPECT_EQ(extensions(daemon->post(redemption("sale-2"))).value("code", ""), "ALREADY_EXECUTED");
    EXPECT_EQ(daemon->post(redemption("sale-3")).status, 200);
    EXPECT_EQ(upstream.executions("sale-2"), 1U);
    EXPECT_EQ(upstream.executions("sale-3"), 1U);
}

// Of what was closed before its rule was guarded, the writer passes nothing on: the journal is read once
// more.
TEST_F(TransactionsTest, WhatWasClosedWhileAnotherProcessHeldTheJournalCounts) {
    auto former = start_with_journal(pass());
    upstream.set_faults(answer_is_lost);
    EXPECT_EQ(former->post(redemption("sale-1"), {{"X-Request-Id", "sale-1"}}).status, 504);
    ASSERT_TRUE(former->wait_for_metric("bearerd_journal_unresolved", 1));
    const auto daemon = start_with_journal(replay("100ms", false));
    ASSERT_TRUE(daemon->process().wait_for_line("another bearerd writes there"));
    const Finished closed = run_bearerd({"journal", "close", "sale-1", "--executed", "yes", "--reason",
                                         "seen in the back office", "--config", former->config_file()});
    EXPECT_EQ(closed.exit.code, 0) << closed.output;
    former.reset();
    ASSERT_TRUE(daemon->process().wait_for_line("journal is written again"));
    const HttpResponse again = daemon->post(redemption("sale-1"));
    EXPECT_EQ(extensions(again).value("code", ""), "ALREADY_EXECUTED") << again.body;
    EXPECT_EQ(upstream.executions("sale-1"), 1U);
}

TEST_F(TransactionsTest, OneThatWaitsForTheJournalIsAnsweredAtASecondSignal) {
    const auto former = start_with_journal(replay("100ms", false));
    const auto daemon = start_with_journal(replay("100ms", false));
    ASSERT_TRUE(daemon->process().wait_for_line("another bearerd writes there"));
    HttpClient till = daemon->client();
    till.send(till.format("POST", "/graphql", redemption("sale-1"), {{"Content-Type", "application/json"}}));
    ASSERT_TRUE(wait_until([&] { return daemon->metric("bearerd_client_connections") == 1; }));
    daemon->process().signal(SIGTERM);
    ASSERT_TRUE(daemon->process().wait_for_line("stopping: requests in flight"));
    EXPECT_TRUE(daemon->stop()); // the second one
    EXPECT_EQ(extensions(till.read_response()).value("executed", ""), "unknown");
}

TEST_F(TransactionsTest, AsLongAsTheJournalCantBeReadAtAStartNothingCountsAsNew) {
    auto former = start_with_journal(replay("100ms", false));
    EXPECT_EQ(former->post(redemption("sale-1")).status, 200);
    former.reset();
    const std::filesystem::path unreadable = std::filesystem::path{journal()} / "journal-9999999999.log";
    std::filesystem::create_directory(unreadable);
    const auto daemon = start_with_journal(replay("100ms", false));
    EXPECT_TRUE(daemon->process().wait_for_line("what it guards is not sent until it can"));
    const HttpResponse refused = daemon->post(redemption("sale-1"));
    EXPECT_EQ(extensions(refused).value("code", ""), "OVERLOADED");
    EXPECT_EQ(extensions(refused).value("executed", ""), "unknown");
    std::filesystem::remove(unreadable);
    ASSERT_TRUE(daemon->process().wait_for_line("journal is written again"));
    EXPECT_EQ(extensions(daemon->post(redemption("sale-1"))).value("code", ""), "ALREADY_EXECUTED");
    EXPECT_EQ(upstream.executions("sale-1"), 1U);
}

// Its disk may not be mounted yet, and hold what was executed.
TEST_F(TransactionsTest, WhileThereIsNoJournalNothingCountsAsNotExecuted) {
    std::filesystem::create_directories(directory.path());
    std::ofstream{journal()} << "a file";
    const auto daemon = start_with_journal(replay("100ms", false));
    ASSERT_TRUE(daemon->process().wait_for_line("journal can't be written"));
    const HttpResponse refused = daemon->post(redemption("sale-1"));
    EXPECT_EQ(extensions(refused).value("code", ""), "OVERLOADED");
    EXPECT_EQ(extensions(refused).value("executed", ""), "unknown");
    EXPECT_EQ(upstream.executions("sale-1"), 0U);
    std::filesystem::remove(journal());
    ASSERT_TRUE(daemon->process().wait_for_line("journal is written again"));
    EXPECT_EQ(daemon->post(redemption("sale-1")).status, 200);
    EXPECT_EQ(upstream.executions("sale-1"), 1U);
}

TEST_F(TransactionsTest, AGuardThatWasAwayKnowsWhatWasSentMeanwhile) {
    const auto daemon = start_with_journal(replay("100ms", false));
    const std::string folder = "journal: {directory: " + journal() + "}\n";
    EXPECT_EQ(daemon->post(redemption("sale-0")).status, 200);
    reload(*daemon, folder + pass());
    upstream.set_faults(answer_is_lost);
    EXPECT_EQ(daemon->post(redemption("sale-1")).status, 504);
    reload(*daemon, folder + replay("100ms", false));
    const HttpResponse again = daemon->post(redemption("sale-1"));
    EXPECT_EQ(extensions(again).value("code", ""), "OUTCOME_UNKNOWN") << again.body;
    EXPECT_EQ(daemon->post(redemption("sale-0")).header("Idempotent-Replayed"), "true");
    EXPECT_EQ(upstream.executions("sale-0"), 1U);
    EXPECT_EQ(upstream.executions("sale-1"), 1U);
}

TEST_F(TransactionsTest, ARuleThatAReloadAddsKnowsWhatWasSentBefore) {
    const std::string folder = "journal: {directory: " + journal() + "}\n";
    const std::string other = "    - {mutation: createReversal, key: id, repeats: replay}\n";
    const auto daemon = start(folder + pass() + other);
    upstream.set_faults(answer_is_lost);
    EXPECT_EQ(daemon->post(redemption("sale-1")).status, 504);
    reload(*daemon, folder + replay("100ms", false) + other);
    const HttpResponse again = daemon->post(redemption("sale-1"));
    EXPECT_EQ(extensions(again).value("code", ""), "OUTCOME_UNKNOWN") << again.body;
    EXPECT_EQ(upstream.executions("sale-1"), 1U);
}

TEST_F(TransactionsTest, AReloadWithAnotherFolderGoesOnInTheOldOne) {
    const std::string other = (directory.path() / "other").string();
    const auto daemon = start_with_journal(pass());
    upstream.set_faults(answer_is_lost);
    EXPECT_EQ(daemon->post(redemption("sale-1")).status, 504);
    reload(*daemon, "journal: {directory: " + other + "}\n" + replay("100ms", false));
    const HttpResponse again = daemon->post(redemption("sale-1"));
    EXPECT_EQ(extensions(again).value("code", ""), "OUTCOME_UNKNOWN") << again.body;
    EXPECT_EQ(daemon->post(redemption("sale-2")).status, 200);
    EXPECT_FALSE(std::filesystem::exists(other));
    daemon->write_config("journal: {directory: " + journal() + "}\n" + replay("100ms", false));
    EXPECT_EQ(listed(*daemon, {"--key", "sale-2"}).size(), 1U);
    EXPECT_EQ(upstream.executions("sale-1"), 1U);
}

TEST_F(TransactionsTest, AReloadThatFailsChangesNoLimitOfTheGuard) {
    const auto daemon = start(replay());
    const HttpResponse first = daemon->post(redemption("sale-1"));
    const std::string url = upstream.url();
    const std::string port = url.substr(url.rfind(':') + 1, url.rfind('/') - url.rfind(':') - 1);
    daemon->write_config("admin: {address: \"127.0.0.1:" + port + "\"}\n" + replay() +
                         "  replay_memory: 0\n"); // somebody else listens there
    daemon->process().signal(SIGHUP);
    ASSERT_TRUE(wait_until([&] { return daemon->metric("bearerd_config_last_reload_successful") == 0; }));
    EXPECT_EQ(daemon->post(redemption("sale-1")).body, first.body);
}

TEST_F(TransactionsTest, APersonClosesAnUnknownOneWhileTheDaemonRunsAndWhileItDoesNot) {
    auto daemon = start_with_journal(replay("100ms", false));
    for (const char* const sale : {"sale-1", "sale-2"}) {
        upstream.set_faults(request_is_lost);
        EXPECT_EQ(daemon->post(redemption(sale), {{"X-Request-Id", sale}}).status, 504);
    }
    EXPECT_TRUE(daemon->wait_for_metric("bearerd_journal_unresolved", 2));
    const auto close = [&](const char* id, const char* executed) {
        return run_bearerd({"journal", "close", id, "--executed", executed, "--reason",
                            "seen in the back office", "--config", daemon->config_file()});
    };
    const Finished closed = close("sale-1", "no");
    EXPECT_EQ(closed.exit.code, 0) << closed.output;
    EXPECT_TRUE(daemon->wait_for_metric("bearerd_journal_unresolved", 1));
    EXPECT_TRUE(wait_until([&] { return daemon->post(redemption("sale-1")).status == 200; }));
    EXPECT_EQ(upstream.executions("sale-1"), 1U);
    EXPECT_EQ(close("sale-1", "no").exit.code, 1) << "there is nothing to close any more";
    kill(*daemon);
    EXPECT_EQ(close("sale-2", "yes").exit.code, 0);
    const Json item = listed(*daemon, {"--key", "sale-2"}).at(0);
    EXPECT_EQ(item.at("closed").at("reason"), "seen in the back office");
    EXPECT_EQ(item.at("executed"), "yes");
    daemon = start_with_journal(replay("100ms", false));
    EXPECT_EQ(extensions(daemon->post(redemption("sale-2"))).value("code", ""), "ALREADY_EXECUTED");
    EXPECT_EQ(upstream.executions("sale-2"), 0U);
}

// Apps may send any id: these are masked to the same stars.
TEST_F(TransactionsTest, APersonClosesOneOfSeveralWithTheSameRequestIdByItsNumber) {
    const auto daemon = start_with_journal(pass());
    for (const char* const id : {"202611300001", "202611300002"}) {
        upstream.set_faults(request_is_lost);
        EXPECT_EQ(daemon->post(redemption(id), {{"X-Request-Id", id}}).status, 504);
    }
    ASSERT_TRUE(daemon->wait_for_metric("bearerd_journal_unresolved", 2));
    const Json first = listed(*daemon, {}).at(0);
    const std::string number = std::to_string(first.at("number").get<std::uint64_t>());
    std::vector<std::string> words{"journal",       "close",    "202611300001", // as the till shows it
                                   "--executed",    "no",       "--reason",
                                   "none is there", "--config", daemon->config_file()};
    const Finished which = run_bearerd(words);
    EXPECT_EQ(which.exit.code, 1);
    EXPECT_NE(which.output.find("--number"), std::string::npos) << which.output;
    words.insert(words.end(), {"--number", number});
    EXPECT_EQ(run_bearerd(words).exit.code, 0);
    EXPECT_TRUE(daemon->wait_for_metric("bearerd_journal_unresolved", 1));
    EXPECT_EQ(listed(*daemon, {"--unresolved"}).at(0).at("number"),
              first.at("number").get<std::uint64_t>() + 1);
}

// While its answer is kept, repeats would get that, whatever the person has found out.
TEST_F(TransactionsTest, APersonClosesOneWhoseAnswerDoesNotSayWhetherItWasExecuted) {
    const auto daemon = start_with_journal(replay("100ms", false));
    upstream.set_faults(R"({"kind":"deep_path","operations":"mutation","next":1})");
    const HttpResponse first = daemon->post(redemption("sale-1"), {{"X-Request-Id", "sale-1"}});
    EXPECT_EQ(daemon->post(redemption("sale-1")).body, first.body);
    EXPECT_EQ(state_of(*daemon, "sale-1").at("state"), "answered");
    const Finished closed = run_bearerd({"journal", "close", "sale-1", "--executed", "no", "--reason",
                                         "none is there", "--config", daemon->config_file()});
    EXPECT_EQ(closed.exit.code, 0) << closed.output;
    EXPECT_TRUE(wait_until([&] { return state_of(*daemon, "sale-1").at("state") == "not_executed"; }));
    EXPECT_EQ(daemon->post(redemption("sale-1")).header("Idempotent-Replayed"), std::nullopt);
}

TEST_F(TransactionsTest, AnExecutedOneWhoseAppHadLeftIsUnheardUntilItIsRepeated) {
    const auto daemon = start_with_journal(replay());
    upstream.set_faults(R"({"kind":"delay","operations":"mutation","delay_ms":1500,"next":1})");
    {
        HttpClient client = daemon->client();
        client.send(client.format("POST", "/graphql", redemption("sale-1")));
        EXPECT_TRUE(wait_until([&] { return listed(*daemon, {}).size() == 1; }));
        std::this_thread::sleep_for(200ms); // an end that comes at once is a half-closing client's
    }
    EXPECT_TRUE(wait_until([&] { return listed(*daemon, {"--unheard"}).size() == 1; }));
    EXPECT_EQ(daemon->metric("bearerd_unheard_total"), 1);
    EXPECT_EQ(Json::parse(daemon->admin("/status.json").body).at("summary").at("level"), "warning");
    EXPECT_EQ(daemon->post(redemption("sale-1")).status, 200);
    EXPECT_TRUE(wait_until([&] { return listed(*daemon, {"--unheard"}).empty(); }));
    EXPECT_EQ(upstream.executions("sale-1"), 1U);
}

TEST_F(TransactionsTest, ALaterAnswerSettlesAnEarlierUnknownEntry) {
    const auto daemon = start_with_journal("transactions: {rules: [{mutation: createBalanceAdjustment, key: "
                                           "merchant_transaction_reference}]}\n");
    upstream.set_faults(request_is_lost);
    EXPECT_EQ(daemon->post(redemption("sale-1")).status, 504);
    EXPECT_EQ(daemon->post(redemption("sale-1")).status, 200);
    EXPECT_TRUE(wait_until([&] { return daemon->metric("bearerd_journal_unresolved") == 0; }));
    const auto items = listed(*daemon, {"--key", "sale-1"});
    ASSERT_EQ(items.size(), 2U);
    EXPECT_EQ(std::ranges::count_if(items, [](const Json& item) { return item.at("executed") == "yes"; }), 1);
    EXPECT_EQ(items[0].at("by"), "repeat");
}

} // namespace
} // namespace bearerd::test
