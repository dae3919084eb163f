// Every mutation is sent one to five times: at once, after an app's time-out, and over kill -9 and restart.
// Afterwards the upstream's ledger must have one row for each key that anybody was told was executed, and
// none twice (contract 10). With several replicas (contract 12), each sending goes to any of them, and the
// store that they share is killed, paused and emptied.
#include "bearerd_process.hpp"
#include "client.hpp"
#include "relay.hpp"
#include "shared_store.hpp"

#include "support/daemon.hpp"
#include "support/simulator.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace bearerd::ledger {
namespace {

using Json = nlohmann::json;
using namespace std::chrono_literals;

constexpr int skipped = 77; // as CMakeLists.txt has it
using TimePoint = std::chrono::steady_clock::time_point;

struct Options {
    std::string program{BEARERD_PROGRAM};
    std::string expected;
    std::size_t keys = 300;
    std::size_t clients = 8;
    std::size_t kills = 3;
    std::uint64_t seed = 1;
    unsigned threads = 2;
    bool look_up = true;
    std::size_t replicas = 1;
    bool store_required = false; ///< of several replicas; the store keeps all over its restarts then
};

/// What one sending of a transaction was told.
struct Told {
    Interval time{};
    TimePoint begin{};
    std::size_t replica = 0;
    enum class What { acknowledged, executed, no, unknown, key_reused, nothing };
    What what = What::nothing;
    int value = 0; ///< that it asked for
    std::string body{};
    std::string problem{};
};

std::string field(const std::string& key, int value) {
    return "createBalanceAdjustment(currency:\"GBP\", value:" + std::to_string(-value) +
           ", merchant_id:26, unit_epos_reference:\"2251799825000010\", card_reference:\"" +
           std::string{test::card_number} + "\", merchant_transaction_reference:\"" + key +
           "\") { id value }";
}

/// `second_key`: empty: there is only one transaction.
std::string document(const std::string& key, const std::string& second_key, int value) {
    const std::string second = second_key.empty() ? "" : " second: " + field(second_key, value);
    return Json{{"query", "mutation { " + field(key, value) + second + " }"}}.dump();
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
        if (json.at(value) != -told.value)
            told.problem = "got the answer of another request: " + told.body;
    } else if (json.is_object() && json.contains(extensions) &&
               json.at(extensions).value("source", "") == "bearerd") {
        const std::string executed = json.at(extensions).value("executed", "");
        told.what = json.at(extensions).value("code", "") == "KEY_REUSED" ? Told::What::key_reused
                    : executed == "yes"                                   ? Told::What::executed
                    : executed == "no"                                    ? Told::What::no
                                                                          : Told::What::unknown;
    } else {
        told.what = Told::What::unknown; // the upstream's own: a status, or an error that tells nothing
    }
}

/// All sendings of one key, in order of their answers.
struct Transaction {
    std::string key;
    std::string second_key{}; ///< of its document; empty: there is none
    Interval time{};          ///< from the first sending to the last answer
    std::vector<Told> told{};
};

class Run {
public:
    explicit Run(const Options& options)
        : options_{options},
          simulator_{{"--allow-duplicate-references", "--quiet", "--seed", std::to_string(options.seed)}},
          transactions_(options.keys) {
        if (options.replicas > 1)
            store_.emplace(options.store_required);
        for (std::size_t i = 0; i < options.replicas; ++i) {
            if (store_)
                lines_.push_back(std::make_unique<Relay>(store_->port()));
            replicas_.push_back(std::make_unique<BearerdProcess>(options.program, simulator_.url(),
                                                                 simulator_.ca_pem(), settings(i)));
        }
    }

    std::vector<std::string> violations() {
        simulator_.set_faults(faults());
        for (const auto& replica : replicas_)
            replica->start();
        std::vector<std::thread> clients;
        for (std::size_t i = 0; i < options_.clients; ++i)
            clients.emplace_back([this] { work(); });
        std::mt19937_64 dice{options_.seed};
        for (std::size_t kill = 1; kill <= options_.kills; ++kill) {
            while (next_ < kill * options_.keys / (options_.kills + 1))
                std::this_thread::sleep_for(5ms);
            if (store_) {
                store_->disturb(dice());
                disturb_line(dice());
            }
            BearerdProcess& victim = *replicas_[dice() % replicas_.size()];
            victim.kill();
            victim.start();
        }
        for (auto& client : clients)
            client.join();
        simulator_.set_faults("[]");
        for (const auto& replica : replicas_)
            static_cast<void>(replica->terminate());
        audit();
        return std::move(violations_);
    }

private:
    /// Takes the store away from one replica alone, while the upstream can't be reached for a part of the
    /// time.
    void disturb_line(std::uint64_t dice) {
        constexpr std::uint64_t longest_ms = 600;
        Relay& line = *lines_[dice % lines_.size()];
        const std::chrono::milliseconds some_time{100 + dice / 8 % longest_ms};
        line.set(dice / 16 % 2 == 0 ? Relay::State::deaf : Relay::State::cut);
        std::this_thread::sleep_for(some_time / 2); // the length of the fault
        simulator_.refuse_connections(some_time);
        std::this_thread::sleep_for(some_time / 2); // the same
        line.set(Relay::State::whole);
    }

