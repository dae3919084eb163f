#include "run.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>

namespace bearerd::ledger {
namespace {

struct Options {
    std::vector<std::string> profiles;
    std::uint64_t first_seed = 1;
    std::uint64_t seeds = 1;
    std::chrono::milliseconds idle_limit{1'000};
    std::string compared; ///< another program, whose share of unknown outcomes must not be less
    std::string expected; ///< in the text of a violation that there must be
    RunOptions run;
};

std::string line_of(const std::map<std::string, std::size_t>& counts) {
    std::string line;
    for (const auto& [name, number] : counts)
        line += (line.empty() ? "" : ", ") + name + " " + std::to_string(number);
    return line.empty() ? "none" : line;
}

void print_line(const char* what, const std::string& text) {
    std::printf("  %-10s %s\n", what, text.c_str());
}

void print(const std::string& title, const RunResult& result) {
    std::printf("%s: %s, %.1f s\n", title.c_str(),
                result.violations.empty()
                    ? "as promised"
                    : (std::to_string(result.violations.size()) + " VIOLATIONS").c_str(),
                static_cast<double>(result.time.count()) / 1000);
    print_line("mutations", line_of(result.mutations));
    print_line("executed", std::to_string(result.executed) + ", of the unknown ones " +
                               std::to_string(result.unknown_executed));
    print_line("queries", line_of(result.queries));
    print_line("faults",
               line_of(result.faults) + "; requests raced by a close " + std::to_string(result.raced));
    constexpr std::size_t most_shown = 20;
    for (std::size_t i = 0; i < std::min(result.violations.size(), most_shown); ++i)
        std::printf("  VIOLATION  %s\n", result.violations[i].c_str());
    if (result.violations.size() > most_shown)
        std::printf("  ... and %zu more\n", result.violations.size() - most_shown);
    std::fflush(stdout);
}

void add(RunResult& sum, const RunResult& result) {
    const auto merge = [](auto& into, const auto& from) {
        for (const auto& [name, number] : from)
            into[name] += number;
    };
    merge(sum.mutations, result.mutations);
    merge(sum.queries, result.queries);
    merge(sum.faults, result.faults);
    sum.executed += result.executed;
    sum.unknown_executed += result.unknown_executed;
    sum.raced += result.raced;
    sum.time += result.time;
    sum.violations.insert(sum.violations.end(), result.violations.begin(), result.violations.end());
}

/// The share of the mutations whose outcome is unknown.
double unknown_share(const RunResult& result) {
    std::size_t unknown = 0;
    std::size_t all = 0;
    for (const auto& [told, number] : result.mutations) {
        all += number;
        if (told.starts_with(name_of(View::unknown)))
            unknown += number;
    }
    return all == 0 ? 0 : static_cast<double>(unknown) / static_cast<double>(all);
}

/// The same with the other program, whose violations are not this run's.
RunResult run_other(const Options& options) {
    RunResult sum;
    for (const std::string& name : options.profiles) {
        for (std::uint64_t i = 0; i < options.seeds; ++i) {
            RunOptions one = options.run;
            one.seed = options.first_seed + i;
            one.program = options.compared;
            add(sum, run(make_profile(name, one.seed, options.idle_limit), one));
        }
    }
    sum.violations.clear();
    print("the other program", sum);
    return sum;
}

/// Whether every run was as promised, or had the violation that was expected.
bool run_all(const Options& options) {
    RunResult sum;
    for (const std::string& name : options.profiles) {
        for (std::uint64_t i = 0; i < options.seeds; ++i) {
            RunOptions one = options.run;
            one.seed = options.first_seed + i;
            const RunResult result = run(make_profile(name, one.seed, options.idle_limit), one);
            print(name + ", seed " + std::to_string(one.seed), result);
            if (!result.violations.empty() && options.expected.empty())
                std::printf("--- bearerd said:\n%s---\n", result.bearerd_output.c_str());
            add(sum, result);
        }
    }
    if (options.profiles.size() * options.seeds > 1)
        print("in total", sum);
    if (!options.compared.empty() && unknown_share(sum) > unknown_share(run_other(options))) {
        std::printf("  VIOLATION  a greater share of unknown outcomes than the other program's\n");
        return false;
    }
    if (options.expected.empty())
        return sum.violations.empty();
    return std::ranges::any_of(sum.violations, [&options](const std::string& violation) {
        return violation.find(options.expected) != std::string::npos;
    });
}

Options read(int argc, char** argv) {
    Options options;
    options.run.program = BEARERD_PROGRAM;
    CLI::App app{
        "Sends redemptions through bearerd while everything goes wrong, and compares the outcomes that the "
        "clients got with the upstream's ledger.",
        "ledger_test"};
    app.add_option("--profile", options.profiles, "which faults; all of them if none is named")
        ->check(CLI::IsMember(profile_names()));
    app.add_option("--first-seed", options.first_seed, "of the faults and of the clients' requests");
    app.add_option("--seeds", options.seeds, "so many runs of each profile")->check(CLI::PositiveNumber);
    app.add_option("--mutations", options.run.mutations, "in each run")
        ->check(CLI::Range(1, 1'000'000))
        ->take_last();
    std::int64_t idle_limit_ms = options.idle_limit.count();
    app.add_option(
           "--idle-limit", idle_limit_ms,
           "milliseconds, in the idle- profiles: the age at which the upstream closes idle connections")
        ->check(CLI::Range(1, 600'000));
    app.add_option("--threads", options.run.clients, "clients at the same time")->check(CLI::Range(1, 1'000));
    app.add_option("--bearerd", options.run.program, "the program that is judged")->check(CLI::ExistingFile);
    app.add_flag(
        "--journal-can-be-held", options.run.journal_can_be_held,
        "it is built with held_journal.cpp; without, apps do not leave while their mutation waits for "
        "the journal");
    app.add_option("--compare", options.compared,
                   "another program: exit with 1 if it has a smaller share of unknown outcomes")
        ->check(CLI::ExistingFile);
    app.add_option(
        "--expect", options.expected,
        "for daemons that are known to be broken: exit with 0 if a violation has this in its text, "
        "with 1 if none has");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        std::exit(app.exit(error) == 0 ? 0 : 64);
    }
    options.idle_limit = std::chrono::milliseconds{idle_limit_ms};
    if (options.profiles.empty())
        options.profiles = profile_names();
    return options;
}

} // namespace
} // namespace bearerd::ledger

int main(int argc, char** argv) {
    const auto options = bearerd::ledger::read(argc, argv);
    try {
        return bearerd::ledger::run_all(options) ? 0 : 1;
    } catch (const std::exception& error) { // something could not be started: neither kept nor broken
        std::fprintf(stderr, "ledger_test: %s\n", error.what());
        return 2;
    }
}
