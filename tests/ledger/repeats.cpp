// Every mutation is sent one to five times: at once, after an app's time-out, and over kill -9 and restart.
// Afterwards the upstream's ledger must have one row for each key that was reported as executed to anyone,
// and none twice (contract 10).
#include "bearerd_process.hpp"
#include "client.hpp"
#include "profile.hpp"

#include "support/daemon.hpp"
#include "support/simulator.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <exception>
#include <iterator>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace bearerd::ledger {
namespace {

using Json = nlohmann::json;
using namespace std::chrono_literals;

struct Options {
    std::string program{BEARERD_PROGRAM};
    std::string expected;
    std::string profile; ///< whose faults there are; empty: this test's own
    std::size_t keys = 300;
    std::size_t clients = 8;
    std::size_t kills = 3;
    std::uint64_t seed = 1;
    unsigned threads = 2;
    bool look_up = true;
};

/// The outcome that one attempt of a transaction got.
struct Told {
    enum class What { acknowledged, executed, no, unknown, key_reused, nothing };
    What what = What::nothing;
    int value = 0; ///< that it asked for
    std::string body{};
    std::string problem{};
};

/// Half of the transactions are top-ups, so that any number of them finds a balance.
std::string document(const std::string& key, int value) {
    const int signed_value = key.back() % 2 == 0 ? value : -value;
    const std::string text =
        "mutation { createBalanceAdjustment(currency:\"GBP\", value:" + std::to_string(signed_value) +
        ", merchant_id:26, unit_epos_reference:\"2251799825000010\", card_reference:\"" +
        std::string{test::card_number} + "\", merchant_transaction_reference:\"" + key + "\") { id value } }";
    return Json{{"query", text}}.dump();
}

/// What an answer means.
void read(const test::HttpResponse& response, Told& told) {
    told.body = plain_body(response);
    const Json json = Json::parse(told.body, nullptr, false);
    const Json::json_pointer value{"/data/createBalanceAdjustment/value"};
    const Json::json_pointer extensions{"/errors/0/extensions"};
    if (!response.complete) {
        told.what = Told::What::nothing;
    } else if (json.is_object() && json.contains(value)) {
        told.what = Told::What::acknowledged;
        if (const Json& moved = json.at(value); moved != told.value && moved != -told.value)
            told.problem = "got the answer of another request: " + told.body;
    } else if (json.is_object() && json.contains(extensions) &&
               json.at(extensions).value("source", "") == "bearerd") {
        const std::string executed = json.at(extensions).value("executed", "");
        told.what = json.at(extensions).value("code", "") == "KEY_REUSED" ? Told::What::key_reused
                    : executed == "yes"                                   ? Told::What::executed
                    : executed == "no"                                    ? Told::What::no
                                                                          : Told::What::unknown;
    } else {
        told.what = Told::What::unknown; // the upstream's own: a status, or an error that proves nothing
    }
}

/// All sendings of one key, in order of their answers.
struct Transaction {
    std::string key;
    std::vector<Told> told{};
};

class Run {
public:
    explicit Run(const Options& options)
        : options_{options},
          simulator_{simulator_arguments(options)},
          bearerd_{options.program, simulator_.url(), simulator_.ca_pem(), settings(options)},
          transactions_(options.keys) {}

    std::vector<std::string> violations() {
        simulator_.set_faults(
            options_.profile.empty() ? faults() : make_profile(options_.profile, options_.seed).faults);
        bearerd_.start();
        std::vector<std::thread> clients;
        for (std::size_t i = 0; i < options_.clients; ++i)
            clients.emplace_back([this] { work(); });
        for (std::size_t kill = 1; kill <= options_.kills; ++kill) {
            while (next_ < kill * options_.keys / (options_.kills + 1))
                std::this_thread::sleep_for(5ms);
            bearerd_.kill();
            bearerd_.start();
        }
        for (auto& client : clients)
            client.join();
        simulator_.set_faults("[]");
        audit();
        static_cast<void>(bearerd_.terminate());
        return std::move(violations_);
    }

private:
    static std::vector<std::string> simulator_arguments(const Options& options) {
        std::vector<std::string> arguments{"--allow-duplicate-references", "--quiet", "--seed",
                                           std::to_string(options.seed)};
        if (!options.profile.empty())
            std::ranges::copy(make_profile(options.profile, options.seed).simulator,
                              std::back_inserter(arguments));
        return arguments;
    }

