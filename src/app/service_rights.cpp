#include "service_rights.hpp"

#include "cli_output.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

namespace bearerd::app {
namespace {

namespace fs = std::filesystem;
using config::FileRights;

constexpr std::uint32_t group_reads = 0040;
constexpr std::uint32_t others_read = 0004;
constexpr std::uint32_t group_passes = 0010;
constexpr std::uint32_t others_pass = 0001;

bool for_root_alone(const FileRights& rights) noexcept {
    const bool folder = rights.role == FileRights::Role::holder;
    const std::uint32_t others = folder ? others_pass : others_read;
    const std::uint32_t group = folder ? group_passes : group_reads;
    const bool by_group = rights.gid != 0 && (rights.mode & group) != 0;
    return rights.uid == 0 && !by_group && (rights.mode & others) == 0;
}

/// Returns the rights of the file and of all folders above it; empty if it does not exist.
std::vector<FileRights> rights_up_to_root(const std::string& path) {
    std::error_code failure;
    const fs::path real = fs::canonical(path, failure);
    std::vector<FileRights> rights;
    if (failure)
        return rights;
    const auto add = [&rights](FileRights::Role role, const fs::path& of) {
        if (auto found = config::rights_on(role, of.string()))
            rights.push_back(std::move(*found));
    };
    add(FileRights::Role::file, real);
    for (fs::path holder = real; holder != holder.parent_path();) {
        holder = holder.parent_path();
        add(FileRights::Role::holder, holder);
    }
    return rights;
}

/// Each setting that names a file, with the file.
std::vector<std::pair<std::string, std::string>> named_files(const config::Settings& settings) {
    const config::UpstreamTls& tls = settings.upstream.tls;
    const config::Fleet& fleet = settings.fleet;
    return {{std::string{config::secret_key(settings.auth.kind)}, settings.credentials.password_file},
            {"token_store.key_file", settings.token_store.key_file},
            {"upstream.tls.ca_file", tls.ca_file},
            {"upstream.tls.client_certificate_file", tls.client_certificate_file},
            {"upstream.tls.client_key_file", tls.client_key_file},
            {"fleet.password_file", fleet.password_file},
            {"fleet.key_file", fleet.key_file},
            {"fleet.tls.ca_file", fleet.tls.ca_file},
            {"fleet.tls.client_certificate_file", fleet.tls.client_certificate_file},
            {"fleet.tls.client_key_file", fleet.tls.client_key_file}};
}

/// The service can read what systemd passes as a credential, wherever that comes from.
bool is_credential(const std::string& path) {
    const char* const folder =
        std::getenv("CREDENTIALS_DIRECTORY"); // NOLINT(concurrency-mt-unsafe): see main
    return folder != nullptr && *folder != '\0' && path.starts_with(std::string{folder} + "/");
}

std::string sentence(const std::string& path, const FileRights& cause, std::string_view remedy) {
    std::array<char, 16> mode{};
    std::snprintf(mode.data(), mode.size(), "%04o", cause.mode);
    const std::string where =
        cause.role == FileRights::Role::holder ? "the folder " + cause.path + " is" : "it is";
    return printable(path) + " can't be read by a service that does not run as root: " + printable(where) +
           " for root alone (mode " + mode.data() + "). " + std::string{remedy} +
           " bearerd check --service UNIT tries it as the service";
}

} // namespace

std::optional<FileRights> first_for_root_alone(const std::vector<FileRights>& rights) {
    const auto found = std::ranges::find_if(rights, for_root_alone);
    return found == rights.end() ? std::nullopt : std::optional{*found};
}

std::vector<config::ConfigError> unreadable_for_service(const std::string& file,
                                                        const config::Settings& settings) {
    std::vector<config::ConfigError> warnings;
    if (::geteuid() != 0)
        return warnings;
    if (const auto cause = first_for_root_alone(rights_up_to_root(file)))
        warnings.push_back({0, 0, {}, sentence(file, *cause, "Let others read it: it needs no secret.")});
    for (const auto& [key, path] : named_files(settings)) {
        if (path.empty() || is_credential(path))
            continue;
        if (const auto cause = first_for_root_alone(rights_up_to_root(path)))
            warnings.push_back(config::error_at_key(
                file, key,
                sentence(path, *cause, "Hand it over as a credential (LoadCredential= in the unit).")));
    }
    return warnings;
}

} // namespace bearerd::app
