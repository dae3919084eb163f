#include "cli.hpp"

#include "daemon.hpp"
#include "log_sink.hpp"

#include <bearerd/config/parse.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>
#include <exception>
#include <string>
#include <string_view>

namespace bearerd::app {
namespace {

// CONTRACT 6; the numbers are those of sysexits(3).
constexpr int exit_fine = 0;
constexpr int exit_failed = 1;
constexpr int exit_usage = 64;
constexpr int exit_bad_configuration = 78;

constexpr std::string_view default_config_file = "/etc/bearerd/bearerd.yaml";

void print(std::FILE* stream, const std::string& text) {
    std::fputs(text.c_str(), stream);
}

/// The settings, or nothing once every fault has been printed.
std::optional<config::Settings> load_settings(const std::string& file) {
    auto loaded = config::load(file, config::Surroundings::system());
    if (auto* settings = std::get_if<config::Settings>(&loaded))
        return std::move(*settings);
    for (const config::Fault& fault : std::get<std::vector<config::Fault>>(loaded))
        print(stderr, config::format_fault(file, fault) + "\n");
    return std::nullopt;
}

int check(const std::string& file) {
    if (!load_settings(file))
        return exit_bad_configuration;
    print(stdout, file + ": the configuration is valid\n");
    return exit_fine;
}

int serve(const std::string& file) {
    auto settings = load_settings(file);
    if (!settings)
        return exit_bad_configuration;
    LogSink log;
    return run_daemon(std::move(*settings), file, log);
}

int run_commands(int argc, char** argv) {
    CLI::App program{"bearerd: a local authenticating reverse proxy for GraphQL APIs", "bearerd"};
    program.set_version_flag("--version", "bearerd " BEARERD_VERSION);
    program.require_subcommand(0, 1);
    program.fallthrough();
    std::string file{default_config_file};
    program.add_option("-c,--config", file, "the configuration file")->capture_default_str();
    program.add_subcommand("run", "serve in the foreground (what bearerd does without a command)");
    const CLI::App* check_command =
        program.add_subcommand("check", "validate the configuration and print each problem with its position");
    try {
        program.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        const int status = program.exit(error); // prints help, version, or what is wrong
        return status == 0 ? exit_fine : exit_usage;
    }
    return check_command->parsed() ? check(file) : serve(file);
}

} // namespace

int run_command_line(int argc, char** argv) noexcept {
    try {
        return run_commands(argc, argv);
    } catch (const std::exception& failure) { // the last line of defence: a bug, or no memory
        std::fprintf(stderr, "bearerd: %s\n", failure.what());
        return exit_failed;
    }
}

} // namespace bearerd::app
