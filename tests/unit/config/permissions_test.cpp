#include "fixture.hpp"
#include "permissions.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include <sys/stat.h>
#include <unistd.h>

namespace bearerd::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Role = FileRights::Role;

constexpr std::uint32_t self = 990;
constexpr std::uint32_t own_group = 991;
constexpr std::uint32_t other_user = 1000;
constexpr std::uint32_t other_group = 100;

TEST(Permissions, WarnOfWhateverOthersMayChange) {
    struct Row {
        const char* what;
        Role role;
        std::uint32_t mode, uid, gid;
        const char* problem; ///< empty: none
    };

    const Row table[]{
        {"a packaged password", Role::file, 0600, 0, 0, ""},
        {"a file of the daemon's own", Role::file, 0600, self, own_group, ""},
        {"a Kubernetes secret", Role::file, 0644, 0, 0, ""},
        {"a Kubernetes secret with fsGroup", Role::file, 0640, 0, own_group, ""},
        {"a Kubernetes secret's folder", Role::holder, 01777, 0, own_group, ""},
        {"a Kubernetes volume with fsGroup", Role::folder, 02775, 0, own_group, ""},
        {"a systemd credential", Role::file, 0440, 0, 0, ""},
        {"a systemd credential of a user's service", Role::file, 0400, self, own_group, ""},
        {"systemd's folder of credentials", Role::holder, 0550, 0, 0, ""},
        {"a folder with root's group", Role::folder, 0770, 0, 0, ""},
        {"a umask of 002 with a group of one's own", Role::file, 0664, self, own_group, ""},
        {"/tmp around it", Role::holder, 01777, 0, 0, ""},
        {"a sticky folder of a group around it", Role::holder, 01775, 0, other_group, ""},

        {"everybody's file", Role::file, 0666, 0, 0, "every user (mode 0666): chmod go-w /x"},
        {"others, but not the group", Role::file, 0602, self, own_group, "every user (mode 0602)"},
        {"write-only for others", Role::file, 0002, 0, 0, "every user (mode 0002)"},
        {"everybody's folder", Role::folder, 0777, 0, 0, "every user (mode 0777)"},
        {"/tmp itself as journal", Role::folder, 01777, 0, 0, "every user (mode 1777)"},
        {"everybody's folder around it", Role::holder, 0777, 0, 0,
         "the folder /x, which holds it, can be changed by every user (mode 0777)"},
        {"a group's file", Role::file, 0660, 0, other_group, "the group 100 (mode 0660): chmod g-w /x"},
        {"a group's folder", Role::folder, 0770, self, other_group, "the group 100 (mode 0770)"},
        {"a group's folder around it", Role::holder, 02775, 0, other_group, "the group 100 (mode 2775)"},
        {"a stranger's file", Role::file, 0600, other_user, own_group, "its owner, uid 1000"},
        {"a stranger's read-only file, to which he may give himself the right", Role::file, 0400, other_user,
         own_group, "its owner, uid 1000"},
        {"a stranger's folder around it", Role::holder, 0755, other_user, other_group, "its owner, uid 1000"},
        {"a stranger's sticky folder around it", Role::holder, 01777, other_user, 0, "its owner, uid 1000"},
    };
    const Identity identity{self, {own_group}};
    for (const Row& row : table) {
        const auto problem = rights_problem({row.role, "/x", row.mode, row.uid, row.gid}, identity);
        if (*row.problem == '\0')
            EXPECT_EQ(problem, std::nullopt) << row.what;
        else
            EXPECT_THAT(problem.value_or(""), HasSubstr(row.problem)) << row.what;
    }
}

TEST(Permissions, AnUnknownDaemonUserLeavesOwnersUnjudged) {
    const Identity unknown{std::nullopt, {0}};
    EXPECT_EQ(rights_problem({Role::file, "/x", 0600, other_user, other_group}, unknown), std::nullopt);
    EXPECT_NE(rights_problem({Role::file, "/x", 0620, other_user, other_group}, unknown), std::nullopt);
}

