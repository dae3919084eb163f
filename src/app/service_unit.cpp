#include "service_unit.hpp"

#include "cli_output.hpp"
#include "exit_status.hpp"

#include <bearerd/base/ascii.hpp>
#include <bearerd/base/clock.hpp>
#include <bearerd/base/descriptor.hpp>
#include <bearerd/base/error.hpp>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <filesystem>
#include <system_error>

namespace bearerd::app {
namespace {

constexpr std::string_view service_suffix = ".service";

/// Properties that say who the process is and which files it sees; none of a directory that systemd removes
/// at the end.
constexpr auto kept_settings = std::to_array<std::string_view>({"AmbientCapabilities",
                                                                "BindPaths",
                                                                "BindReadOnlyPaths",
                                                                "CapabilityBoundingSet",
                                                                "DynamicUser",
                                                                "Environment",
                                                                "EnvironmentFile",
                                                                "ExecPaths",
                                                                "Group",
                                                                "IPAddressAllow",
                                                                "IPAddressDeny",
                                                                "InaccessiblePaths",
                                                                "LoadCredential",
                                                                "LoadCredentialEncrypted",
                                                                "NetworkNamespacePath",
                                                                "NoExecPaths",
                                                                "NoNewPrivileges",
                                                                "PrivateDevices",
                                                                "PrivateNetwork",
                                                                "PrivateTmp",
                                                                "PrivateUsers",
                                                                "ProcSubset",
                                                                "ProtectHome",
                                                                "ProtectProc",
                                                                "ProtectSystem",
                                                                "ReadOnlyPaths",
                                                                "ReadWritePaths",
                                                                "RestrictAddressFamilies",
                                                                "RootDirectory",
                                                                "RootImage",
                                                                "StateDirectory",
                                                                "StateDirectoryMode",
                                                                "SupplementaryGroups",
                                                                "TemporaryFileSystem",
                                                                "UMask",
                                                                "UnsetEnvironment",
                                                                "User",
                                                                "WorkingDirectory"});

/// The lines, with those that end in a backslash joined, and without comments and blanks around.
std::vector<std::string> logical_lines(std::string_view text) {
    std::vector<std::string> lines;
    std::string open;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = trim(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.starts_with('#') || line.starts_with(';'))
            continue;
        if (line.ends_with('\\')) {
            open.append(line.substr(0, line.size() - 1)).append(" ");
            continue;
        }
        open += line;
        if (!open.empty())
            lines.push_back(std::move(open));
        open.clear();
    }
    return lines;
}

/// The name before the "@", or the whole name; and what follows the "@".
struct NameParts {
    std::string_view prefix;
    std::string_view instance;
};

NameParts parts_of(std::string_view full_name) noexcept {
    const std::string_view name = full_name.substr(0, full_name.size() - service_suffix.size());
    const std::size_t at = name.find('@');
    if (at == std::string_view::npos)
        return {name, {}};
    return {name.substr(0, at), name.substr(at + 1)};
}

/// Replaces the specifiers of systemd.unit(5) that a name decides; nullopt for others.
std::optional<std::string> expanded(std::string_view value, std::string_view full_name) {
    const NameParts parts = parts_of(full_name);
    std::string result;
    for (std::size_t i = 0; i < value.size(); ++i) {
        if (value[i] != '%') {
            result += value[i];
            continue;
        }
        const char specifier = ++i < value.size() ? value[i] : '\0';
        if (specifier == '%')
            result += '%';
        else if (specifier == 'i' ||
                 (specifier == 'I' && parts.instance.find_first_of("-\\") == std::string_view::npos))
            result += parts.instance;
        else if (specifier == 'p')
            result += parts.prefix;
        else if (specifier == 'n')
            result += full_name;
        else if (specifier == 'N')
            result += full_name.substr(0, full_name.size() - service_suffix.size());
        else
            return std::nullopt;
    }
    return result;
}

/// The value of --config in a command line; empty without.
std::string config_of(std::string_view command) {
    bool next = false;
    while (!command.empty()) {
        const std::size_t end = std::min(command.find_first_of(" \t"), command.size());
        const std::string_view word = command.substr(0, end);
        command.remove_prefix(std::min(end + 1, command.size()));
        if (next && !word.empty())
            return std::string{word};
        if (constexpr std::string_view with_value = "--config="; word.starts_with(with_value))
            return std::string{word.substr(with_value.size())};
        next = next || word == "--config" || word == "-c";
    }
    return {};
}

bool is_kept(std::string_view setting) noexcept {
    return std::ranges::binary_search(kept_settings, setting);
}

/// As exec(3) takes them. Valid as long as the words.
std::vector<char*> argument_vector(const std::vector<std::string>& words) {
    std::vector<char*> arguments;
    for (const std::string& word : words)
        arguments.push_back(const_cast<char*>(word.c_str())); // NOLINT(cppcoreguidelines-pro-type-const-cast)
    arguments.push_back(nullptr);
    return arguments;
}

/// Starts a program whose standard output goes to `output`; -1 if that fails.
pid_t start(const std::vector<std::string>& words, const Descriptor& output) {
    posix_spawn_file_actions_t actions{};
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, output.get(), STDOUT_FILENO);
    const std::vector<char*> arguments = argument_vector(words);
    pid_t child = -1;
    if (::posix_spawnp(&child, arguments.front(), &actions, nullptr, arguments.data(), environ) != 0)
        child = -1;
    ::posix_spawn_file_actions_destroy(&actions);
    return child;
}

