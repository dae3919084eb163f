#include <bearerd/transaction/secret_file.hpp>

#include <bearerd/base/file.hpp>
#include <bearerd/transaction/identifier.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace bearerd::transaction {
namespace {

constexpr const char* file_name = "transactions.key";

/// Returns an empty secret if the file is missing or has another size.
Result<Secret> read(const Descriptor& folder) {
    const Descriptor file{::openat(folder.get(), file_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)};
    if (!file.is_open())
        return errno == ENOENT ? Result<Secret>{Secret{}} : Result<Secret>{system_error()};
    std::string bytes(secret_size + 1, '\0');
    const auto size = read_all(file, bytes);
    if (!size) {
        wipe(bytes);
        return size.error();
    }
    Secret secret{std::string_view{bytes}.substr(0, *size == secret_size ? secret_size : 0)};
    wipe(bytes);
    return secret;
}

error_code make(const Descriptor& folder, const Secret& secret, bool replace) {
    std::string temporary{file_name};
    temporary.append(".").append(std::to_string(::getpid()));
    ::unlinkat(folder.get(), temporary.c_str(), 0);
    return write_file(folder, file_name, temporary, secret.reveal(), replace);
}

} // namespace

Result<Secret> load_or_make_secret(const std::string& journal_directory) {
    const auto folder = make_folder(journal_directory);
    if (!folder)
        return folder.error();
    auto found = read(*folder);
    if (!found || !found->empty())
        return found;
    struct stat status{};
    const bool damaged = ::fstatat(folder->get(), file_name, &status, AT_SYMLINK_NOFOLLOW) == 0;
    if (const auto failure = make(*folder, random_secret(), damaged))
        return failure;
    return read(*folder); // another process may have been faster
}

} // namespace bearerd::transaction
