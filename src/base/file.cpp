#include <bearerd/base/file.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>

namespace bearerd {
namespace {

Result<Descriptor> opened(int value) {
    if (value < 0)
        return system_error();
    return Descriptor{value};
}

} // namespace

Result<Descriptor> open_folder(const std::string& path) {
    return opened(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

Result<Descriptor> make_folder(const std::string& path) {
    if (::mkdir(path.c_str(), S_IRWXU) != 0 && errno != EEXIST)
        return system_error();
    return open_folder(path);
}

Result<Descriptor> make_file(const Descriptor& folder, const std::string& name) {
    constexpr int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    return opened(::openat(folder.get(), name.c_str(), flags, S_IRUSR | S_IWUSR));
}

error_code write_all(const Descriptor& file, std::string_view bytes) noexcept {
    while (!bytes.empty()) {
        const auto written = ::write(file.get(), bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return system_error();
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
}

error_code write_file(const Descriptor& folder, const std::string& name, const std::string& temporary,
                      std::string_view bytes, bool replace) {
    const auto file = make_file(folder, temporary);
    if (!file)
        return file.error();
    error_code failure = error_of(::fchmod(file->get(), S_IRUSR | S_IWUSR)); // whatever the umask
    if (!failure)
        failure = write_all(*file, bytes);
    if (!failure)
        failure = error_of(::fsync(file->get()));
    if (!failure && replace)
        failure = error_of(::renameat(folder.get(), temporary.c_str(), folder.get(), name.c_str()));
    else if (!failure && ::linkat(folder.get(), temporary.c_str(), folder.get(), name.c_str(), 0) != 0 &&
             errno != EEXIST)
        failure = system_error();
    ::unlinkat(folder.get(), temporary.c_str(), 0);
    return failure ? failure : error_of(::fsync(folder.get()));
}

Result<std::size_t> read_all(const Descriptor& file, std::span<char> buffer) noexcept {
    std::size_t size = 0;
    while (size < buffer.size()) {
        const auto got = ::read(file.get(), buffer.data() + size, buffer.size() - size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return system_error();
        if (got == 0)
            break;
        size += static_cast<std::size_t>(got);
    }
    return size;
}

const std::string& boot_id() {
    static const std::string id = [] {
        std::string line;
        std::getline(std::ifstream{"/proc/sys/kernel/random/boot_id"}, line);
        return line;
    }();
    return id;
}

} // namespace bearerd