    static DaemonSettings settings(const Options& options) {
        DaemonSettings settings;
        settings.upstream = "response_timeout: 5s";
        if (!options.profile.empty()) {
            settings = make_profile(options.profile, options.seed).daemon;
            settings.others.erase(0, settings.others.find('\n') + 1); // its number of threads
        }
        settings.told_in_full = true;
        settings.others +=
            "\nthreads: " + std::to_string(options.threads) +
            "\ntransactions: {look_up_for: 300ms, rules: [{mutation: createBalanceAdjustment, key: "
            "merchant_transaction_reference, repeats: replay";
        if (options.look_up)
            settings.others +=
                ", query: \"query($key:String!){LineItems(merchant_transaction_reference:$key){data{id}}}\", "
                "found: /data/LineItems/data/0/id";
        settings.others += "}]}";
        return settings;
    }

    static std::string faults() {
        Json list = Json::array();
        const auto add = [&list](const char* kind, double probability) {
            list.push_back({{"kind", kind}, {"operations", "mutation"}, {"probability", probability}});
        };
        for (const char* const kind : {"close_before", "close_after", "half_answer", "garbage"})
            add(kind, 0.04);
        for (const bool executes : {true, false}) {
            add("status", 0.04);
            list.back()["status"] = 502;
            list.back()["executes"] = executes;
        }
        add("delay_after", 0.3);
        list.back()["delay_ms"] = 20;
        // Most look-ups fail, so that much that was executed is unknown.
        list.push_back({{"kind", "close_before"}, {"operations", "query"}, {"probability", 0.8}});
        return list.dump();
    }

    void work() {
        for (std::size_t i = next_++; i < options_.keys; i = next_++) {
            Transaction& transaction = transactions_[i];
            transaction.key = "sale-" + std::to_string(i);
            std::mt19937_64 dice{options_.seed * 1'000'003 + i};
            const auto times = 1 + dice() % 5;
            switch (dice() % 3) {
            case 0:
                at_once(transaction, times);
                break;
            case 1:
                after_time_outs(transaction, times, dice);
                break;
            default:
                one_after_the_other(transaction, times);
            }
            if (dice() % 3 == 0)
                transaction.told.push_back(send(transaction.key, 2)); // other arguments under the same key
        }
    }

    void at_once(Transaction& transaction, std::size_t times) {
        std::vector<Told> told(times);
        std::vector<std::thread> threads;
        for (Told& one : told)
            threads.emplace_back([this, &one, &transaction] { one = send(transaction.key, 1); });
        for (auto& thread : threads)
            thread.join();
        transaction.told.insert(transaction.told.end(), told.begin(), told.end());
    }

    void one_after_the_other(Transaction& transaction, std::size_t times) {
        for (std::size_t i = 0; i < times; ++i)
            transaction.told.push_back(send(transaction.key, 1));
    }

    /// The app gives up and sends it again on another connection.
    void after_time_outs(Transaction& transaction, std::size_t times, std::mt19937_64& dice) {
        for (std::size_t i = 1; i < times; ++i) {
            try {
                test::HttpClient client{bearerd_.port()};
                client.send(client.format("POST", "/graphql", document(transaction.key, 1)));
                std::this_thread::sleep_for(std::chrono::milliseconds{dice() % 30});
            } catch (const std::exception&) { // it was killed just now
            }
            Told nothing;
            nothing.value = 1;
            transaction.told.push_back(nothing);
        }
        transaction.told.push_back(send(transaction.key, 1));
    }

