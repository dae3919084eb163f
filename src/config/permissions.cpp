#include "permissions.hpp"

#include "text.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace bearerd::config {
namespace {

constexpr std::uint32_t sticky = 01000;
constexpr std::uint32_t group_writes = 0020;
constexpr std::uint32_t others_write = 0002;

std::string octal(std::uint32_t mode) {
    std::array<char, 16> text{};
    std::snprintf(text.data(), text.size(), "%04o", mode);
    return text.data();
}

/// "PATH can be changed by every user (mode 0666)", with what to do about it.
std::string sentence(const FileRights& rights, const std::string& who, const std::string& remedy) {
    const std::string path = printable(rights.path);
    const std::string subject =
        rights.role == FileRights::Role::holder ? "the folder " + path + ", which holds it," : path;
    return subject + " can be changed by " + who + ": " + remedy + " " + path;
}

/// In a sticky folder only its owner can remove or rename a file.
bool writing_changes(const FileRights& rights) {
    return rights.role != FileRights::Role::holder || (rights.mode & sticky) == 0;
}

} // namespace

std::optional<std::string> rights_problem(const FileRights& rights, const Identity& self) {
    if (writing_changes(rights)) {
        const std::string mode = " (mode " + octal(rights.mode) + ")";
        if ((rights.mode & others_write) != 0)
            return sentence(rights, "every user" + mode, "chmod go-w");
        const bool own_group = rights.gid == 0 || std::ranges::find(self.gids, rights.gid) != self.gids.end();
        if ((rights.mode & group_writes) != 0 && !own_group)
            return sentence(rights, "the group " + std::to_string(rights.gid) + mode, "chmod g-w");
    }
    if (self.uid && rights.uid != 0 && rights.uid != *self.uid)
        return sentence(rights,
                        "its owner, uid " + std::to_string(rights.uid) +
                            ", which is neither root nor bearerd's user",
                        "chown root");
    return std::nullopt;
}

std::optional<std::string> rights_problem(const std::string& path, const Environment& environment) {
    if (path.empty() || !environment.rights_of)
        return std::nullopt;
    for (const FileRights& rights : environment.rights_of(path))
        if (auto problem = rights_problem(rights, environment.self))
            return problem;
    return std::nullopt;
}

void warn_of_rights(Section in, std::string_view key, const std::string& path,
                    const Environment& environment) {
    if (auto problem = rights_problem(path, environment))
        in.warn(key, std::move(*problem));
}

} // namespace bearerd::config
