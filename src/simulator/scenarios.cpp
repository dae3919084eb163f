#include "scenarios.hpp"

#include "options.hpp"

#include <algorithm>
#include <array>

namespace bearerd::sim {
namespace {

using std::chrono::milliseconds;
using namespace std::chrono_literals;

void add(Api& api, const Json& faults) {
    if (const auto reason = api.faults().add(faults); !reason.empty())
        throw std::logic_error(reason); // a mistake in the table below, which the tests would find
}

void expire_early(Api& api, milliseconds time) {
    api.tokens().die_after(time, api.now());
}

void reorder(Api& api, milliseconds time) {
    for (const auto* operations : {"query", "mutation"})
        add(api, {{"kind", "reorder"}, {"operations", operations}, {"delay_ms", time.count()}});
}

void lose_answers(Api& api, milliseconds) {
    add(api, {{"kind", "close_after"}, {"operations", "mutation"}, {"every", 2}});
}

void delay_logins(Api& api, milliseconds time) {
    add(api, {{"kind", "delay"}, {"operations", "login"}, {"delay_ms", time.count()}});
}

void lock_account(Api& api, milliseconds) {
    api.tokens().revoke_all();
    add(api, {{"kind", "account_locked"}, {"operations", "login"}});
}

void throttle(Api& api, milliseconds time) {
    constexpr double points = 40; // some eight sales
    api.throttle().set(points, time, true);
}

void go_down(Api& api, milliseconds time) {
    add(api, {{"kind", "down"}, {"operations", "mutation"}, {"next", 1}, {"delay_ms", time.count()}});
}

constexpr std::array scenario_table{
    Scenario{"token-expires",
             "Each token is refused T (15s) after it was given, long before the time it tells.", 15s,
             expire_early},
    Scenario{
        "out-of-order",
        "An answer waits until a later request was answered, T (1s) at the most: concurrent answers come in "
        "another order.",
        1s, reorder},
    Scenario{
        "lost-answers",
        "The first mutation and every second one after it is executed, and its connection closed without "
        "an answer.",
        0ms, lose_answers},
    Scenario{"slow-login", "A login takes T (8s).", 8s, delay_logins},
    Scenario{"locked-account",
             "Every token is revoked, and each login is answered that the account is locked.", 0ms,
             lock_account},
    Scenario{
        "throttled",
        "There are but 40 points for operations, which come back within T (30s); what costs more than is "
        "left is refused.",
        30s, throttle},
    Scenario{"upstream-down",
             "The next mutation is lost before it is executed, and for T (60s) no connection is accepted.",
             60s, go_down},
};

struct Wanted {
    const Scenario* scenario = nullptr;
    milliseconds time{0};
    std::string fault;
};

Wanted read(std::string_view text) {
    const auto equals = std::min(text.find('='), text.size());
    const auto name = text.substr(0, equals);
    const auto found = std::find_if(scenario_table.begin(), scenario_table.end(),
                                    [name](const Scenario& s) { return s.name == name; });
    Wanted wanted;
    if (found == scenario_table.end()) {
        wanted.fault = "there is no scenario \"" + std::string(name) + "\"; \"list\" names all";
        return wanted;
    }
    wanted.scenario = &*found;
    wanted.time = found->time;
    if (equals == text.size())
        return wanted;
    const auto time = read_duration(text.substr(equals + 1));
    if (found->time == 0ms)
        wanted.fault = "\"" + std::string(name) + "\" takes no time";
    else if (!time || *time <= 0ms || *time > 24h)
        wanted.fault =
            "\"" + std::string(text.substr(equals + 1)) + "\" is not a time such as 250ms, 30s, 5m";
    else
        wanted.time = *time;
    return wanted;
}

} // namespace

std::span<const Scenario> scenarios() {
    return scenario_table;
}

std::string check_scenario(std::string_view text) {
    return text == "none" ? std::string() : read(text).fault;
}

std::string begin_scenario(Api& api, std::string_view text) {
    if (auto fault = check_scenario(text); !fault.empty())
        return fault;
    api.calm();
    if (text != "none") {
        const auto wanted = read(text);
        wanted.scenario->begin(api, wanted.time);
    }
    return {};
}

std::string list_scenarios() {
    std::string text;
    for (const auto& scenario : scenario_table) {
        std::string name(scenario.name);
        if (scenario.time > 0ms)
            name += "[=T]";
        name.resize(std::max<std::size_t>(20, name.size() + 1), ' ');
        text += name + std::string(scenario.summary) + "\n";
    }
    return text;
}

} // namespace bearerd::sim
