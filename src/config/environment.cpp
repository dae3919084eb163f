#include "environment.hpp"

#include <bearerd/base/descriptor.hpp>
#include <bearerd/base/error.hpp>
#include <bearerd/config/parse.hpp>

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <span>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace bearerd::config {
namespace {

std::optional<std::string> process_environment(const std::string& name) {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody changes the environment once main has begun
    const char* const value = std::getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>{value};
}

std::optional<std::uint32_t> local_uid(const std::string& name) {
    std::vector<char> buffer(64 * 1024);
    passwd entry{};
    passwd* found = nullptr;
    if (::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
        return std::nullopt;
    return entry.pw_uid;
}

void add_rights(FileRights::Role role, const std::string& path, std::vector<FileRights>& out) {
    if (auto rights = rights_on(role, path))
        out.push_back(std::move(*rights));
}

std::string holder_of(const std::filesystem::path& path) {
    const std::string holder = path.parent_path().string();
    return holder.empty() ? "." : holder;
}

/// A link is followed: what it leads to could be replaced in its own folder as well.
std::vector<FileRights> local_rights(const std::string& path) {
    std::string named = path;
    while (named.size() > 1 && named.ends_with('/'))
        named.pop_back();
    std::vector<FileRights> rights;
    add_rights(FileRights::Role::file, named, rights);
    add_rights(FileRights::Role::holder, holder_of(named), rights);
    std::error_code failure;
    const auto real = std::filesystem::canonical(named, failure);
    if (!failure && holder_of(real) != holder_of(named))
        add_rights(FileRights::Role::holder, holder_of(real), rights);
    return rights;
}

Identity own_identity() {
    Identity self{::geteuid(), {::getegid()}};
    const int count = ::getgroups(0, nullptr);
    std::vector<gid_t> groups(static_cast<std::size_t>(std::max(count, 0)));
    const int got = ::getgroups(count, groups.data());
    groups.resize(static_cast<std::size_t>(std::max(got, 0)));
    self.gids.insert(self.gids.end(), groups.begin(), groups.end());
    return self;
}

bool is_pipe(const Descriptor& file) noexcept {
    struct stat status{};

    return ::fstat(file.get(), &status) == 0 && S_ISFIFO(status.st_mode);
}

/// Reads until the file ends or `buffer` is full. Only a pipe has nothing yet: its writer has `patience`.
Result<std::size_t> read_patiently(const Descriptor& file, std::span<char> buffer,
                                   std::chrono::milliseconds patience) {
    constexpr std::chrono::milliseconds pause{10};
    const auto deadline = std::chrono::steady_clock::now() + patience;
    std::size_t size = 0;
    while (size < buffer.size()) {
        const auto got = ::read(file.get(), buffer.data() + size, buffer.size() - size);
        if (got > 0) {
            size += static_cast<std::size_t>(got);
            continue;
        }
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno != EAGAIN)
            return system_error();
        if (got == 0 && (size > 0 || !is_pipe(file))) // a pipe looks ended until its writer opens it
            break;
        if (std::chrono::steady_clock::now() >= deadline)
            return boost::system::errc::make_error_code(boost::system::errc::timed_out);
        std::this_thread::sleep_for(pause);
    }
    return size;
}

} // namespace

std::optional<FileRights> rights_on(FileRights::Role role, const std::string& path) {
    struct stat status{};

    if (::stat(path.c_str(), &status) != 0)
        return std::nullopt;
    if (role == FileRights::Role::file && S_ISDIR(status.st_mode))
        role = FileRights::Role::folder;
    return FileRights{role, path, status.st_mode & 07777U, status.st_uid, status.st_gid};
}

std::variant<Secret, std::string> read_small_file(const std::string& path, std::size_t limit,
                                                  std::chrono::milliseconds patience) {
    // Non-blocking, or open(2) would wait for a pipe's writer for ever.
    const Descriptor file{::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
    if (!file.is_open())
        return system_error().message();
    // Its full size from the start: a string that grows leaves its old bytes behind.
    std::string bytes(limit + 1, '\0');
    const auto size = read_patiently(file, bytes, patience);
    Secret content{std::string_view{bytes}.substr(0, size ? *size : 0)};
    wipe(bytes);
    if (!size && size.error() == boost::system::errc::timed_out)
        return "it is a pipe that nobody has written to and closed in time; write a file instead";
    if (!size)
        return size.error().message();
    if (*size > limit)
        return "it is larger than " + std::to_string(limit / 1024) + " KiB";
    return content;
}

Environment Environment::system() {
    return {process_environment, [](const std::string& path) { return read_small_file(path, 64 * 1024); },
            local_uid,           {},
            local_rights,        own_identity()};
}

} // namespace bearerd::config