TEST(Permissions, EachFileThatIsTrustedIsJudgedAtItsKey) {
    FakeWorld world;
    world.variables["CREDENTIALS_DIRECTORY"] = "/creds";
    world.files["/creds/password"] = "secret";
    world.files["/password"] = "secret";
    Environment environment = world.environment();
    environment.self = {self, {own_group}};
    environment.rights_of = [](const std::string& path) {
        return std::vector<FileRights>{{Role::file, path, 0600, 0, 0}, {Role::holder, "/", 0777, 0, 0}};
    };
    const std::string problem = "the folder /, which holds it, can be changed by every user (mode 0777): "
                                "chmod go-w /";
    EXPECT_THAT(warnings_of("upstream: {url: \"https://a.example\",\n"
                            "  tls: {ca_file: /ca,\n"
                            "    client_certificate_file: /cert,\n"
                            "    client_key_file: /key}}\n"
                            "credentials: {username: u, password_file: /password}\n"
                            "journal: {directory: /j}\n"
                            "token_store: {key_file: /k,\n"
                            "  directory: /t}\n"
                            "transactions: {rules: [{mutation: m, key: k}]}\n",
                            environment),
                ElementsAre("2:18: warning: upstream.tls.ca_file: " + problem,
                            "4:22: warning: upstream.tls.client_key_file: " + problem,
                            "5:43: warning: credentials.password_file: " + problem,
                            "6:22: warning: journal.directory: " + problem,
                            "7:25: warning: token_store.key_file: " + problem,
                            "8:14: warning: token_store.directory: " + problem));
    EXPECT_THAT(
        warnings_of("upstream: {url: \"https://a.example\"}\ncredentials: {username: u}\n", environment),
        ElementsAre("2:1: warning: credentials.password: " + problem));
    EXPECT_THAT(warnings_of(minimal, environment), ElementsAre()) << "no file is named";
}

class PermissionsOfFiles : public testing::Test {
protected:
    PermissionsOfFiles() { std::filesystem::create_directories(folder_ / "real"); }

    ~PermissionsOfFiles() override { std::filesystem::remove_all(folder_); }

    std::filesystem::path folder_ =
        std::filesystem::path{testing::TempDir()} / ("bearerd_permissions_" + std::to_string(::getpid()));
    Environment system_ = Environment::system();
};

TEST_F(PermissionsOfFiles, ALinkIsJudgedInBothFolders) {
    const auto link = folder_ / "password";
    const auto file = folder_ / "real" / "password";
    std::ofstream{file} << "x";
    std::filesystem::create_symlink("real/password", link);
    ASSERT_EQ(::chmod(file.c_str(), 0644), 0);
    ASSERT_EQ(::chmod(folder_.c_str(), 0755), 0);
    ASSERT_EQ(::chmod((folder_ / "real").c_str(), 0755), 0);
    EXPECT_EQ(rights_problem(link.string(), system_), std::nullopt);
    ASSERT_EQ(::chmod((folder_ / "real").c_str(), 0777), 0);
    EXPECT_THAT(rights_problem(link.string(), system_).value_or(""),
                HasSubstr("the folder " + (folder_ / "real").string()));
    ASSERT_EQ(::chmod(file.c_str(), 0646), 0);
    EXPECT_THAT(rights_problem(link.string(), system_).value_or(""), HasSubstr(link.string() + " can be"));
}

TEST_F(PermissionsOfFiles, AFolderThatIsYetToBeMadeIsJudgedByItsHolder) {
    ASSERT_EQ(::chmod(folder_.c_str(), 0755), 0);
    EXPECT_EQ(rights_problem((folder_ / "later/").string(), system_), std::nullopt);
    ASSERT_EQ(::chmod(folder_.c_str(), 0757), 0);
    EXPECT_THAT(rights_problem((folder_ / "later/").string(), system_).value_or(""),
                HasSubstr("the folder " + folder_.string()));
}

TEST_F(PermissionsOfFiles, AConfigurationThatOthersMayChangeIsAWarningOfTheWholeFile) {
    const std::string file = (folder_ / "bearerd.yaml").string();
    std::ofstream{file} << minimal;
    ASSERT_EQ(::chmod(file.c_str(), 0646), 0);
    const ParseResult result = load(file, system_);
    const auto* const valid = std::get_if<ValidConfig>(&result);
    ASSERT_NE(valid, nullptr);
    ASSERT_EQ(valid->warnings.size(), 1U);
    EXPECT_EQ(format_warning("f", valid->warnings.front()),
              "f: warning: " + file + " can be changed by every user (mode 0646): chmod go-w " + file);
}

} // namespace
} // namespace bearerd::config
