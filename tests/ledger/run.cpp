#include "run.hpp"

#include "client.hpp"
#include "leavers.hpp"
#include "support/simulator.hpp"

#include <algorithm>
#include <future>
#include <nlohmann/json.hpp>
#include <random>
#include <stdexcept>
#include <thread>

namespace bearerd::ledger {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr std::size_t mutations_per_card = 2'000; // a card holds 10,000, and a redemption takes one

std::vector<std::string> simulator_arguments(const Profile& profile, const RunOptions& options, int cards) {
    std::vector<std::string> arguments{"--allow-duplicate-references", "--quiet", "--seed",
                                       std::to_string(options.seed),   "--cards", std::to_string(cards)};
    arguments.insert(arguments.end(), profile.simulator.begin(), profile.simulator.end());
    return arguments;
}

/// Carries out the profile's actions, on the thread that started the processes.
class Disturber {
public:
    Disturber(const Profile& profile, const RunOptions& options, test::Simulator& simulator,
              BearerdProcess& bearerd, Progress& progress)
        : profile_{profile},
          options_{options},
          simulator_{simulator},
          bearerd_{bearerd},
          progress_{progress},
          leavers_{simulator, bearerd, options.seed},
          dice_{options.seed} {}

    void run() {
        simulator_.set_faults(profile_.faults);
        if (profile_.cycle.empty())
            return;
        // None near the end, where nobody would be there to be disturbed.
        const std::size_t last = options_.mutations - std::min(options_.mutations, profile_.spacing / 2);
        std::size_t turn = 0;
        for (std::size_t at = profile_.spacing / 2; at < last;
             at += profile_.spacing / 2 + some(profile_.spacing)) {
            progress_.wait_for(at);
            perform(profile_.cycle[turn++ % profile_.cycle.size()]);
        }
    }

    [[nodiscard]] const std::vector<Outage>& outages() const { return outages_; }

    [[nodiscard]] const std::vector<std::string>& violations() const { return violations_; }

    [[nodiscard]] const Leavers& leavers() const { return leavers_; }

    [[nodiscard]] const std::map<std::string, std::size_t>& counts() const { return counts_; }

    void terminate() {
        Outage outage{false, Clock::now(), {}};
        const auto exit = bearerd_.terminate();
        outage.end = Clock::now();
        outages_.push_back(outage);
        if (!exit || exit->code != 0)
            violations_.push_back("SIGTERM did not end bearerd with status 0");
    }

private:
    std::size_t some(std::size_t most) { return static_cast<std::size_t>(dice_() % most) + 1; }

    void perform(Action action) {
        ++counts_[std::string{name_of(action)}];
        switch (action) {
        case Action::revoke:
            revoke();
            return;
        case Action::rotate: {
            json faults = json::parse(profile_.faults);
            for (const json& fault : json::parse(profile_.rotation))
                faults.push_back(fault);
            simulator_.set_faults(faults.dump());
            return;
        }
        case Action::calm:
            simulator_.set_faults(profile_.faults);
            return;
        case Action::refuse:
            simulator_.refuse_connections(std::chrono::milliseconds{50 + some(100)});
            return;
        case Action::stop_simulator:
            simulator_.process().signal(SIGSTOP);
            std::this_thread::sleep_for(
                std::chrono::milliseconds{200 + some(400)}); // the length of the fault
            simulator_.process().signal(SIGCONT);
            return;
        case Action::close_idle:
            simulator_.close_idle_connections();
            return;
        case Action::terminate:
            terminate();
            bearerd_.start();
            return;
        case Action::kill:
            kill();
            return;
        case Action::reload:
            if (!bearerd_.reload())
                violations_.push_back("SIGHUP was not answered by READY=1");
            return;
        case Action::leave_at_login:
            progress_.wait_for_all_in_flight(); // no request may meet two rejections
            leavers_.give_up(action);
            return;
        case Action::leave_at_handshake:
            progress_.pause_all();
            leavers_.give_up(action);
            progress_.resume();
            return;
        case Action::leave_at_journal:
            if (options_.journal_can_be_held)
                leavers_.give_up(action);
            return;
        case Action::leave_at_room:
            leavers_.give_up(action);
            return;
        }
    }

    void kill() {
        Outage outage{true, Clock::now(), {}};
        bearerd_.kill();
        outage.end = Clock::now();
        outages_.push_back(outage);
        bearerd_.start();
    }

    /// A rejection of a token that a login has just brought counts as a denied permission, and a request that
    /// meets two revocations is not sent a third time (contract 3.6, 3.7). Where that is not the question, it
    /// must not happen: so never near a login, be it the last one or the next that renews.
    void revoke() {
        if (profile_.promises.all_answered_by_upstream) {
            constexpr std::int64_t too_fresh_ms = 200;
            constexpr std::int64_t too_old_ms =
                3'000; // of six seconds, the last two of which are for renewing
            progress_.wait_for_all_in_flight();
            for (const test::Deadline deadline; !deadline.passed();) {
                const std::int64_t age = login_age_ms();
                if (age >= too_fresh_ms && age <= too_old_ms)
                    break;
                std::this_thread::sleep_for(5ms);
            }
        }
        simulator_.revoke_tokens();
        if (profile_.promises.all_answered_by_upstream)
            progress_.wait_for_all_in_flight();
    }

