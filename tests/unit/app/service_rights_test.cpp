#include "service_rights.hpp"
#include "unit/auth/temporary_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

namespace bearerd::app {
namespace {

using config::FileRights;

FileRights file_of(std::uint32_t mode, std::uint32_t uid = 0, std::uint32_t gid = 0) {
    return {FileRights::Role::file, "/etc/x/file", mode, uid, gid};
}

FileRights folder_of(std::uint32_t mode, std::uint32_t uid = 0, std::uint32_t gid = 0) {
    return {FileRights::Role::holder, "/etc/x", mode, uid, gid};
}

TEST(ServiceRights, TellWhatOnlyRootCanRead) {
    const struct {
        const char* what;
        std::vector<FileRights> rights;
        const char* cause; ///< nullptr: others may read it
    } cases[] = {
        {"a secret of root's", {file_of(0600), folder_of(0755)}, "/etc/x/file"},
        {"everybody's", {file_of(0644), folder_of(0755)}, nullptr},
        {"one in a folder of root's", {file_of(0644), folder_of(0700)}, "/etc/x"},
        {"a folder that can be passed, not listed", {file_of(0644), folder_of(0711)}, nullptr},
        {"of root's own group", {file_of(0640), folder_of(0755)}, "/etc/x/file"},
        {"of a group, which may be the service's", {file_of(0640, 0, 7), folder_of(0750, 0, 7)}, nullptr},
        {"of a user, who may be the service's", {file_of(0600, 7), folder_of(0700, 7)}, nullptr},
        {"none", {}, nullptr},
    };

    for (const auto& [what, rights, cause] : cases) {
        const auto found = first_for_root_alone(rights);
        EXPECT_EQ(found ? found->path : "", cause != nullptr ? cause : "") << what;
    }
}

TEST(ServiceRights, AreLookedAtForEachFileThatTheConfigurationNames) {
    if (::geteuid() != 0)
        GTEST_SKIP() << "needs root";
    const auth::test::TemporaryDirectory directory; // for its owner alone
    const std::string path = directory.path() + "/file";
    auth::test::TemporaryDirectory::write(path, "x");
    config::Settings settings;
    config::UpstreamTls& tls = settings.upstream.tls;
    config::Fleet& fleet = settings.fleet;
    std::string* const files[] = {&settings.credentials.password_file,
                                  &settings.token_store.key_file,
                                  &tls.ca_file,
                                  &tls.client_certificate_file,
                                  &tls.client_key_file,
                                  &fleet.password_file,
                                  &fleet.key_file,
                                  &fleet.tls.ca_file,
                                  &fleet.tls.client_certificate_file,
                                  &fleet.tls.client_key_file};
    for (std::string* const file : files)
        *file = path;
    std::size_t warnings = 0;
    for (const config::ConfigError& warning : unreadable_for_service("/etc/hostname", settings))
        warnings += warning.message.find("can't be read by a service") != std::string::npos ? 1 : 0;
    EXPECT_EQ(warnings, std::size(files));
}

} // namespace
} // namespace bearerd::app
