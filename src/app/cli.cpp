#include "cli.hpp"

#include "check_command.hpp"
#include "cli_manual.hpp"
#include "cli_output.hpp"
#include "daemon.hpp"
#include "exit_status.hpp"
#include "journal_command.hpp"
#include "log_sink.hpp"
#include "login_command.hpp"
#include "process.hpp"
#include "status_command.hpp"
#include "usage.hpp"
#include "wait_command.hpp"

#include <bearerd/base/units.hpp>
#include <bearerd/upstream/dialer.hpp>

#include <CLI/CLI.hpp>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

namespace bearerd::app {
namespace {

constexpr std::string_view default_config_file = "/etc/bearerd/bearerd.yaml";
constexpr Duration default_wait = std::chrono::seconds{30};

int run_command(const std::string& file) {
    auto config = load_config(file);
    if (!config)
        return exit_bad_configuration;
    LogSink log;
    return run_daemon(std::move(*config), file, log);
}

/// Help whose columns fit a terminal of 90.
void describe(CLI::App& app, std::string& file, std::string_view manual) {
    app.add_option("-c,--config", file, "the configuration file, bearerd.yaml(5)")
        ->option_text("FILE  [" + std::string{default_config_file} + "]");
    app.footer("\n" + std::string{manual});
    app.set_help_flag("-h,--help", "print this and exit");
}

struct Command {
    const char* name;
    const char* summary;
    std::string_view manual;
    int (*run)(const std::string& file);
};

constexpr std::array commands{
    Command{"run", "serve in the foreground; what bearerd does without a command", manual::run, run_command},
    Command{"login", "log in once and tell how it went", manual::login, login_command},
};

/// The option of `bearerd wait`. Throws for what is no duration.
void add_timeout(CLI::App& wait, Duration& timeout) {
    wait.add_option_function<std::string>(
            "--timeout",
            [&timeout](const std::string& text) {
                const auto duration = parse_duration(text);
                if (!duration)
                    throw CLI::ValidationError{"--timeout", "must be a number and ms, s, m or h, as 30s"};
                timeout = *duration;
            },
            "give up after this time")
        ->option_text("TIME  [" + format_duration(timeout) + "]");
}

/// All of them, for what is said of a wrong one.
constexpr std::array<std::string_view, 6> command_names{"run", "check", "login", "status", "wait", "journal"};

/// `bearerd journal close`.
void add_close(CLI::App& close, std::string& file, CloseOptions& options) {
    describe(close, file, manual::close);
    close.add_option("REQUEST_ID", options.request_id, "the mutation's, as bearerd journal prints it")
        ->required();
    close.add_option("--executed", options.executed, "what you have found out")
        ->check(CLI::IsMember({"yes", "no", "unknown"}))
        ->option_text("yes|no|unknown  [unknown]");
    close.add_option("--reason", options.reason, "how you know, or why it is closed")
        ->required()
        ->option_text("TEXT");
}

int complain_of_usage(int argc, char** argv, const CLI::ParseError& error) {
    std::vector<std::string_view> arguments;
    for (int i = 1; i < argc; ++i)
        arguments.emplace_back(argv[i]);
    const std::string suggestion = usage_suggestion(arguments, command_names);
    complain(std::string{error.what()} + (suggestion.empty() ? "" : ": " + suggestion) +
             "\nbearerd --help and bearerd COMMAND --help tell what can be written.");
    return exit_usage;
}

int run_commands(int argc, char** argv) {
    CLI::App program{"bearerd: a local authenticating reverse proxy for GraphQL APIs", "bearerd"};
    std::string file{default_config_file};
    describe(program, file, manual::program);
    JournalOptions journal_options;
    CLI::App& journal =
        *program.add_subcommand("journal", "list the mutations that were sent and what became of them");
    describe(journal, file, manual::journal);
    journal.add_flag("--unresolved", journal_options.unresolved,
                     "only those of which nobody knows whether they were executed");
    journal.add_flag("--unheard", journal_options.unheard,
                     "only those that were executed, but whose app was gone before its answer");
    journal.add_option("--key", journal_options.key, "only the transactions with this key")
        ->option_text("KEY");
    journal.add_flag("--json", journal_options.json, "an object a line, for programs");
    CloseOptions close_options;
    CLI::App& close = *journal.add_subcommand("close", "close a mutation of unknown outcome by hand");
    add_close(close, file, close_options);
    CLI::App& check = *program.add_subcommand("check", "validate the configuration");
    describe(check, file, manual::check);
    bool settings_only = false;
    check.add_flag("--settings", settings_only, "check the settings alone and open no file that they name");
    CLI::App& status = *program.add_subcommand("status", "tell how the running bearerd does");
    describe(status, file, manual::status);
    bool status_as_json = false;
    status.add_flag("--json", status_as_json, "print the daemon's answer as JSON, for programs");
    CLI::App& wait = *program.add_subcommand("wait", "wait until the running bearerd is ready");
    describe(wait, file, manual::wait);
    Duration timeout = default_wait;
    add_timeout(wait, timeout);
    program.set_version_flag("--version", "bearerd " BEARERD_VERSION, "print the version and exit");
    program.require_subcommand(0, 1);
    for (const Command& command : commands)
        describe(*program.add_subcommand(command.name, command.summary), file, command.manual);
    try {
        program.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() != 0)
            return complain_of_usage(argc, argv, error);
        return program.exit(error); // prints help or version
    }
    for (const Command& command : commands)
        if (program.got_subcommand(command.name))
            return command.run(file);
    if (program.got_subcommand(&check))
        return settings_only ? check_settings_command(file) : check_command(file);
    if (program.got_subcommand(&status))
        return status_command(file, status_as_json);
    if (journal.got_subcommand(&close))
        return close_command(file, close_options);
    if (program.got_subcommand(&journal))
        return journal_command(file, journal_options);
    if (program.got_subcommand(&wait))
        return wait_command(file, timeout);
    return run_command(file);
}

/// By now logs, journal and token store are written. A look-up of a name can't be ended: while its thread
/// goes on, nothing static may be destroyed.
void leave_lookups(int status) noexcept {
    if (!upstream::is_looking_up())
        return;
    std::cout.flush();
    std::fflush(nullptr);
    std::_Exit(status);
}

} // namespace

int run_command_line(int argc, char** argv) noexcept {
    harden_process(); // before the first secret is read
    give_memory_back();
    int status = exit_failed;
    try {
        status = run_commands(argc, argv);
    } catch (const std::exception& failure) { // the last line of defence: a bug, or no memory
        complain(failure.what());
    }
    leave_lookups(status);
    return status;
}

} // namespace bearerd::app
