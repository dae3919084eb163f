#pragma once

#include <bearerd/config/config.hpp>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace bearerd::config {

/// One error in a configuration, with its position. Never holds a secret's value.
struct ConfigError {
    std::size_t line = 0;   ///< from 1; 0 if the error concerns the whole file
    std::size_t column = 0; ///< from 1
    std::string key;        ///< dotted, such as "upstream.tls.ca_file"; empty for an error in the YAML itself
    std::string message;    ///< one sentence: what is wrong, and what would be right
};

/// Returns "FILE:LINE:COLUMN: key: message", as `bearerd check` prints it (contract 6).
[[nodiscard]] std::string format_error(std::string_view file, const ConfigError& error);

/// The same with "warning: " before the key.
[[nodiscard]] std::string format_warning(std::string_view file, const ConfigError& warning);

/// The owner and mode of one file or folder, as the system reports them.
struct FileRights {
    enum class Role : std::uint8_t {
        file,   ///< the file that a setting names
        folder, ///< the folder that a setting names
        holder, ///< a folder that contains what a setting names
    };
    Role role = Role::file;
    std::string path;
    std::uint32_t mode = 0; ///< permission bits, including the sticky bit
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
};

/// Asks the system for them, following links; returns nullopt if there is nothing at the path. If `role` is
/// file, but the path is a folder, the result has Role::folder.
[[nodiscard]] std::optional<FileRights> rights_on(FileRights::Role role, const std::string& path);

/// The user as whom bearerd runs.
struct Identity {
    std::optional<std::uint32_t> uid; ///< none: unknown, so owners are not judged
    std::vector<std::uint32_t> gids;
};

/// What parsing may ask the system for; tests supply their own. Each returns nullopt if there is nothing.
struct Environment {
    /// The value of an environment variable.
    std::function<std::optional<std::string>(const std::string& name)> environment;
    /// The content of a small file (at most 64 KiB), or the reason, as text, why it can't be read.
    std::function<std::variant<Secret, std::string>(const std::string& path)> read_file;
    /// The uid of a local user name.
    std::function<std::optional<std::uint32_t>(const std::string& name)> uid_of;
    /// Whether a key may be left out, without an error, if a variable in its value is not set: for commands
    /// that do not need the key and lack the service's environment. Unset: no key may.
    std::function<bool(const std::string& key)> may_be_left_out = {};
    /// The rights of the file at the path, if it exists, and of the folders that contain it. Unset: files are
    /// not judged.
    std::function<std::vector<FileRights>(const std::string& path)> rights_of = {};
    Identity self = {};
    /// The folder of the configuration file, the base of relative paths; empty: the working directory.
    std::string folder = {};
    /// The name of the password file in $CREDENTIALS_DIRECTORY.
    std::string password_credential = "password";

    /// Returns the process's own environment, files and user database.
    [[nodiscard]] static Environment system();
};

/// A configuration without errors. The warnings are ordered by position.
struct ValidConfig {
    Settings settings;
    std::vector<ConfigError> warnings;
};

using ParseResult = std::variant<ValidConfig, std::vector<ConfigError>>;

/// Reads YAML text into settings, or lists all its errors, ordered by position (contract 7). Never throws for
/// any text. A `text` longer than 1 MiB is an error.
[[nodiscard]] ParseResult parse(std::string_view text, const Environment& environment);

/// Reads and parses a file; relative paths start from its folder. If it can't be read, that is an error with
/// line 0. If others may change the file itself, the warning has line 0 too.
[[nodiscard]] ParseResult load(const std::string& path, const Environment& environment);

/// Returns an error in a value that parsed, but failed in use, with the value's position in the file. If the
/// key is not there, it is the position of its nearest parent, or the start of the file; line 0 if the file
/// can't be read.
[[nodiscard]] ConfigError error_at_key(const std::string& path, std::string key, std::string message);

} // namespace bearerd::config
