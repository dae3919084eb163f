#include <bearerd/transaction/secret_file.hpp>

#include <bearerd/journal/files.hpp>
#include <bearerd/transaction/identifier.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace bearerd::transaction {
namespace {

constexpr const char* file_name = "transactions.key";

error_code system_error() noexcept {
    return {errno, boost::system::system_category()};
}

/// Returns an empty secret if the file is missing or has another size.
Result<Secret> read(const Descriptor& folder) {
    const Descriptor file{::openat(folder.get(), file_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)};
    if (!file.is_open())
        return errno == ENOENT ? Result<Secret>{Secret{}} : Result<Secret>{system_error()};
    std::string bytes(secret_size + 1, '\0');
    const ::ssize_t size = ::read(file.get(), bytes.data(), bytes.size());
    if (size < 0)
        return system_error();
    if (static_cast<std::size_t>(size) != secret_size) {
        wipe(bytes);
        return Secret{};
    }
    Secret secret{std::string_view{bytes}.substr(0, secret_size)};
    wipe(bytes);
    return secret;
}

/// Writes a whole file under another name and links it to the right one, so that nobody reads half of it.
error_code make(const Descriptor& folder, const Secret& secret, bool replace) {
    std::string temporary{file_name};
    temporary.append(".").append(std::to_string(::getpid()));
    ::unlinkat(folder.get(), temporary.c_str(), 0);
    const Descriptor file{::openat(folder.get(), temporary.c_str(),
                                   O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR)};
    if (!file.is_open())
        return system_error();
    error_code failure = journal::append(file, secret.reveal());
    if (!failure && ::fsync(file.get()) != 0)
        failure = system_error();
    if (!failure && replace) {
        if (::renameat(folder.get(), temporary.c_str(), folder.get(), file_name) != 0)
            failure = system_error();
    } else if (!failure && ::linkat(folder.get(), temporary.c_str(), folder.get(), file_name, 0) != 0 &&
               errno != EEXIST) {
        failure = system_error();
    }
    ::unlinkat(folder.get(), temporary.c_str(), 0);
    if (!failure && ::fsync(folder.get()) != 0)
        failure = system_error();
    return failure;
}

} // namespace

Result<Secret> load_or_make_secret(const std::string& journal_directory) {
    if (::mkdir(journal_directory.c_str(), S_IRWXU) != 0 && errno != EEXIST)
        return system_error();
    const Descriptor folder{::open(journal_directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!folder.is_open())
        return system_error();
    auto found = read(folder);
    if (!found || !found->empty())
        return found;
    struct stat status{};
    const bool damaged = ::fstatat(folder.get(), file_name, &status, AT_SYMLINK_NOFOLLOW) == 0;
    if (const auto failure = make(folder, random_secret(), damaged))
        return failure;
    return read(folder); // another process may have been faster
}

} // namespace bearerd::transaction