    /// Sends until some answer comes: while bearerd is being restarted, there is none.
    Told send(const std::string& key, int value) {
        Told told;
        told.value = value;
        const auto end = std::chrono::steady_clock::now() + 60s;
        while (std::chrono::steady_clock::now() < end) {
            try {
                test::HttpClient client{bearerd_.port()};
                read(client.request("POST", "/graphql", document(key, value),
                                    {{"Content-Type", "application/json"}}),
                     told);
                if (told.what != Told::What::nothing)
                    return told;
            } catch (const std::exception&) {
                std::this_thread::sleep_for(20ms);
            }
        }
        told.problem = "no answer came within a minute";
        return told;
    }

    void audit() {
        std::map<std::string, std::size_t> rows;
        for (const Json& entry : simulator_.ledger())
            ++rows[entry.at("reference")];
        const std::size_t executed = rows.size();
        std::map<Told::What, std::size_t> counts;
        for (const Transaction& transaction : transactions_) {
            audit(transaction, rows[transaction.key]);
            for (const Told& told : transaction.told)
                ++counts[told.what];
        }
        std::printf("%zu keys, %zu executed; told: acknowledged %zu, executed %zu, no %zu, unknown %zu, key "
                    "reused %zu\n",
                    transactions_.size(), executed, counts[Told::What::acknowledged],
                    counts[Told::What::executed], counts[Told::What::no], counts[Told::What::unknown],
                    counts[Told::What::key_reused]);
    }

    void audit(const Transaction& transaction, std::size_t rows) {
        const auto complain = [&](const std::string& what) {
            violations_.push_back(transaction.key + ": " + what);
        };
        if (rows > 1)
            complain("executed more than once: " + std::to_string(rows) + " rows");
        std::set<std::string> bodies;
        bool executed = false;
        bool only_no = true;
        for (const Told& told : transaction.told) {
            if (!told.problem.empty())
                complain(told.problem);
            if (told.what == Told::What::acknowledged)
                bodies.insert(told.body);
            const bool yes = told.what == Told::What::acknowledged || told.what == Told::What::executed;
            executed = executed || yes;
            only_no = only_no && told.what == Told::What::no;
        }
        if (bodies.size() > 1)
            complain("answers differ");
        if (executed && rows == 0)
            complain("was reported as executed, and it was not");
        if (only_no && rows != 0)
            complain("was reported as not executed, and it was");
    }

    Options options_;
    test::Simulator simulator_;
    BearerdProcess bearerd_;
    std::vector<Transaction> transactions_;
    std::atomic<std::size_t> next_{0};
    std::vector<std::string> violations_;
};

int report(const std::vector<std::string>& violations, const std::string& expected) {
    for (std::size_t i = 0; i < std::min<std::size_t>(violations.size(), 20); ++i)
        std::printf("  VIOLATION  %s\n", violations[i].c_str());
    if (expected.empty())
        return violations.empty() ? 0 : 1;
    const bool found = std::ranges::any_of(violations, [&expected](const std::string& each) {
        return each.find(expected) != std::string::npos;
    });
    std::printf("%s\n", found ? "found out, as it must be" : "NOT FOUND OUT");
    return found ? 0 : 1;
}

int main_of(int argc, char** argv) {
    Options options;
    CLI::App program{"Sends mutations again and again, and looks into the ledger"};
    program.add_option("--bearerd", options.program, "The daemon");
    program.add_option("--expect", options.expected, "Text of a violation that there must be");
    program.add_option("--keys", options.keys, "How many transactions");
    program.add_option("--clients", options.clients, "How many clients send them");
    program.add_option("--kills", options.kills, "How often the daemon is killed and started again");
    program.add_option("--seed", options.seed, "Of faults and repeats");
    program.add_option("--profile", options.profile, "Whose faults there are")
        ->check(CLI::IsMember({"stale-only", "auth-only", "close-after", "timeouts", "restarts", "all"}));
    program.add_option("--threads", options.threads, "The daemon's");
    program.add_flag("!--no-look-ups", options.look_up, "What is unknown stays so");
    CLI11_PARSE(program, argc, argv);
    return report(Run{options}.violations(), options.expected);
}

} // namespace
} // namespace bearerd::ledger

int main(int argc, char** argv) {
    try {
        return bearerd::ledger::main_of(argc, argv);
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "ledger_repeats: %s\n", failure.what());
        return 2;
    }
}
