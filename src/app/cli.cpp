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
#include "service_unit.hpp"
#include "status_command.hpp"
#include "usage.hpp"
#include "wait_command.hpp"

#include <bearerd/base/ascii.hpp>
#include <bearerd/base/units.hpp>
#include <bearerd/upstream/dialer.hpp>

#include <CLI/CLI.hpp>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
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

/// The values of the options of all commands.
struct Options {
    std::string file{default_config_file};
    JournalOptions journal;
    CloseOptions close;
    std::optional<std::string> service; ///< the unit as which check and login run
    bool settings_only = false;
    bool status_as_json = false;
    Duration timeout = default_wait;
};

CLI::App& add_command(CLI::App& program, const char* name, const char* summary, std::string_view manual,
                      Options& options) {
    CLI::App& command = *program.add_subcommand(name, summary);
    describe(command, options.file, manual);
    return command;
}

void add_service(CLI::App& command, Options& options) {
    command
        .add_option("--service", options.service,
                    "run as this unit would: its user, credentials and paths; for root")
        ->option_text("UNIT");
}

/// Adds the option of `bearerd wait`. Parsing throws for anything but a duration.
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
    close
        .add_option_function<std::string>(
            "--number",
            [&options](const std::string& text) {
                options.number = parse_integer<std::uint64_t>(text).value_or(0);
                if (options.number == 0)
                    throw CLI::ValidationError{"--number", "must be a whole number from 1 on"};
            },
            "the entry's, if several have the same request id")
        ->option_text("N");
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
             "\nSee bearerd --help and bearerd COMMAND --help.");
    return exit_usage;
}

void add_journal(CLI::App& journal, Options& options) {
    journal.add_flag("--unresolved", options.journal.unresolved,
                     "only those of which nobody knows whether they were executed");
    journal.add_flag("--unheard", options.journal.unheard,
                     "only those that were executed, but whose app was gone before its answer");
    journal.add_option("--key", options.journal.key, "only the transactions with this key")
        ->check([](const std::string& key) { return key.empty() ? "must not be empty" : ""; })
        ->option_text("KEY");
    journal.add_flag("--json", options.journal.json, "an object a line, for programs");
    add_close(*journal.add_subcommand("close", "close a mutation of unknown outcome by hand"), options.file,
              options.close);
}

void add_commands(CLI::App& program, Options& options) {
    add_command(program, "run", "serve in the foreground; what bearerd does without a command", manual::run,
                options);
    CLI::App& check = add_command(program, "check", "validate the configuration", manual::check, options);
    check.add_flag("--settings", options.settings_only,
                   "check the settings alone and open no file that they name");
    add_service(check, options);
    add_service(add_command(program, "login", "log in once and report the result", manual::login, options),
                options);
    add_command(program, "status", "show the state of the running bearerd", manual::status, options)
        .add_flag("--json", options.status_as_json, "print the daemon's answer as JSON, for programs");
    add_timeout(
        add_command(program, "wait", "wait until the running bearerd is ready", manual::wait, options),
        options.timeout);
    add_journal(add_command(program, "journal", "list the mutations that were sent and their outcomes",
                            manual::journal, options),
                options);
}

/// `check` and `login`, as the unit would run them.
int run_command_as_service(const CLI::App& program, const CLI::App& command, const Options& options) {
    std::vector<std::string> arguments{command.get_name()};
    if (options.settings_only)
        arguments.emplace_back("--settings");
    const bool names_file = program.count("--config") + command.count("--config") != 0;
    return run_as_service(*options.service, std::move(arguments),
                          names_file ? std::optional{options.file} : std::nullopt);
}

int run_chosen(const CLI::App& program, const Options& options) {
    const auto chosen = program.get_subcommands();
    const std::string name = chosen.empty() ? "run" : chosen.front()->get_name();
    if (options.service)
        return run_command_as_service(program, *chosen.front(), options);
    if (name == "check")
        return options.settings_only ? check_settings_command(options.file) : check_command(options.file);
    if (name == "login")
        return login_command(options.file);
    if (name == "status")
        return status_command(options.file, options.status_as_json);
    if (name == "wait")
        return wait_command(options.file, options.timeout);
    if (name == "journal")
        return chosen.front()->got_subcommand("close") ? close_command(options.file, options.close)
                                                       : journal_command(options.file, options.journal);
    return run_command(options.file);
}

int run_commands(int argc, char** argv) {
    CLI::App program{"bearerd: a local authenticating reverse proxy for GraphQL APIs", "bearerd"};
    Options options;
    describe(program, options.file, manual::program);
    program.set_version_flag("--version", "bearerd " BEARERD_VERSION, "print the version and exit");
    program.require_subcommand(0, 1);
    add_commands(program, options);
    try {
        program.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() != 0)
            return complain_of_usage(argc, argv, error);
        return program.exit(error); // prints help or version
    }
    return run_chosen(program, options);
}

/// By now logs, journal and token store are written. A name look-up can't be ended: while its thread runs,
/// no static object may be destroyed.
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
    release_freed_memory();
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
