#include "service_rights.hpp"

#include <gtest/gtest.h>

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

} // namespace
} // namespace bearerd::app
