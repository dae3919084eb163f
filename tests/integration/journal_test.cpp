#include "scenario.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <thread>

namespace bearerd::test {
namespace {

using testing::HasSubstr;
using testing::Not;
using Json = nlohmann::json;
using namespace std::chrono_literals;

/// Returns Toggle's rule; without it there is none.
std::string rule(const std::string& within) {
    return "transactions:\n  look_up_for: " + within +
           "\n  rules:\n    - mutation: createBalanceAdjustment\n      key: merchant_transaction_reference\n"
           "      query: \"query($key:String!){LineItems(merchant_transaction_reference:$key){data{id}}}\"\n"
           "      found: /data/LineItems/data/0/id\n";
}

std::string code_of(const HttpResponse& response) {
    return Json::parse(response.body, nullptr, false)
        .value(Json::json_pointer{"/errors/0/extensions/code"}, "");
}

/// The records of all files, read without any code of bearerd.
struct Records {
    std::map<std::uint64_t, Json> intents;
    std::map<std::uint64_t, Json> outcomes; ///< the last outcome of each

    [[nodiscard]] std::set<std::uint64_t> without_outcome() const {
        std::set<std::uint64_t> numbers;
        for (const auto& [number, intent] : intents)
            if (!outcomes.contains(number))
                numbers.insert(number);
        return numbers;
    }

    [[nodiscard]] std::string key(std::uint64_t number) const {
        return intents.at(number).at("fields").at(0).at("key");
    }
};

class JournalTest : public testing::Test {
protected:
    [[nodiscard]] std::filesystem::path folder() const { return directory.path() / "journal"; }

    [[nodiscard]] std::unique_ptr<Daemon> start(const std::string& more = "",
                                                const std::string& journal = "") {
        const DaemonOptions options{.upstream_url = upstream.url(),
                                    .ca_pem = upstream.ca_pem(),
                                    .config =
                                        "journal: {directory: " + folder().string() + journal + "}\n" + more};
        return std::make_unique<Daemon>(options);
    }

    static void kill(Daemon& daemon) {
        daemon.process().signal(SIGKILL);
        const auto exit = daemon.stop();
        ASSERT_TRUE(exit && exit->signal == SIGKILL);
    }

    [[nodiscard]] Records records() const {
        Records all;
        std::set<std::filesystem::path> files;
        for (const auto& entry : std::filesystem::directory_iterator{folder()})
            files.insert(entry.path());
        for (const auto& file : files) {
            std::istringstream lines{read_file(file)};
            for (std::string line; std::getline(lines, line);) {
                const Json record =
                    Json::parse(line.substr(std::min<std::size_t>(9, line.size())), nullptr, false);
                if (!record.is_object())
                    continue; // torn
                if (record.at("type") == "intent")
                    all.intents[record.at("n")] = record;
                else if (record.at("type") == "outcome")
                    all.outcomes[record.at("n")] = record;
            }
        }
        return all;
    }

    /// Returns what `bearerd journal --json` lists.
    [[nodiscard]] static std::vector<Json> listed(const Daemon& daemon,
                                                  const std::vector<std::string>& more = {}) {
        std::vector<std::string> arguments{"journal", "--json", "--config", daemon.config_file()};
        arguments.insert(arguments.end(), more.begin(), more.end());
        const Finished ended = run_bearerd(arguments);
        EXPECT_EQ(ended.exit.code, 0) << ended.output;
        std::vector<Json> items;
        std::istringstream lines{ended.standard_output};
        for (std::string line; std::getline(lines, line);)
            items.push_back(Json::parse(line));
        return items;
    }

    [[nodiscard]] static std::set<std::uint64_t> numbers(const std::vector<Json>& items) {
        std::set<std::uint64_t> all;
        for (const Json& item : items)
            all.insert(item.at("number").get<std::uint64_t>());
        return all;
    }

    /// Outcomes are written shortly after the answer.
    [[nodiscard]] bool wait_for_outcomes(std::size_t count) const {
        const Deadline deadline;
        while (records().outcomes.size() < count && !deadline.passed())
            std::this_thread::sleep_for(10ms);
        return records().outcomes.size() == count;
    }

    [[nodiscard]] static bool wait_until_looked_up(Daemon& daemon) {
        return daemon.process().wait_for_line("no_answer=").has_value();
    }

