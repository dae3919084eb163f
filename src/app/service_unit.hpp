#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// `--service`: a command runs as systemd would run bearerd, so that it sees the same user, credentials and
/// paths.
namespace bearerd::app {

/// Returns the unit's full name: "bearerd@shop.service" for "bearerd@shop"; nullopt if it is not a service.
[[nodiscard]] std::optional<std::string> service_name(std::string_view name);

/// What a unit says about where and as whom its process runs.
struct ServiceUnit {
    std::string config_file;             ///< of its ExecStart=; empty if that names none
    std::vector<std::string> properties; ///< "LoadCredential=password:/etc/bearerd/password"
};

/// Reads the text of a unit and its drop-ins, as `systemctl cat` prints them. `full_name`: from
/// service_name(). Leaves out what would disturb the running service, such as RuntimeDirectory=, which
/// systemd removes at the end. Returns a sentence if that is impossible. Pure.
[[nodiscard]] std::variant<ServiceUnit, std::string> read_unit(std::string_view full_name,
                                                               std::string_view text);

/// Returns the command line that makes systemd run `program` with the arguments as the unit would.
[[nodiscard]] std::vector<std::string> systemd_run(const ServiceUnit& unit, const std::string& program,
                                                   const std::vector<std::string>& arguments);

/// Runs `bearerd ARGUMENTS --config FILE` as the unit would: becomes systemd-run, which ends with its exit
/// status. Returns an exit status only if that fails. `file`: nullopt for the unit's own. Only for root.
[[nodiscard]] int run_as_service(std::string_view service, std::vector<std::string> arguments,
                                 const std::optional<std::string>& file);

} // namespace bearerd::app
