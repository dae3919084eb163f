// Every mutation is sent one to five times: at once, after an app's time-out, and over kill -9 and restart.
// Afterwards the upstream's ledger must have one row for each key that anybody was told was executed, and
// none twice (contract 10). With several replicas (contract 12), each sending goes to any of them, and the
// store that they share is killed, paused and emptied.
#include "bearerd_process.hpp"
#include "client.hpp"
#include "profile.hpp"
#include "relay.hpp"
#include "shared_store.hpp"

#include "support/daemon.hpp"
#include "support/deadline.hpp"
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
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <span>
#include <string>
#include <thread>
#include <vector>

namespace bearerd::ledger {
namespace {

using Json = nlohmann::json;
using namespace std::chrono_literals;

constexpr int skipped = 77;       // as CMakeLists.txt has it
constexpr auto row_slack = 100ms; // between the simulator's clock and ours
constexpr auto time_to_connect = 1200ms;
constexpr auto time_to_write = 2s; // what happened without the store is there so long after it is back

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
    std::size_t replicas = 1;
    bool partitions = false;     ///< nothing but these
    bool store_required = false; ///< of several replicas; the store keeps all over its restarts then
};

/// What one sending of a transaction was told.
struct Told {
    Interval time{};
    std::size_t replica = 0;
    enum class What { acknowledged, executed, no, unknown, key_reused, nothing };
    What what = What::nothing;
    int value = 0; ///< that it asked for
    std::string body{};
    std::string problem{};
};

std::string field(const std::string& key, int value) {
    return "createBalanceAdjustment(currency:\"GBP\", value:" + std::to_string(value) +
           ", merchant_id:26, unit_epos_reference:\"2251799825000010\", card_reference:\"" +
           std::string{test::card_number} + "\", merchant_transaction_reference:\"" + key +
           "\") { id value }";
}

/// Half of the documents are top-ups, so that any number of them finds a balance. `second_key`: empty: there
/// is only one transaction.
std::string document(const std::string& key, const std::string& second_key, int value) {
    const int moved = key.back() % 2 == 0 ? value : -value;
    const std::string second = second_key.empty() ? "" : " second: " + field(second_key, moved);
    return Json{{"query", "mutation { " + field(key, moved) + second + " }"}}.dump();
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
        told.what = Told::What::unknown; // the upstream's own: a status, or an error that tells nothing
    }
}

/// An execution, as the upstream has it.
struct Row {
    Interval::Clock::time_point time{};
    std::size_t replica = 0;
};

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
        : options_{options}, simulator_{simulator_arguments(options)}, transactions_(options.keys) {
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
        for (const auto& replica : replicas_)
            replica->start();
        if (options_.partitions)
            part_replicas();
        else
            send_and_kill();
        simulator_.set_faults("[]");
        for (const auto& replica : replicas_)
            static_cast<void>(replica->terminate());
        audit();
        return std::move(violations_);
    }

