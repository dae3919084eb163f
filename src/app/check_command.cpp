#include "check_command.hpp"

#include "cli_output.hpp"
#include "config_snapshot.hpp"
#include "exit_status.hpp"
#include "public_settings.hpp"
#include "service_rights.hpp"

#include <bearerd/auth/token_file.hpp>
#include <bearerd/config/password_file.hpp>
#include <bearerd/fleet/client.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <stdexcept>
#include <utility>

namespace bearerd::app {
namespace {

/// Whether a file can be made there. The folder itself is made with the first token, so its parent may be
/// checked instead. The same for the journal's.
std::string store_problem(const std::string& directory) {
    struct stat status{};

    if (::stat(directory.c_str(), &status) == 0) {
        if (!S_ISDIR(status.st_mode))
            return "is not a directory";
        if (::faccessat(AT_FDCWD, directory.c_str(), R_OK | W_OK | X_OK, AT_EACCESS) != 0)
            return "can't be written to by this user: " + system_error().message();
        return {};
    }
    if (errno != ENOENT)
        return "can't be used: " + system_error().message();
    const std::string parent = std::filesystem::path{directory}.parent_path().string();
    if (::faccessat(AT_FDCWD, parent.empty() ? "." : parent.c_str(), W_OK | X_OK, AT_EACCESS) != 0)
        return "is missing and can't be made by this user: " + system_error().message();
    return {};
}

std::string key_problem(const std::string& key_file) {
    const auto key = auth::read_key_file(key_file);
    if (!key)
        return "can't be read by this user: " + key.error().message();
    return key->empty() ? "is empty; put a random key into it, as by head -c 32 /dev/urandom" : std::string{};
}

std::vector<config::ConfigError> open_what_is_named(const std::string& file, config::Settings settings) {
    std::vector<config::ConfigError> errors;
    const config::TokenStore& store = settings.token_store;
    if (!store.directory.empty())
        if (const std::string problem = store_problem(store.directory); !problem.empty())
            errors.push_back(place_error(file, "token_store.directory: " + store.directory + " " + problem));
    if (const std::string& journal = settings.journal.directory; !journal.empty())
        if (const std::string problem = store_problem(journal); !problem.empty())
            errors.push_back(place_error(file, "journal.directory: " + journal + " " + problem));
    if (!store.key_file.empty())
        if (const std::string problem = key_problem(store.key_file); !problem.empty())
            errors.push_back(place_error(file, "token_store.key_file: " + store.key_file + " " + problem));
    const auto try_tls = [&errors, &file](const auto& make) {
        try {
            make();
        } catch (const upstream::TlsFileError& failure) {
            for (const std::string& sentence : failure.sentences())
                errors.push_back(place_error(file, sentence));
        } catch (const std::runtime_error& failure) { // TLS can't be set up for another reason
            errors.push_back(place_error(file, failure.what()));
        }
    };
    if (settings.fleet.on())
        try_tls([&settings] { static_cast<void>(fleet::Server{settings.fleet}); });
    try_tls([&settings] {
        fleet::KeyRing fleet_keys;
        static_cast<void>(ConfigSnapshot{std::make_shared<const config::Settings>(std::move(settings)),
                                         Secret{}, fleet_keys});
    });
    return errors;
}

std::optional<config::ValidConfig> load_within(const config::Environment& environment,
                                               const std::string& file) {
    auto loaded = config::load(file, environment);
    if (auto* valid = std::get_if<config::ValidConfig>(&loaded))
        return std::move(*valid);
    print_errors(file, std::get<std::vector<config::ConfigError>>(loaded));
    return std::nullopt;
}

/// Adds the errors in other files that are named, since a password's file that can't be used must not hide a
/// certificate's: one run lists each.
void add_errors_of_named_files(const std::string& file, config::Environment environment,
                               std::vector<config::ConfigError>& errors) {
    environment.read_file = [](const std::string&) { return config::unread_secret(); };
    auto without_password = config::load(file, environment);
    auto* const valid = std::get_if<config::ValidConfig>(&without_password);
    if (valid == nullptr)
        return;
    const auto more = open_what_is_named(file, std::move(valid->settings));
    errors.insert(errors.end(), more.begin(), more.end());
    std::ranges::stable_sort(
        errors, {}, [](const config::ConfigError& error) { return std::pair{error.line, error.column}; });
}

} // namespace

std::optional<config::ValidConfig> load_config(const std::string& file) {
    return load_within(config::Environment::system(), file);
}

config::ConfigError place_error(const std::string& file, const std::string& sentence) {
    const std::size_t colon = sentence.find(": ");
    if (colon == std::string::npos || sentence.find(' ') < colon)
        return {0, 0, {}, sentence}; // it is about no key
    return config::error_at_key(file, sentence.substr(0, colon), sentence.substr(colon + 2));
}

int check_settings_command(const std::string& file) {
    if (!load_without_secrets(file, {}))
        return exit_bad_configuration;
    print(stdout, file + ": the settings are valid\n");
    return exit_fine;
}

int check_command(const std::string& file) {
    config::Environment environment = config::Environment::system();
    if (environment.self.uid == 0U) // the service may well run as the user who owns its files
        environment.self.uid.reset();
    auto loaded = config::load(file, environment);
    if (auto* const errors = std::get_if<std::vector<config::ConfigError>>(&loaded)) {
        add_errors_of_named_files(file, environment, *errors);
        print_errors(file, *errors);
        return exit_bad_configuration;
    }
    auto* const valid = std::get_if<config::ValidConfig>(&loaded);
    const auto unreadable = unreadable_for_service(file, valid->settings);
    valid->warnings.insert(valid->warnings.end(), unreadable.begin(), unreadable.end());
    for (const config::ConfigError& warning : valid->warnings)
        print(stderr, config::format_warning(file, warning) + "\n");
    const auto errors = open_what_is_named(file, std::move(valid->settings));
    print_errors(file, errors);
    if (!errors.empty())
        return exit_bad_configuration;
    print(stdout, file + ": the configuration is valid\n");
    return exit_fine;
}

} // namespace bearerd::app
