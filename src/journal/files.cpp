#include <bearerd/journal/files.hpp>

#include <bearerd/base/ascii.hpp>
#include <bearerd/base/file.hpp>

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

namespace bearerd::journal {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view prefix = "journal-";
constexpr std::string_view suffix = ".log";
constexpr std::size_t digits = 10;
constexpr std::size_t largest_file = std::size_t{1} << 30U; // twice what journal.max_size allows
constexpr std::size_t piece = std::size_t{256} << 10U;
constexpr const char* close_request = "close.request";
constexpr std::size_t max_close = std::size_t{16} << 10U;

std::string name_of(std::uint64_t file) {
    const std::string number = std::to_string(file);
    std::string name{prefix};
    name.append(number.size() < digits ? digits - number.size() : 0, '0');
    return name.append(number).append(suffix);
}

std::optional<std::uint64_t> number_of(std::string_view name) {
    if (!name.starts_with(prefix) || !name.ends_with(suffix) || name.size() < prefix.size() + suffix.size())
        return std::nullopt;
    const std::string_view text = name.substr(prefix.size(), name.size() - prefix.size() - suffix.size());
    const auto number = parse_integer<std::uint64_t>(text);
    return number && name_of(*number) == name ? number : std::nullopt;
}

} // namespace

Result<Folder> Folder::open_to_write(const std::string& path) {
    constexpr int tries = 10; // `bearerd journal` locks it for an instant, to see whether a daemon does
    auto descriptor = make_folder(path);
    if (!descriptor)
        return descriptor.error();
    for (int i = 1; ::flock(descriptor->get(), LOCK_EX | LOCK_NB) != 0; ++i) {
        if (errno != EWOULDBLOCK || i == tries)
            return system_error();
        std::this_thread::sleep_for(10ms);
    }
    return Folder{std::move(*descriptor)};
}

Result<Folder> Folder::open_to_read(const std::string& path) {
    auto descriptor = open_folder(path);
    if (!descriptor)
        return descriptor.error();
    return Folder{std::move(*descriptor)};
}

bool Folder::is_written() const {
    if (::flock(descriptor_.get(), LOCK_SH | LOCK_NB) != 0)
        return errno == EWOULDBLOCK;
    ::flock(descriptor_.get(), LOCK_UN);
    return false;
}

bool is_removed(const Descriptor& descriptor) noexcept {
    struct stat status{};

    return ::fstat(descriptor.get(), &status) == 0 && status.st_nlink == 0;
}

bool Folder::is_removed() const noexcept {
    return journal::is_removed(descriptor_);
}