private:
    void send_and_kill() {
        simulator_.set_faults(
            options_.profile.empty() ? faults() : make_profile(options_.profile, options_.seed).faults);
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
    }

    /// Takes the store away from replicas at chosen moments, and sends all again once each has had the time
    /// to make up for it.
    void part_replicas() {
        const std::size_t half = replicas_.size() / 2;
        transactions_.assign(replicas_.size() + 2 * half, {});
        for (std::size_t i = 0; i < transactions_.size(); ++i) {
            transactions_[i].key = "sale-" + std::to_string(i);
            transactions_[i].time.begin = Interval::Clock::now();
        }
        const std::span<Transaction> all{transactions_};
        send_all(all.first(replicas_.size()), 0); // they log in
        refuse_and_execute_alone(all.subspan(replicas_.size(), half));
        hold_alone(all.last(half));
        for (Transaction& each : transactions_)
            each.time.end = Interval::Clock::now();
    }

    /// The store gets a claim and nothing more; the upstream refuses the first request, and executes the next
    /// one. The `i`th transaction is the `i`th replica's.
    void refuse_and_execute_alone(std::span<Transaction> transactions) {
        constexpr auto down = 500ms;
        for (std::size_t i = 0; i < transactions.size(); ++i)
            lines_[i]->set(Relay::State::deaf);
        simulator_.refuse_connections(down);
        send_all(transactions, 0);
        std::this_thread::sleep_for(down + 100ms); // the length of the fault
        send_all(transactions, 0);
        for (std::size_t i = 0; i < transactions.size(); ++i) { // each at another time of its attempts
            lines_[i]->set(Relay::State::whole);
            std::this_thread::sleep_for(130ms);
        }
        std::this_thread::sleep_for(time_to_connect + time_to_write);
        send_all(transactions, transactions.size());
        send_all(transactions, transactions.size());
    }

    /// Executes what the store does not know, and holds its answer until long after the store is back.
    void hold_alone(std::span<Transaction> transactions) {
        for (std::size_t i = 0; i < transactions.size(); ++i)
            lines_[i]->set(Relay::State::cut);
        simulator_.set_faults(R"({"kind":"delay_after","operations":"mutation","delay_ms":4500})");
        std::vector<Told> first(transactions.size());
        std::vector<std::thread> threads;
        for (std::size_t i = 0; i < first.size(); ++i)
            threads.emplace_back([this, &first, transactions, i] { first[i] = send(transactions[i], 1, i); });
        for (const test::Deadline deadline; !deadline.passed() && !are_executed(transactions);)
            std::this_thread::sleep_for(5ms);
        simulator_.set_faults("[]");
        for (std::size_t i = 0; i < transactions.size(); ++i)
            lines_[i]->set(Relay::State::whole);
        std::this_thread::sleep_for(time_to_connect + time_to_write);
        send_all(transactions, transactions.size());
        for (std::size_t i = 0; i < first.size(); ++i) {
            threads[i].join();
            transactions[i].told.push_back(first[i]);
        }
    }

    [[nodiscard]] bool are_executed(std::span<Transaction> transactions) const {
        return std::ranges::all_of(
            transactions, [this](const Transaction& each) { return simulator_.executions(each.key) != 0; });
    }

    /// Sends all at once, the `i`th one to the replica `first` + `i`.
    void send_all(std::span<Transaction> transactions, std::size_t first) {
        std::vector<std::thread> threads;
        for (std::size_t i = 0; i < transactions.size(); ++i)
            threads.emplace_back(
                [this, &each = transactions[i], to = first + i] { each.told.push_back(send(each, 1, to)); });
        for (auto& thread : threads)
            thread.join();
    }

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

    static std::vector<std::string> simulator_arguments(const Options& options) {
        std::vector<std::string> arguments{"--allow-duplicate-references", "--quiet", "--seed",
                                           std::to_string(options.seed)};
        if (!options.profile.empty())
            std::ranges::copy(make_profile(options.profile, options.seed).simulator,
                              std::back_inserter(arguments));
        return arguments;
    }

    [[nodiscard]] DaemonSettings settings(std::size_t replica) const {
        DaemonSettings settings;
        settings.upstream = "response_timeout: 5s";
        if (!options_.profile.empty()) {
            settings = make_profile(options_.profile, options_.seed).daemon;
            settings.others.erase(0, settings.others.find('\n') + 1); // its number of threads
        }
        settings.told_in_full = true;
        settings.others +=
            "\nthreads: " + std::to_string(options_.threads) +
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
                "\", lease: " + (options_.partitions ? "12s" : "1s") +
                ", required: " + (options_.store_required ? "true" : "false") + "}";
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
                const std::size_t replica = dice() % replicas_.size();
                test::HttpClient client{replicas_[replica]->port()};
                client.send(client.format("POST", "/graphql",
                                          document(transaction.key, transaction.second_key, 1),
                                          {{"X-Request-Id", request_id(replica)}}));
                std::this_thread::sleep_for(std::chrono::milliseconds{dice() % 30});
            } catch (const std::exception&) { // it was killed just now
            }
            Told nothing;
            nothing.value = 1;
            transaction.told.push_back(nothing);
        }
        transaction.told.push_back(send(transaction, 1));
    }

    /// It names the replica, so that the upstream's ledger does.
    [[nodiscard]] std::string request_id(std::size_t replica) {
        return std::to_string(replica) + "." + std::to_string(++requests_);
    }

    /// Sends until some answer comes: while bearerd is being restarted, there is none.
    Told send(const Transaction& transaction, int value) {
        return send(transaction, value, sendings_++ % replicas_.size());
    }

    Told send(const Transaction& transaction, int value, std::size_t replica) {
        Told told;
        told.value = value;
        told.replica = replica;
        const auto end = std::chrono::steady_clock::now() + 60s;
        while (std::chrono::steady_clock::now() < end) {
            try {
                told.time.begin = Interval::Clock::now();
                test::HttpClient client{replicas_[told.replica]->port()};
                read(client.request(
                         "POST", "/graphql", document(transaction.key, transaction.second_key, value),
                         {{"Content-Type", "application/json"}, {"X-Request-Id", request_id(told.replica)}}),
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
                {begin_ + std::chrono::milliseconds{entry.at("time_ms").get<std::int64_t>()},
                 std::stoul(entry.at("request_id").get<std::string>())});
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
            std::printf("%zu keys executed by more than one replica\n", doubled_);
    }

    /// When a replica went on alone, since the store did not answer it. Its own log tells.
    void find_outages() {
        for (const auto& replica : replicas_)
            outages_.push_back(outages_in(replica->output()));
    }

    /// Whether the store has forgotten it.
    [[nodiscard]] bool was_lost(const Transaction& transaction) const {
        return store_ && std::ranges::any_of(store_->losses(), [&transaction](const Interval& each) {
                   return each.overlaps(transaction.time);
               });
    }

    /// Whether this replica decided alone at this time, by its own log.
    [[nodiscard]] bool was_alone(std::size_t replica, const Interval& time) const {
        return !options_.store_required &&
               std::ranges::any_of(outages_[replica],
                                   [&time](const StoreOutage& each) { return each.time.overlaps(time); });
    }

    /// Whether the others could not know of it at this time: its replica was without the store, and has not
    /// had the time to make up for it.
    [[nodiscard]] bool is_hidden(const Row& row, Interval::Clock::time_point at) const {
        const auto hides = [&row, at](const StoreOutage& each) {
            return each.time.begin <= row.time + row_slack &&
                   (each.time.end >= at - time_to_write ||
                    (each.restarted && each.time.end >= row.time - 1s));
        };
        return !options_.store_required && std::ranges::any_of(outages_[row.replica], hides);
    }

    /// Whether this sending should have been told of an earlier one's row: bearerd says "no" only if it
    /// knows, also while its replica is without the store.
    [[nodiscard]] bool was_executed_before(const std::vector<Row>& rows, const Told& told) const {
        return std::ranges::any_of(rows, [&](const Row& row) {
            return row.time + row_slack < told.time.begin && !is_hidden(row, told.time.begin);
        });
    }

    /// One replica makes one row, and only one that was without the store makes another one's a second time.
    void audit_rows(const Transaction& transaction, const std::vector<Row>& rows) {
        const auto complain = [&](const std::string& what) {
            violations_.push_back(transaction.key + ": executed more than once: " + what);
        };
        for (std::size_t i = 1; i < rows.size(); ++i) {
            const Row& row = rows[i];
            const std::span<const Row> before{rows.data(), i};
            if (std::ranges::any_of(before, [&row](const Row& each) { return each.replica == row.replica; }))
                complain("by the same replica");
            else if (!was_lost(transaction) && !was_alone(row.replica, {row.time - 1s, row.time}) &&
                     std::ranges::any_of(before, [&](const Row& each) { return !is_hidden(each, row.time); }))
                complain("by a replica that had the store");
        }
    }

    void audit(const Transaction& transaction) {
        const auto complain = [&](const std::string& what) {
            violations_.push_back(transaction.key + ": " + what);
        };
        const std::vector<Row>& rows = rows_[transaction.key];
        if (!transaction.second_key.empty() && rows_[transaction.second_key].size() != rows.size())
            complain("a part of it was executed more often than the other");
        doubled_ += rows.size() > 1 ? 1 : 0;
        audit_rows(transaction, rows);
        const bool lost = was_lost(transaction);
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
            if (told.what == Told::What::no && !lost && was_executed_before(rows, told))
                complain("was told that it was not executed, and it had been: " + told.body);
            only_no = only_no && told.what == Told::What::no;
        }
        if (bodies.size() > std::max<std::size_t>(1, rows.size()))
            complain("answers differ");
        if (executed && rows.empty())
            complain("was told that it was executed, and it was not");
        if (only_no && !rows.empty())
            complain("was told that it was not executed, and it was");
    }

    Options options_;
    test::Simulator simulator_;
    Interval::Clock::time_point begin_ = Interval::Clock::now(); ///< after the simulator's
    std::optional<SharedStore> store_;
    std::vector<std::unique_ptr<Relay>> lines_;    ///< of each replica to the store
    std::map<std::string, std::vector<Row>> rows_; ///< of each key, the oldest first
    std::vector<std::unique_ptr<BearerdProcess>> replicas_;
    std::vector<Transaction> transactions_;
    std::atomic<std::size_t> next_{0};
    std::atomic<std::size_t> sendings_{0};
    std::atomic<std::size_t> requests_{0};
    std::vector<std::vector<StoreOutage>> outages_; ///< of each replica
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
    program.add_option("--profile", options.profile, "Whose faults there are")
        ->check(CLI::IsMember({"stale-only", "auth-only", "close-after", "timeouts", "restarts", "all"}));
    program.add_option("--threads", options.threads, "The daemon's");
    program.add_option("--replicas", options.replicas, "How many daemons share a store");
    program.add_flag("--store-required", options.store_required, "Nothing is forwarded without the store");
    program.add_flag("--partitions", options.partitions, "Replicas lose the store at chosen moments");
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