/// Reads to the end; returns nullopt if that does not come within a time that is enough for systemctl on any
/// machine.
std::optional<std::string> read_to_end(const Descriptor& from) {
    constexpr Duration longest = std::chrono::seconds{20};
    const TimePoint end = BootClock::now() + longest;
    std::string all;
    std::array<char, 4096> part{};
    while (true) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - BootClock::now());
        pollfd readable{from.get(), POLLIN, 0};
        const int ready = left.count() > 0 ? ::poll(&readable, 1, static_cast<int>(left.count())) : 0;
        if (ready == 0)
            return std::nullopt;
        const ssize_t got = ready > 0 ? ::read(from.get(), part.data(), part.size()) : -1;
        if (got == 0)
            return all;
        if (got < 0 && errno != EINTR)
            return std::nullopt;
        all.append(part.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    }
}

/// Returns what a program prints, if it ends with 0 in time; else nullopt.
std::optional<std::string> output_of(const std::vector<std::string>& words) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        return std::nullopt;
    const Descriptor readable{ends[0]};
    Descriptor writable{ends[1]};
    const pid_t child = start(words, writable);
    writable.reset();
    if (child == -1)
        return std::nullopt;
    auto output = read_to_end(readable);
    if (!output)
        ::kill(child, SIGKILL);
    int status = -1;
    if (::waitpid(child, &status, 0) != child || status != 0)
        return std::nullopt;
    return output;
}

/// Becomes that program. Returns only if that fails.
void become(const std::vector<std::string>& words) {
    const std::vector<char*> arguments = argument_vector(words);
    ::execvp(arguments.front(), arguments.data());
}

} // namespace

std::optional<std::string> service_name(std::string_view name) {
    constexpr std::string_view allowed =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.\\@";
    if (name.ends_with(service_suffix))
        name.remove_suffix(service_suffix.size());
    if (name.empty() || name.front() == '-' || name.front() == '@' || name.back() == '@' ||
        name.find_first_not_of(allowed) != std::string_view::npos)
        return std::nullopt;
    return std::string{name} + std::string{service_suffix};
}

std::variant<ServiceUnit, std::string> read_unit(std::string_view full_name, std::string_view text) {
    ServiceUnit unit;
    bool in_service = false;
    bool dynamic = false;
    bool named_user = false;
    for (const std::string& line : logical_lines(text)) {
        if (line.starts_with('[')) {
            in_service = line == "[Service]";
            continue;
        }
        const std::size_t equals = line.find('=');
        if (!in_service || equals == std::string::npos)
            continue;
        const std::string_view setting = trim(std::string_view{line}.substr(0, equals));
        const bool starts = setting == "ExecStart";
        if (!starts && !is_kept(setting))
            continue;
        const auto value = expanded(trim(std::string_view{line}.substr(equals + 1)), full_name);
        if (!value)
            return line + " has a specifier that only systemd knows: try it by systemd-run";
        if (starts) {
            unit.config_file = config_of(*value);
            continue;
        }
        if (setting == "DynamicUser")
            dynamic = *value == "yes" || *value == "true" || *value == "on" || *value == "1";
        if (setting == "User")
            named_user = !value->empty();
        unit.properties.push_back(std::string{setting} + "=" + *value);
    }
    // systemd uses the same name; the same name means the same user, also while the service runs.
    if (dynamic && !named_user)
        unit.properties.push_back("User=" + std::string{parts_of(full_name).prefix});
    return unit;
}

std::vector<std::string> systemd_run(const ServiceUnit& unit, const std::string& program,
                                     const std::vector<std::string>& arguments) {
    std::vector<std::string> words{"systemd-run", "--quiet", "--wait", "--pipe", "--collect"};
    for (const std::string& property : unit.properties) {
        words.emplace_back("-p");
        words.push_back(property);
    }
    words.emplace_back("--");
    words.push_back(program);
    words.insert(words.end(), arguments.begin(), arguments.end());
    return words;
}

int run_as_service(std::string_view service, std::vector<std::string> arguments,
                   const std::optional<std::string>& file) {
    const auto name = service_name(service);
    if (!name) {
        complain("--service takes the name of a unit, such as bearerd or bearerd@SHOP");
        return exit_usage;
    }
    if (::geteuid() != 0) {
        complain("--service needs root: only root may become the service's user");
        return exit_failed;
    }
    const auto text = output_of({"systemctl", "cat", "--no-pager", "--", *name});
    if (!text) {
        complain("systemctl cat " + *name +
                 " fails or does not end, so it is not known how that service runs");
        return exit_failed;
    }
    auto read = read_unit(*name, *text);
    if (const auto* const why = std::get_if<std::string>(&read)) {
        complain(*why);
        return exit_failed;
    }
    const auto& unit = std::get<ServiceUnit>(read);
    std::error_code unknown;
    const std::string program = std::filesystem::read_symlink("/proc/self/exe", unknown).string();
    if (const std::string config = file.value_or(unit.config_file); !config.empty())
        arguments.insert(arguments.end(), {"--config", config});
    become(systemd_run(unit, unknown ? "bearerd" : program, arguments));
    complain("systemd-run can't be started: " + system_error().message());
    return exit_failed;
}

} // namespace bearerd::app