    TemporaryDirectory directory;
    Simulator upstream;
};

TEST_F(JournalTest, HoldsEachMutationAndItsOutcomeAndNothingElseOfIt) {
    const auto daemon = start(rule("30s") + "auth: {fresh_for: 0s}\n");
    EXPECT_EQ(daemon->post(redemption("sale-1"), {{"X-Request-Id", "till-7"}}).status, 200);
    EXPECT_EQ(daemon->post(balance_query()).status, 200);
    upstream.set_faults(lost_answer);
    EXPECT_EQ(daemon->post(redemption("sale-2")).status, 504);
    upstream.revoke_tokens();
    EXPECT_EQ(daemon->post(redemption("sale-3")).status, 200) << "sent twice, on one record";
    EXPECT_EQ(daemon->post("mutation { nonsense").status, 400);
    ASSERT_TRUE(wait_for_outcomes(4));
    const Records all = records();
    ASSERT_EQ(all.intents.size(), 4U);
    EXPECT_EQ(all.intents.at(1).at("id"), "till-7");
    EXPECT_EQ(all.key(1), "sale-1");
    EXPECT_EQ(all.key(3), "sale-3");
    EXPECT_EQ(all.intents.at(4).at("fields"), Json::array());
    EXPECT_EQ(all.outcomes.at(1).at("code"), "ok");
    EXPECT_EQ(all.outcomes.at(2).at("executed"), "yes");
    EXPECT_EQ(all.outcomes.at(2).at("by"), "lookup");
    EXPECT_EQ(all.outcomes.at(4).at("code"), "graphql_error");
    const std::string bytes = read_file(folder() / "journal-0000000001.log");
    EXPECT_THAT(bytes, Not(HasSubstr(card_number)));
    EXPECT_THAT(bytes, Not(HasSubstr("GBP")));
    EXPECT_THAT(bytes, Not(HasSubstr("2251799825000010")));
    EXPECT_EQ(daemon->metric("bearerd_journal_unresolved"), 0);
    EXPECT_EQ(Json::parse(daemon->admin("/status.json").body).at("journal").at("working"), true);
}

/// The claim: the process is killed during a thousand redemptions. Nothing that was executed is missing, and
/// every record without an outcome is listed, and resolved against the ledger.
TEST_F(JournalTest, TellsAfterAKillExactlyWhatHadNoOutcomeAndLooksItUp) {
    constexpr std::size_t tills = 8; // afterwards, one look-up a second
    constexpr std::size_t sales = 1000;
    const auto reference = [](std::size_t sale) { return "sale-" + std::to_string(sale); };
    // Four are lost on the way, and their tills wait until the end; all others take a short time.
    upstream.set_faults(R"([{"kind":"close_before","operations":"mutation","after":100,"next":4},)"
                        R"({"kind":"close_after","operations":"mutation","after":50,"next":4},)"
                        R"({"kind":"delay_after","operations":"mutation","delay_ms":5,"probability":0.5},)"
                        R"({"kind":"delay","operations":"mutation","delay_ms":5,"probability":0.5}])");
    auto daemon = start(rule("60s") + "threads: 2\n", ", required: true");
    // While the disk hangs, bearerd refuses what it can't record.
    const auto status_of = [&reference](const Daemon& at, std::size_t sale) {
        const Deadline deadline;
        int status = at.post(redemption(reference(sale))).status;
        while (status == 503 && !deadline.passed()) {
            std::this_thread::sleep_for(10ms);
            status = at.post(redemption(reference(sale))).status;
        }
        return status;
    };
    std::atomic<std::size_t> next{0};
    std::atomic<std::size_t> answered{0};
    std::atomic<bool> killed{false};
    std::vector<std::string> told(sales); // by status; empty: there was no answer
    const auto sell = [&](std::size_t) {
        for (std::size_t sale = next++; sale < sales; sale = next++) {
            try {
                told[sale] = std::to_string(status_of(*daemon, sale));
                ++answered;
            } catch (const std::exception&) {
                if (killed)
                    return;
                throw;
            }
        }
    };
    std::thread killer{[&] {
        const Deadline deadline;
        while (answered < sales / 2 && !deadline.passed())
            std::this_thread::sleep_for(1ms);
        killed = true;
        daemon->process().signal(SIGKILL);
    }};
    in_parallel(tills, sell);
    killer.join();
    kill(*daemon);
    upstream.set_faults("[]");

    const Records crashed = records();
    const std::set<std::uint64_t> lost = crashed.without_outcome();
    EXPECT_GE(lost.size(), 4U);
    EXPECT_LE(lost.size(), 2 * tills);
    EXPECT_EQ(numbers(listed(*daemon, {"--unresolved"})), lost) << "without a daemon";
    std::set<std::string> keys;
    for (const auto& [number, intent] : crashed.intents)
        keys.insert(crashed.key(number));
    for (const Json& entry : upstream.ledger())
        EXPECT_TRUE(keys.contains(entry.at("reference"))) << entry << " was sent and not recorded before";
    std::size_t answered_and_lost = 0;
    for (std::size_t sale = 0; sale < sales; ++sale) {
        EXPECT_TRUE(told[sale].empty() || keys.contains(reference(sale))) << sale;
        for (const std::uint64_t number : lost)
            answered_and_lost += !told[sale].empty() && crashed.key(number) == reference(sale) ? 1 : 0;
    }

    const auto again = start(rule("3s"), ", required: true");
    ASSERT_TRUE(wait_until_looked_up(*again));
    std::set<std::uint64_t> executed;
    for (const std::uint64_t number : lost)
        if (upstream.executions(crashed.key(number)) == 1)
            executed.insert(number);
    std::set<std::uint64_t> unresolved;
    std::set_difference(lost.begin(), lost.end(), executed.begin(), executed.end(),
                        std::inserter(unresolved, unresolved.end()));
    EXPECT_GE(unresolved.size(), 4U) << "those that were lost on the way";
    EXPECT_TRUE(again->wait_for_metric("bearerd_journal_unresolved", static_cast<double>(unresolved.size())));
    std::vector<Json> by_recovery = listed(*again);
    std::erase_if(by_recovery, [](const Json& item) { return item.at("by") != "recovery"; });
    EXPECT_EQ(numbers(by_recovery), executed);
    for (const Json& item : by_recovery)
        EXPECT_EQ(item.at("executed"), "yes");
    EXPECT_EQ(numbers(listed(*again, {"--unresolved"})), unresolved);

    // Sends the rest of the thousand, with the same journal.
    for (std::size_t sale = next; sale < sales; ++sale)
        EXPECT_EQ(status_of(*again, sale), 200);
    EXPECT_TRUE(wait_for_outcomes(records().intents.size() - unresolved.size()));
    EXPECT_EQ(numbers(listed(*again, {"--unresolved"})), unresolved);
    std::map<std::string, std::size_t> ledger;
    for (const Json& entry : upstream.ledger())
        EXPECT_EQ(++ledger[entry.at("reference")], 1U) << entry;
    std::printf("%zu recorded at the kill, %zu of them without an outcome (%zu had been answered): %zu found "
                "executed, %zu unresolved\n",
                crashed.intents.size(), lost.size(), answered_and_lost, executed.size(), unresolved.size());
    EXPECT_THAT(again->output(), Not(HasSubstr("sale-"))) << "keys are in the journal only";
}

TEST_F(JournalTest, OutlivesSeveralKillsAndATornEnd) {
    upstream.set_faults(R"({"kind":"close_before","operations":"mutation"})");
    for (std::size_t life = 1; life <= 3; ++life) {
        const auto daemon = start();
        EXPECT_EQ(daemon->post(redemption("sale-" + std::to_string(life))).status, 504);
        ASSERT_TRUE(wait_for_outcomes(life));
        kill(*daemon);
        std::ofstream{folder() / "journal-0000000001.log", std::ios::app} << "0123abcd {\"type\":\"int";
    }
    const auto daemon = start();
    EXPECT_TRUE(daemon->process().wait_for_line("a record that a crash cut off was dropped bytes=21"));
    ASSERT_TRUE(wait_until_looked_up(*daemon));
    EXPECT_TRUE(daemon->wait_for_metric("bearerd_journal_unresolved", 3)) << "no rule, so nobody can ask";
    const auto items = listed(*daemon, {"--unresolved"});
    ASSERT_EQ(items.size(), 3U);
    EXPECT_EQ(items[0].at("outcome"), "outcome_unknown");
}

TEST_F(JournalTest, LooksUpOnceTheUpstreamIsThereAgain) {
    auto daemon = start(rule("100ms"));
    upstream.set_faults(R"({"kind":"close_after"})");
    EXPECT_EQ(daemon->post(redemption("sale-1")).status, 504);
    kill(*daemon);
    daemon = start(rule("100ms"));
    ASSERT_TRUE(daemon->process().wait_for_line("login unavailable"));
    std::this_thread::sleep_for(1s); // some look-ups fail
    upstream.set_faults("[]");
    ASSERT_TRUE(wait_until_looked_up(*daemon));
    EXPECT_TRUE(daemon->wait_for_metric("bearerd_journal_unresolved", 0));
    EXPECT_TRUE(daemon->process().wait_for_line("result=executed")) << daemon->output();
}

TEST_F(JournalTest, AsksNobodyElsesUpstreamAboutWhatWasSent) {
    auto daemon = start(rule("100ms"));
    upstream.set_faults(lost_request);
    EXPECT_EQ(daemon->post(redemption("sale-1")).status, 504);
    kill(*daemon);
    const Simulator other;
    const DaemonOptions options{.upstream_url = other.url(),
                                .ca_pem = other.ca_pem(),
                                .config =
                                    "journal: {directory: " + folder().string() + "}\n" + rule("100ms")};
    Daemon moved{options};
    EXPECT_TRUE(moved.process().wait_for_line("can't be looked up"));
    ASSERT_TRUE(wait_until_looked_up(moved));
    EXPECT_EQ(numbers(listed(moved, {"--unresolved"})), std::set<std::uint64_t>{1});
}

TEST_F(JournalTest, HoldsUpNoShutdownWhileItLooksUp) {
    auto daemon = start(rule("60s"));
    upstream.set_faults(lost_request);
    HttpClient client = daemon->client();
    client.send(client.format("POST", "/graphql", redemption("sale-1")));
    const Deadline deadline;
    while (upstream.stat("faults") == 0 && !deadline.passed())
        std::this_thread::sleep_for(1ms);
    kill(*daemon);
    upstream.set_faults(R"({"kind":"delay","operations":"query","delay_ms":60000})");
    daemon = start(rule("60s"));
    while (upstream.stat("faults") < 2 && !deadline.passed()) // the second is that of the look-up
        std::this_thread::sleep_for(1ms);
    const auto begin = std::chrono::steady_clock::now();
    const auto exit = daemon->stop();
    ASSERT_TRUE(exit);
    EXPECT_EQ(exit->code, 0);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 20s) << "not the 60 s of the question, nor the grace";
    EXPECT_EQ(numbers(listed(*daemon, {"--unresolved"})), std::set<std::uint64_t>{1});
}

/// Limits the daemon's files to this size: to the daemon it looks like a full disk, but for the error text.
void fill_disk(Daemon& daemon, rlim_t size) {
    const rlimit limit{size, RLIM_INFINITY};
    ASSERT_EQ(::prlimit(daemon.process().pid(), RLIMIT_FSIZE, &limit, nullptr), 0);
}

TEST_F(JournalTest, RefusesMutationsWhereItIsRequiredAndTheDiskIsFull) {
    const auto daemon = start("", ", required: true");
    EXPECT_EQ(daemon->post(redemption("sale-1")).status, 200);
    fill_disk(*daemon, 1);
    const HttpResponse refused = daemon->post(redemption("sale-2"));
    expect_own_error(refused, 503, "OVERLOADED", "no");
    EXPECT_THAT(refused.body, HasSubstr("journal"));
    EXPECT_THAT(refused.body, HasSubstr("disk"));
    EXPECT_EQ(daemon->post(balance_query()).status, 200) << "a query needs no journal";
    EXPECT_TRUE(daemon->process().wait_for_line("journal can't be written"));
    EXPECT_TRUE(daemon->wait_for_metric("bearerd_journal_missed_total", 1));
    EXPECT_EQ(upstream.executions("sale-2"), 0U);
    fill_disk(*daemon, RLIM_INFINITY);
    const Deadline deadline;
    std::string code = "OVERLOADED";
    while (code == "OVERLOADED" && !deadline.passed()) {
        std::this_thread::sleep_for(50ms);
        code = code_of(daemon->post(redemption("sale-3")));
    }
    EXPECT_EQ(code, "");
    EXPECT_EQ(upstream.executions("sale-3"), 1U);
    EXPECT_TRUE(daemon->process().wait_for_line("journal is written again"));
    EXPECT_EQ(daemon->metric("bearerd_journal_unresolved"), 0);
}

TEST_F(JournalTest, StopsNothingWhereItIsNotRequired) {
    const auto daemon = start();
    fill_disk(*daemon, 1);
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(daemon->post(redemption("sale-" + std::to_string(i))).status, 200);
    EXPECT_TRUE(daemon->wait_for_metric("bearerd_journal_missed_total", 3));
    EXPECT_TRUE(daemon->process().wait_for_line("a mutation went without its journal record"));
    const std::string output = daemon->output();
    EXPECT_EQ(output.find("journal record"), output.rfind("journal record")) << "warned once a minute";
    EXPECT_EQ(Json::parse(daemon->admin("/status.json").body).at("journal").at("working"), false);
}

TEST_F(JournalTest, IsLeftToTheDaemonThatHasIt) {
    const auto first = start();
    const auto second = start("", ", required: true");
    ASSERT_TRUE(second->process().wait_for_line("another bearerd writes there"));
    EXPECT_EQ(code_of(second->post(redemption("sale-1"))), "OVERLOADED");
    EXPECT_EQ(first->post(redemption("sale-1")).status, 200);
    static_cast<void>(first->stop());
    EXPECT_TRUE(second->process().wait_for_line("journal is written again"));
    EXPECT_EQ(second->post(redemption("sale-2")).status, 200);
}

TEST_F(JournalTest, TakesWhatAReloadCanChangeAndSaysWhatItCant) {
    const auto daemon = start();
    fill_disk(*daemon, 1);
    EXPECT_EQ(daemon->post(redemption("sale-1")).status, 200);
    daemon->write_config("journal: {directory: " + folder().string() + ", required: true, max_size: 1MiB}");
    daemon->process().signal(SIGHUP);
    ASSERT_TRUE(daemon->process().wait_for_line("configuration reloaded"));
    EXPECT_TRUE(daemon->process().wait_for_line(
        "a changed journal.directory or journal.max_size requires a restart"));
    EXPECT_EQ(code_of(daemon->post(redemption("sale-2"))), "OVERLOADED");
}

TEST_F(JournalTest, IsListedForPeopleWhileItIsWritten) {
    const auto daemon = start();
    EXPECT_EQ(daemon->post(redemption("sale-1"), {{"X-Request-Id", "till-7"}}).status, 200);
    upstream.set_faults(R"({"kind":"delay","operations":"mutation","delay_ms":60000})");
    HttpClient client = daemon->client();
    client.send(client.format("POST", "/graphql", redemption("sale-2")));
    const Deadline deadline;
    while (records().intents.size() < 2 && !deadline.passed())
        std::this_thread::sleep_for(10ms);
    const Finished ended = run_bearerd({"journal", "--config", daemon->config_file()});
    EXPECT_EQ(ended.exit.code, 0);
    EXPECT_THAT(ended.standard_output,
                testing::MatchesRegex("TIME \\(UTC\\) .*\n"
                                      "20[^\n]*Z  yes +till-7 +createBalanceAdjustment\n"
                                      "20[^\n]*Z  in flight +[0-9a-f]+  createBalanceAdjustment\n"));
    EXPECT_TRUE(listed(*daemon, {"--unresolved"}).empty());
    kill(*daemon);
    EXPECT_EQ(listed(*daemon, {"--unresolved"}).size(), 1U);
}

TEST_F(JournalTest, HasItsExitStatuses) {
    const auto journal = [](const std::string& file) { return run_bearerd({"journal", "--config", file}); };
    const std::string minimal =
        "upstream: {url: \"https://api.example.com/graphql\"}\ncredentials: {username: u, "
        "password_file: " +
        directory.write("password", "p") + "}\n";
    const Finished none = journal(directory.write("none.yaml", minimal));
    EXPECT_EQ(none.exit.code, 78);
    EXPECT_THAT(none.output, HasSubstr("journal.directory"));
    EXPECT_EQ(journal(directory.write("bad.yaml", minimal + "journal: {dir: /x}\n")).exit.code, 78);
    const Finished unset =
        journal(directory.write("unset.yaml", minimal + "journal: {directory: \"${NOT_SET}/j\"}\n"));
    EXPECT_EQ(unset.exit.code, 78);
    EXPECT_THAT(unset.output, HasSubstr("journal.directory: holds ${NOT_SET}, which is not set"));
    const std::string missing = minimal + "journal: {directory: " + folder().string() + "}\n";
    const Finished unreadable = journal(directory.write("missing.yaml", missing));
    EXPECT_EQ(unreadable.exit.code, 1);
    EXPECT_THAT(unreadable.output, HasSubstr(folder().string()));
    EXPECT_EQ(run_bearerd({"journal", "--what"}).exit.code, 64);
    const std::string check = minimal + "journal: {directory: " + (directory.path() / "a/b").string() + "}\n";
    const Finished checked = run_bearerd({"check", "--config", directory.write("check.yaml", check)});
    EXPECT_EQ(checked.exit.code, 78);
    EXPECT_THAT(checked.output, HasSubstr("journal.directory"));
}

} // namespace
} // namespace bearerd::test
