#include "profile.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace bearerd::ledger {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr std::chrono::milliseconds slack{20'000}; // a busy machine, sanitizers

struct TimeLimits {
    std::chrono::milliseconds connect{10'000};
    std::chrono::milliseconds response{20'000};
    std::chrono::milliseconds login{10'000};
};

std::string text(std::chrono::milliseconds time) {
    return std::to_string(time.count()) + "ms";
}

/// Faults as one list: of queries and mutations, of one of them, or of logins.
class FaultList {
public:
    FaultList& traffic(const char* kind, double probability, int delay_ms = 0) {
        return of("query", kind, probability, delay_ms).of("mutation", kind, probability, delay_ms);
    }

    FaultList& mutations(const char* kind, double probability) {
        return of("mutation", kind, probability, 0);
    }

    FaultList& logins(const char* kind, double probability, int delay_ms = 0) {
        return of("login", kind, probability, delay_ms);
    }

    FaultList& connections(const char* kind, double probability, int delay_ms) {
        return of("any", kind, probability, delay_ms);
    }

    FaultList& status(const char* operations, int status, double probability, bool executes) {
        of(operations, "status", probability, 0);
        list_.back()["status"] = status;
        list_.back()["executes"] = executes;
        return *this;
    }

    [[nodiscard]] std::string dump() const { return list_.dump(); }

private:
    FaultList& of(const char* operations, const char* kind, double probability, int delay_ms) {
        list_.push_back({{"kind", kind},
                         {"operations", operations},
                         {"probability", probability},
                         {"delay_ms", delay_ms}});
        return *this;
    }

    json list_ = json::array();
};

void set_limits(Profile& profile, const TimeLimits& limits, std::uint64_t seed) {
    profile.daemon.upstream =
        "connect_timeout: " + text(limits.connect) + ", response_timeout: " + text(limits.response);
    // Back-offs are short, so that a run has many logins; one seed in two takes two threads.
    profile.daemon.others = "threads: " + std::to_string(1 + seed % 2) + "\nshutdown_grace: 30s\n" +
                            "auth: {login_timeout: " + text(limits.login) +
                            ", refresh_before: 2s, fresh_for: 20ms, "
                            "backoff: {rejected: 100ms, unavailable: 50ms, max: 400ms}}";
    profile.promises.answer_time = limits.connect + limits.response + limits.login + slack;
}

/// Kept connections end in every way; nothing else goes wrong.
Profile stale_only(std::uint64_t seed) {
    Profile profile;
    set_limits(profile, {}, seed);
    profile.simulator = {"--idle-timeout", "12ms", "--max-requests", "40"};
    profile.faults = FaultList{}.traffic("stale_fin", 0.03, 6).traffic("stale_rst", 0.03, 6).dump();
    profile.cycle = {Action::close_idle};
    profile.spacing = 20;
    profile.mean_pause = 3ms;
    profile.count_raced = true;
    profile.promises.unknown_was_not_executed = true;
    profile.promises.queries_answered = 0.999;
    return profile;
}

/// Tokens come and go. Errors that only look like a rejection are part of it.
Profile auth_only(std::uint64_t seed) {
    Profile profile;
    set_limits(profile, {}, seed);
    profile.simulator = {"--token-life", "6s"};
    profile.faults = FaultList{}
                         .traffic("gzip", 0.1)
                         .traffic("older_token", 0.05)
                         .traffic("foreign_token", 0.05)
                         .traffic("unauthorized_in_data", 0.02)
                         .traffic("unauthorized_beside_data", 0.03)
                         .mutations("deep_path", 0.03) // of a query that is a rejection, which is repeated
                         .dump();
    profile.rotation = FaultList{}.traffic("new_token", 0.1).dump();
    profile.cycle = {Action::revoke, Action::rotate, Action::calm, Action::revoke};
    profile.spacing = 90;
    profile.mean_pause = 15ms;
    profile.promises.all_answered_by_upstream = true;
    profile.promises.queries_answered = 1;
    return profile;
}

FaultList broken_answers() {
    return FaultList{}
        .traffic("close_before", 0.03)
        .traffic("close_after", 0.03)
        .traffic("half_header", 0.02)
        .traffic("half_answer", 0.02)
        .traffic("half_answer_rst", 0.02)
        .traffic("garbage", 0.02)
        .traffic("close_delimited", 0.03)
        .traffic("close_delimited_truncated", 0.02)
        .traffic("chunked", 0.03)
        .traffic("early_hints", 0.03)
        .traffic("gzip", 0.03);
}

/// Connections end before, during and after the answer, with and without an execution.
Profile close_after(std::uint64_t seed) {
    Profile profile;
    set_limits(profile, {}, seed);
    profile.faults = broken_answers().dump();
    profile.mean_pause = 1ms;
    return profile;
}

/// The same, and bearerd looks up what it can't tell.
Profile reconcile(std::uint64_t seed) {
    constexpr std::chrono::milliseconds within = 8s;
    Profile profile;
    set_limits(profile, {}, seed);
    profile.daemon.others +=
        "\ntransactions: {look_up_for: " + text(within) +
        ", rules: [{mutation: createBalanceAdjustment, key: merchant_transaction_reference, "
        "query: \"query($key:String!){LineItems(merchant_transaction_reference:$key){data{id}}}\", "
        "found: /data/LineItems/data/0/id}]}";
    profile.faults = broken_answers().dump();
    profile.mean_pause = 1ms;
    profile.promises.answer_time += within;
    profile.promises.found = 0.99;
    return profile;
}

constexpr TimeLimits short_limits{400ms, 300ms, 600ms};

/// The upstream is slow, stopped or away.
Profile timeouts(std::uint64_t seed) {
    Profile profile;
    set_limits(profile, short_limits, seed);
    profile.faults = FaultList{}
                         .traffic("delay", 0.02, 700)
                         .traffic("delay_after", 0.02, 700)
                         .traffic("trickle", 0.01, 2)
                         .connections("tls_stall", 0.05, 900)
                         .logins("delay", 0.3, 900)
                         .dump();
    profile.cycle = {Action::stop_simulator, Action::refuse};
    profile.spacing = 150;
    profile.mean_pause = 2ms;
    return profile;
}

/// bearerd is ended and started again, with requests in flight.
Profile restarts(std::uint64_t seed) {
    Profile profile;
    set_limits(profile, {}, seed);
    profile.faults = FaultList{}.traffic("delay", 0.2, 15).traffic("delay_after", 0.2, 15).dump();
    profile.cycle = {Action::terminate, Action::kill, Action::reload};
    profile.spacing = 60;
    profile.mean_pause = 3ms;
    return profile;
}

/// Apps give up while their mutations wait, and cashiers press again.
Profile leaving(std::uint64_t seed) {
    constexpr std::chrono::milliseconds long_enough = 25s;
    Profile profile;
    set_limits(profile, {long_enough, long_enough, long_enough}, seed);
    // One thread: it is by an answer of it that a round knows what else the thread has read (Leavers).
    profile.daemon.upstream += ", max_connections: " + std::to_string(leaving_connections);
    profile.daemon.others = "threads: 1\nshutdown_grace: 30s\n"
                            "auth: {login_timeout: " +
                            text(long_enough) + ", fresh_for: 0s}";
    profile.daemon.told_in_full = true;
    profile.faults = FaultList{}.dump();
    profile.cycle = {Action::leave_at_login, Action::leave_at_handshake, Action::leave_at_room,
                     Action::leave_at_journal};
    profile.spacing = 50;
    profile.mean_pause = 2ms;
    return profile;
}

Profile all(std::uint64_t seed) {
    Profile profile;
    set_limits(profile, short_limits, seed);
    profile.simulator = {"--token-life",   "6s",   "--rotate-every", "97", "--rotate-revokes",
                         "--idle-timeout", "30ms", "--max-requests", "60"};
    profile.faults = broken_answers()
                         .traffic("stale_fin", 0.02, 6)
                         .traffic("stale_rst", 0.02, 6)
                         .traffic("delay", 0.005, 600)
                         .traffic("delay_after", 0.005, 600)
                         .traffic("reject", 0.005)
                         .traffic("reject_401", 0.005)
                         .traffic("older_token", 0.03)
                         .traffic("foreign_token", 0.03)
                         .traffic("unauthorized_in_data", 0.01)
                         .traffic("unauthorized_beside_data", 0.01)
                         .traffic("deep_path", 0.01)
                         .status("mutation", 500, 0.005, true)
                         .status("mutation", 503, 0.005, false)
                         .connections("tls_stall", 0.02, 700)
                         .logins("bad_login", 0.1)
                         .logins("login_no_token", 0.1)
                         .logins("close_after", 0.1)
                         .status("login", 503, 0.1, false)
                         .dump();
    profile.rotation = FaultList{}.traffic("new_token", 0.1).dump();
    profile.cycle = {Action::revoke,    Action::close_idle, Action::stop_simulator,
                     Action::terminate, Action::rotate,     Action::kill,
                     Action::calm,      Action::refuse,     Action::reload};
    profile.spacing = 60;
    profile.mean_pause = 2ms;
    return profile;
}

/// The upstream closes idle connections at a constant age, which bearerd has to learn. A machine that stalls
/// for the margin that is left (0.3 of the limit) lets a close overtake a request all the same, so none at
/// all can't be demanded here: each unknown outcome must be one that the upstream raced, as it counts itself.
Profile idle_limit(std::uint64_t seed) {
    Profile profile;
    set_limits(profile, {}, seed);
    profile.promises.unknown_was_not_executed = true;
    profile.count_raced = true;
    profile.promises.queries_answered = 0.999;
    return profile;
}

/// It closes them at any age.
Profile idle_random(std::uint64_t seed) {
    Profile profile = idle_limit(seed);
    profile.simulator = {"--idle-random"};
    return profile;
}

using Maker = Profile (*)(std::uint64_t);

struct Named {
    const char* name;
    Maker make;
};

constexpr std::array<Named, 10> known{Named{"all", all},          {"stale-only", stale_only},
                                      {"auth-only", auth_only},   {"close-after", close_after},
                                      {"reconcile", reconcile},   {"timeouts", timeouts},
                                      {"restarts", restarts},     {"leaving", leaving},
                                      {"idle-limit", idle_limit}, {"idle-random", idle_random}};

} // namespace

std::string_view name_of(Action action) {
    static constexpr std::array<std::string_view, 13> names{"revoke",
                                                            "rotate",
                                                            "calm",
                                                            "refuse",
                                                            "stop",
                                                            "close_idle",
                                                            "SIGTERM",
                                                            "SIGKILL",
                                                            "SIGHUP",
                                                            "leave_at_login",
                                                            "leave_at_handshake",
                                                            "leave_at_room",
                                                            "leave_at_journal"};
    return names[static_cast<std::size_t>(action)];
}

std::vector<std::string> profile_names() {
    std::vector<std::string> names;
    for (const Named& profile : known)
        names.emplace_back(profile.name);
    return names;
}

Profile make_profile(const std::string& name, std::uint64_t seed, std::chrono::milliseconds idle_limit) {
    const auto found =
        std::find_if(known.begin(), known.end(), [&](const Named& profile) { return profile.name == name; });
    if (found == known.end())
        throw std::invalid_argument{"there is no profile " + name};
    Profile profile = found->make(seed);
    profile.name = name;
    if (name.starts_with("idle-")) {
        profile.simulator.insert(profile.simulator.end(), {"--idle-timeout", text(idle_limit)});
        profile.mean_pause = idle_limit / 2; // from none to the limit, and now and then to five times that
    }
    return profile;
}

} // namespace bearerd::ledger