    [[nodiscard]] DaemonSettings settings(std::size_t replica) const {
        DaemonSettings settings;
        settings.upstream = "response_timeout: 5s";
        settings.told_in_full = true;
        settings.others =
            "threads: " + std::to_string(options_.threads) +
            "\ntransactions: {look_up_for: 300ms, rules: [{mutation: createBalanceAdjustment, key: "
            "merchant_transaction_reference, repeats: replay";
        if (options_.look_up)
            settings.others +=
                ", query: \"query($key:String!){LineItems(merchant_transaction_reference:$key){data{id}}}\", "
                "found: /data/LineItems/data/0/id";
        settings.others += "}]}";
        if (store_)
            settings.others +=
                "\nfleet: {url: \"redis://127.0.0.1:" + std::to_string(lines_[replica]->port()) +
                "\", lease: 1s, required: " + (options_.store_required ? "true" : "false") + "}";
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
            constexpr std::size_t one_of = 5;
            transaction.key = "sale-" + std::to_string(i);
            if (store_ && i % one_of == 0)
                transaction.second_key = transaction.key + "-second";
            transaction.time.begin = Interval::Clock::now();
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
                transaction.told.push_back(send(transaction, 2)); // other arguments under the same key
            transaction.time.end = Interval::Clock::now();
        }
    }

    void at_once(Transaction& transaction, std::size_t times) {
        std::vector<Told> told(times);
        std::vector<std::thread> threads;
        for (Told& one : told)
            threads.emplace_back([this, &one, &transaction] { one = send(transaction, 1); });
        for (auto& thread : threads)
            thread.join();
        transaction.told.insert(transaction.told.end(), told.begin(), told.end());
    }

    void one_after_the_other(Transaction& transaction, std::size_t times) {
        for (std::size_t i = 0; i < times; ++i)
            transaction.told.push_back(send(transaction, 1));
    }

    /// The app gives up and sends it again on another connection.
    void after_time_outs(Transaction& transaction, std::size_t times, std::mt19937_64& dice) {
        for (std::size_t i = 1; i < times; ++i) {
            try {
                test::HttpClient client{replicas_[dice() % replicas_.size()]->port()};
                client.send(
                    client.format("POST", "/graphql", document(transaction.key, transaction.second_key, 1)));
                std::this_thread::sleep_for(std::chrono::milliseconds{dice() % 30});
            } catch (const std::exception&) { // it was killed just now
            }
            Told nothing;
            nothing.value = 1;
            transaction.told.push_back(nothing);
        }
        transaction.told.push_back(send(transaction, 1));
    }

    /// Sends until some answer comes: while bearerd is being restarted, there is none.
    Told send(const Transaction& transaction, int value) {
        Told told;
        told.value = value;
        told.replica = sendings_++ % replicas_.size();
        const auto end = std::chrono::steady_clock::now() + 60s;
        while (std::chrono::steady_clock::now() < end) {
            try {
                told.begin = std::chrono::steady_clock::now();
                told.time.begin = Interval::Clock::now();
                test::HttpClient client{replicas_[told.replica]->port()};
                read(client.request("POST", "/graphql",
                                    document(transaction.key, transaction.second_key, value),
                                    {{"Content-Type", "application/json"}}),
                     told);
                told.time.end = Interval::Clock::now();
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
        for (const Json& entry : simulator_.ledger())
            rows_[entry.at("reference")].push_back(
                begin_ + std::chrono::milliseconds{entry.at("time_ms").get<std::int64_t>()});
        const std::size_t executed = rows_.size();
        find_outages();
        std::map<Told::What, std::size_t> counts;
        for (const Transaction& transaction : transactions_) {
            audit(transaction);
            for (const Told& told : transaction.told)
                ++counts[told.what];
        }
        std::printf("%zu keys, %zu executed; told: acknowledged %zu, executed %zu, no %zu, unknown %zu, key "
                    "reused %zu\n",
                    transactions_.size(), executed, counts[Told::What::acknowledged],
                    counts[Told::What::executed], counts[Told::What::no], counts[Told::What::unknown],
                    counts[Told::What::key_reused]);
        if (store_)
            std::printf("%zu keys with a replica without the store for a while, %zu keys executed by more "
                        "than one replica\n",
                        alone_, doubled_);
    }

    /// When a replica went on alone, since the store did not answer it. Its own log tells.
    void find_outages() {
        for (const auto& replica : replicas_)
            outages_.push_back(outages_in(replica->output()));
    }

    /// How many replicas decided alone for a part of this time: each of them may have executed it once more,
    /// and so may anyone after each loss of the store.
    [[nodiscard]] std::size_t exceptions(const Interval& time) const {
        if (!store_ || options_.store_required)
            return 0;
        const auto overlaps = [&time](const Interval& each) { return each.overlaps(time); };
        std::ptrdiff_t found = std::ranges::count_if(store_->losses(), overlaps);
        for (const auto& each : outages_)
            found += std::ranges::any_of(each, overlaps) ? 1 : 0;
        return static_cast<std::size_t>(found);
    }

    /// Whether this replica could not know of what was executed elsewhere.
    [[nodiscard]] bool knew_nothing(const Transaction& transaction, const Told& told) const {
        if (!store_ || options_.store_required)
            return false;
        const auto overlaps = [](const Interval& time) {
            return [time](const Interval& each) { return each.overlaps(time); };
        };
        return std::ranges::any_of(store_->losses(), overlaps(transaction.time)) ||
               std::ranges::any_of(outages_[told.replica], overlaps(told.time));
    }

    void audit(const Transaction& transaction) {
        const auto complain = [&](const std::string& what) {
            violations_.push_back(transaction.key + ": " + what);
        };
        const std::size_t more = exceptions(transaction.time);
        std::size_t rows = rows_[transaction.key].size();
        if (!transaction.second_key.empty() && rows_[transaction.second_key].size() != rows)
            complain("a part of it was executed more often than the other");
        alone_ += more != 0 ? 1 : 0;
        doubled_ += rows > 1 ? 1 : 0;
        if (rows > std::min(1 + more, replicas_.size()))
            complain("executed more than once: " + std::to_string(rows) + " rows, " + std::to_string(more) +
                     " replicas alone");
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
            if (told.what == Told::What::no && was_executed_before(transaction, told))
                complain("was told that it was not executed, and it had been: " + told.body);
            only_no = only_no && told.what == Told::What::no;
        }
        if (bodies.size() > std::min(1 + more, replicas_.size()))
            complain("answers differ");
        if (executed && rows == 0)
            complain("was told that it was executed, and it was not");
        if (only_no && rows != 0)
            complain("was told that it was not executed, and it was");
    }

    /// Long enough before this sending for the row to be there.
    [[nodiscard]] bool was_executed_before(const Transaction& transaction, const Told& told) const {
        const auto rows = rows_.find(transaction.key);
        return rows != rows_.end() && !knew_nothing(transaction, told) &&
               std::ranges::any_of(rows->second, [&told](TimePoint row) { return row + 50ms < told.begin; });
    }

    Options options_;
    test::Simulator simulator_;
    TimePoint begin_ = std::chrono::steady_clock::now(); ///< the simulator's times are since some time before
    std::optional<SharedStore> store_;
    std::vector<std::unique_ptr<Relay>> lines_; ///< of each replica to the store
    std::map<std::string, std::vector<TimePoint>> rows_;
    std::vector<std::unique_ptr<BearerdProcess>> replicas_;
    std::vector<Transaction> transactions_;
    std::atomic<std::size_t> next_{0};
    std::atomic<std::size_t> sendings_{0};
    std::vector<std::vector<Interval>> outages_; ///< of each replica
    std::size_t alone_ = 0;
    std::size_t doubled_ = 0;
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
    program.add_option("--threads", options.threads, "The daemon's");
    program.add_option("--replicas", options.replicas, "How many daemons share a store");
    program.add_flag("--store-required", options.store_required, "Nothing is forwarded without the store");
    program.add_flag("!--no-look-ups", options.look_up, "What is unknown stays so");
    CLI11_PARSE(program, argc, argv);
    if (options.replicas > 1 && !test::RedisServer::is_installed()) {
        std::printf("skipped: neither redis-server nor valkey-server is there\n");
        return skipped;
    }
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
