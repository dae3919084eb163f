#pragma once

#include <bearerd/config/config.hpp>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace bearerd::config {

/// One thing that is wrong with a configuration, and where. Never holds a secret's value.
struct Fault {
    std::size_t line = 0;   ///< from 1; 0 where the fault is of the whole file
    std::size_t column = 0; ///< from 1
    std::string key;        ///< dotted, as "upstream.tls.ca_file"; empty for a fault of YAML itself
    std::string message;    ///< one sentence: what is wrong, and what would be right
};

/// "FILE:LINE:COLUMN: key: message", as `bearerd check` prints it (contract 6).
[[nodiscard]] std::string format_fault(std::string_view file, const Fault& fault);

/// The same with "warning: " before the key.
[[nodiscard]] std::string format_warning(std::string_view file, const Fault& warning);

/// Who may change one file or folder, as the system reports it.
struct FileRights {
    enum class Role : std::uint8_t {
        file,   ///< the file that a setting names
        folder, ///< the folder that a setting names
        holder, ///< a folder that holds what a setting names
    };
    Role role = Role::file;
    std::string path;
    std::uint32_t mode = 0; ///< permission bits, the sticky bit included
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
};

/// Whom bearerd runs as.
struct Identity {
    std::optional<std::uint32_t> uid; ///< none: not known, so that owners are not judged
    std::vector<std::uint32_t> gids;
};

/// What parsing may ask the world for; tests give their own. Each returns nothing where there is none.
struct Surroundings {
    /// The value of an environment variable.
    std::function<std::optional<std::string>(const std::string& name)> environment;
    /// The content of a small file (at most 64 KiB), or the reason in words why it can't be read.
    std::function<std::variant<Secret, std::string>(const std::string& path)> read_file;
    /// The uid of a local user name.
    std::function<std::optional<std::uint32_t>(const std::string& name)> uid_of;
    /// Whether a key is left out, without a fault, where a variable in its value is not set: for who needs no
    /// such key and does not have the service's environment. None: no key is.
    std::function<bool(const std::string& key)> may_be_left_out = {};
    /// The rights of what stands at the path, if anything does, and of the folders that hold it. None: files
    /// are not judged.
    std::function<std::vector<FileRights>(const std::string& path)> rights_of = {};
    Identity self = {};
    /// The folder of the configuration file, which a relative path starts from; empty: the working directory.
    std::string folder = {};
    /// The name of the password's file in $CREDENTIALS_DIRECTORY.
    std::string password_credential = "password";

    /// The process's own environment, files and user data base.
    [[nodiscard]] static Surroundings system();
};

/// A configuration without faults. The warnings are ordered by position.
struct ValidConfig {
    Settings settings;
    std::vector<Fault> warnings;
};

using ParseResult = std::variant<ValidConfig, std::vector<Fault>>;

/// Reads YAML text into settings, or lists every fault that it has, ordered by position (contract 7).
/// Never throws for any text. `text` longer than 1 MiB is a fault.
[[nodiscard]] ParseResult parse(std::string_view text, const Surroundings& surroundings);

/// Reads and parses a file, whose folder relative paths start from; one that can't be read is a fault with
/// line 0. If others may change the file itself, the warning has line 0 too.
[[nodiscard]] ParseResult load(const std::string& path, const Surroundings& surroundings);

/// The fault of a value that only use shows to be wrong, with the position that the file gives it, or as much
/// of the key's way as is there; the file's begin where it holds none of it, and line 0 where it can't be
/// read.
[[nodiscard]] Fault fault_at_key(const std::string& path, std::string key, std::string message);

} // namespace bearerd::config