Result<std::vector<std::uint64_t>> Folder::list() const {
    Descriptor again{::openat(descriptor_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    const std::unique_ptr<DIR, int (*)(DIR*)> folder{::fdopendir(again.get()), &::closedir};
    if (!folder)
        return system_error();
    static_cast<void>(again.release()); // closedir() closes it
    std::vector<std::uint64_t> files;
    errno = 0;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): glibc's is safe for a folder that no other thread reads
    while (const auto* const entry = ::readdir(folder.get()))
        if (const auto number = number_of(entry->d_name))
            files.push_back(*number);
    if (errno != 0)
        return system_error();
    std::ranges::sort(files);
    return files;
}

Result<std::string> Folder::read(std::uint64_t file) const {
    // Non-blocking, or a FIFO in the file's place would hold us for ever.
    constexpr int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    const Descriptor descriptor{::openat(descriptor_.get(), name_of(file).c_str(), flags)};

    struct stat status{};

    if (!descriptor.is_open() || ::fstat(descriptor.get(), &status) != 0)
        return system_error();
    if (!S_ISREG(status.st_mode))
        return error_code{EINVAL, boost::system::generic_category()};
    std::string bytes;
    bytes.reserve(std::min(static_cast<std::size_t>(status.st_size), largest_file) + piece);
    while (true) {
        const std::size_t size = bytes.size();
        bytes.resize(size + piece);
        const auto got = ::read(descriptor.get(), bytes.data() + size, piece);
        bytes.resize(size + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
        if (got < 0 && errno != EINTR)
            return system_error();
        if (got == 0)
            return bytes;
        if (bytes.size() > largest_file)
            return error_code{EFBIG, boost::system::generic_category()};
    }
}

Result<Descriptor> Folder::open_file(std::uint64_t file) const {
    constexpr int flags = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    Descriptor descriptor{::openat(descriptor_.get(), name_of(file).c_str(), flags, S_IRUSR | S_IWUSR)};
    if (!descriptor.is_open())
        return system_error();

    struct stat status{};

    if (::fstat(descriptor.get(), &status) != 0 || ::fchmod(descriptor.get(), S_IRUSR | S_IWUSR) != 0)
        return system_error();
    if (!S_ISREG(status.st_mode))
        return error_code{EINVAL, boost::system::generic_category()};
    if (const auto failure = give_to_owner(descriptor))
        return failure;
    return descriptor;
}

error_code Folder::request_close(const Close& close) const {
    const std::string temporary = std::string{close_request} + "." + std::to_string(::getpid());
    ::unlinkat(descriptor_.get(), temporary.c_str(), 0);
    const auto file = make_file(descriptor_, temporary);
    if (!file)
        return file.error();
    error_code failure = write_all(*file, encode(close));
    if (!failure)
        failure = give_to_owner(*file);
    if (!failure)
        failure =
            error_of(::linkat(descriptor_.get(), temporary.c_str(), descriptor_.get(), close_request, 0));
    ::unlinkat(descriptor_.get(), temporary.c_str(), 0);
    return failure;
}

bool Folder::has_close_request() const {
    return ::faccessat(descriptor_.get(), close_request, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

bool Folder::withdraw_close(const Close& close) const {
    return read_close_request() == encode(close) && ::unlinkat(descriptor_.get(), close_request, 0) == 0;
}

/// Returns the content of the waiting request; nullopt if there is none.
std::optional<std::string> Folder::read_close_request() const {
    const Descriptor file{
        ::openat(descriptor_.get(), close_request, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)};
    if (!file.is_open())
        return std::nullopt;
    std::string bytes(max_close, '\0');
    const auto size = read_all(file, bytes);
    bytes.resize(size ? *size : 0);
    return bytes;
}

std::optional<Close> Folder::take_close_request() const {
    const auto bytes = read_close_request();
    // Whoever removed it decides: a request that was withdrawn meanwhile does not count.
    if (!bytes || ::unlinkat(descriptor_.get(), close_request, 0) != 0)
        return std::nullopt;
    std::optional<Close> close;
    read_records(*bytes, [&close](const Record& record) {
        if (const auto* const found = std::get_if<Close>(&record))
            close = *found;
    });
    return close;
}

/// Gives a file that root has made to the daemon's user, who owns the folder.
error_code Folder::give_to_owner(const Descriptor& file) const {
    struct stat folder{};

    if (::geteuid() != 0 || ::fstat(descriptor_.get(), &folder) != 0 || folder.st_uid == 0)
        return {};
    return error_of(::fchown(file.get(), folder.st_uid, folder.st_gid));
}

error_code Folder::remove(std::uint64_t file) const {
    return error_of(::unlinkat(descriptor_.get(), name_of(file).c_str(), 0));
}

error_code Folder::sync() const {
    return error_of(::fsync(descriptor_.get()));
}

Result<Reading> read_journal(const std::string& path) {
    constexpr int tries = 5; // files come and go meanwhile
    auto folder = Folder::open_to_read(path);
    if (!folder)
        return folder.error();
    for (int i = 1;; ++i) {
        Reading reading;
        const auto files = folder->list();
        if (!files)
            return files.error();
        error_code failure;
        for (const std::uint64_t file : *files) {
            const auto bytes = folder->read(file);
            failure = bytes ? error_code{} : bytes.error();
            if (failure)
                break;
            const auto take = [&reading](const Record& record) { reading.index.take(record); };
            reading.damaged += read_records(*bytes, take).records;
        }
        // After the reading, so that the intents of a daemon that has just started count as in flight.
        reading.written = folder->is_written();
        if (!failure)
            return reading;
        if (failure != boost::system::errc::no_such_file_or_directory)
            return failure;
        if (i == tries)
            return make_error_code(boost::system::errc::resource_unavailable_try_again);
    }
}

} // namespace bearerd::journal