    std::int64_t login_age_ms() {
        const json stats = simulator_.stats();
        const std::int64_t last = stats.at("last_login_ms").get<std::int64_t>();
        if (last != last_login_ms_) {
            last_login_ms_ = last;
            saw_login_ = Clock::now();
        }
        return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - saw_login_).count();
    }

    const Profile& profile_;
    const RunOptions& options_;
    test::Simulator& simulator_;
    BearerdProcess& bearerd_;
    Progress& progress_;
    Leavers leavers_;
    std::mt19937_64 dice_;
    std::int64_t last_login_ms_ = -1;
    Clock::time_point saw_login_{};
    std::vector<Outage> outages_;
    std::vector<std::string> violations_;
    std::map<std::string, std::size_t> counts_;
};

/// What bearerd left behind may still be on its way through the simulator: the ledger is final once the last
/// connection has ended.
void wait_until_settled(const test::Simulator& simulator) {
    for (const test::Deadline deadline; simulator.stat("open_connections") != 0;) {
        if (deadline.passed())
            throw std::runtime_error{"the simulator's connections do not end"};
        std::this_thread::sleep_for(10ms);
    }
}

void count(const std::vector<Record>& records, const Executions& executions, RunResult& result) {
    for (const Record& record : records) {
        const std::string view =
            std::string{name_of(record.view)} + (record.code.empty() ? "" : " " + record.code);
        ++(record.mutation ? result.mutations : result.queries)[view];
        if (record.view == View::unknown && record.mutation && executions.contains(record.reference))
            ++result.unknown_executed;
    }
    for (const auto& [reference, times] : executions)
        result.executed += times;
}

Executions executions_of(const test::Simulator& simulator) {
    Executions executions;
    for (const json& entry : simulator.ledger())
        ++executions[entry.at("reference").get<std::string>()];
    return executions;
}

} // namespace

RunResult run(const Profile& profile, const RunOptions& options) {
    const Clock::time_point begin = Clock::now();
    const int cards = 50 + static_cast<int>(options.mutations / mutations_per_card);
    test::Simulator simulator{simulator_arguments(profile, options, cards)};
    BearerdProcess bearerd{options.program, simulator.url(), simulator.ca_pem(), profile.daemon};
    bearerd.start();

    Progress progress{options.clients};
    Disturber disturber{profile, options, simulator, bearerd, progress};
    std::vector<ClientPlan> plans(options.clients);
    std::vector<std::future<std::vector<Record>>> clients;
    for (std::size_t i = 0; i < options.clients; ++i) {
        const std::size_t share =
            options.mutations / options.clients + (i < options.mutations % options.clients);
        plans[i] = {
            bearerd.port(), options.seed, i, share, cards, profile.mean_pause, profile.promises.answer_time};
        clients.push_back(
            std::async(std::launch::async, run_client, std::cref(plans[i]), std::ref(progress)));
    }
    try {
        disturber.run();
    } catch (...) {
        progress.give_up();
        throw;
    }
    std::vector<Record> records;
    for (auto& client : clients)
        std::ranges::move(client.get(), std::back_inserter(records));
    std::ranges::copy(disturber.leavers().records(), std::back_inserter(records));
    disturber.terminate();
    wait_until_settled(simulator);

    RunResult result;
    const Executions executions = executions_of(simulator);
    const json stats = simulator.stats();
    result.raced = stats.at("unread_requests").get<std::size_t>();
    Promises promises = profile.promises;
    if (profile.count_raced) {
        promises.unknown_most = result.raced;
        // Even a new connection may be closed before its first request; a query on it is not sent again.
        promises.queries_excused = stats.at("unread_first_requests").get<std::size_t>();
    }
    result.violations = audit(records, executions, disturber.outages(), promises);
    result.violations.insert(result.violations.end(), disturber.violations().begin(),
                             disturber.violations().end());
    const auto& left = disturber.leavers().violations();
    result.violations.insert(result.violations.end(), left.begin(), left.end());
    if (stats.at("foreign_tokens") != 0)
        result.violations.push_back("a token of another account was used");
    count(records, executions, result);
    result.faults = disturber.counts();
    result.faults.insert(disturber.leavers().outcomes().begin(), disturber.leavers().outcomes().end());
    for (const auto& [kind, times] : stats.at("faults_by_kind").items())
        result.faults[kind] += times.get<std::size_t>();
    result.bearerd_output = bearerd.output();
    result.time = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin);
    return result;
}

} // namespace bearerd::ledger
