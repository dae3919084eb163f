#include <bearerd/auth/token_file.hpp>
#include <bearerd/base/file.hpp>
#include <bearerd/config/password_file.hpp>

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <memory>
#include <random>
#include <thread>

namespace bearerd::auth {
namespace {

using namespace std::chrono_literals;

error_code make_error(int value) noexcept {
    return {value, boost::system::generic_category()};
}

Result<std::string> read_small_file(const std::string& path, int more_flags) {
    // Non-blocking, or a FIFO in the file's place would hold us for ever.
    const Descriptor file{::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | more_flags)};

    struct stat status{};

    if (!file.is_open() || ::fstat(file.get(), &status) != 0)
        return system_error();
    if (!S_ISREG(status.st_mode))
        return make_error(EINVAL);
    std::string bytes(max_store_file + 1, '\0');
    const auto size = read_all(file, bytes);
    if (!size || *size == bytes.size()) {
        wipe(bytes); // it may be a part of a key
        return size ? make_error(EFBIG) : size.error();
    }
    bytes.resize(*size);
    return bytes;
}

/// Keeps other processes from writing to the folder. Waits at most two seconds for one that writes; the
/// problem is ETIMEDOUT then. The lock also ends with the process.
class FolderLock {
public:
    explicit FolderLock(const std::string& directory) noexcept
        : folder_{::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)} {
        problem_ = folder_.is_open() ? lock() : system_error();
    }

    [[nodiscard]] error_code problem() const noexcept { return problem_; }

private:
    [[nodiscard]] error_code lock() const noexcept {
        constexpr auto longest_wait = 2s;
        constexpr auto between_tries = 10ms;
        const auto end = std::chrono::steady_clock::now() + longest_wait;
        while (::flock(folder_.get(), LOCK_EX | LOCK_NB) != 0) {
            if (errno != EWOULDBLOCK && errno != EINTR)
                return system_error();
            if (std::chrono::steady_clock::now() >= end)
                return make_error(ETIMEDOUT);
            std::this_thread::sleep_for(between_tries);
        }
        return {};
    }

    Descriptor folder_;
    error_code problem_;
};

/// A part of a file's name that no other process has.
std::string random_text() {
    std::random_device dice;
    return std::to_string(dice()) + "-" + std::to_string(dice());
}

std::string temporary_prefix(const std::string& name) {
    return "." + name + ".tmp-";
}

} // namespace

Result<std::string> read_store_file(const std::string& path) {
    return read_small_file(path, O_NOFOLLOW);
}

Result<Secret> read_key_file(const std::string& path) {
    auto bytes = read_small_file(path, 0);
    if (!bytes)
        return bytes.error();
    const Secret content{std::move(*bytes)};
    return Secret{config::content_of_secret_file(content.reveal())};
}

error_code write_store_file(const std::string& directory, const std::string& name, std::string_view bytes) {
    const auto folder = make_folder(directory);
    if (!folder)
        return folder.error();
    return write_file(*folder, name, temporary_prefix(name) + random_text(), bytes);
}

void remove_stale_files(const std::string& directory, const std::string& name) {
    const std::unique_ptr<DIR, int (*)(DIR*)> folder{::opendir(directory.c_str()), &::closedir};
    if (!folder)
        return;
    const auto prefix = temporary_prefix(name);
    // NOLINTNEXTLINE(concurrency-mt-unsafe): glibc's is safe for a folder that no other thread reads
    while (const auto* entry = ::readdir(folder.get())) {
        if (std::string_view{entry->d_name}.starts_with(prefix))
            ::unlinkat(::dirfd(folder.get()), entry->d_name, 0);
    }
}

TokenFile::TokenFile(StoreSettings settings)
    : settings_{std::move(settings)}, name_{store_name(settings_.url, settings_.user)} {}

KeySource TokenFile::token_source() const noexcept {
    return settings_.key_file.empty() ? KeySource::password : KeySource::key_file;
}

std::string TokenFile::file_name(std::string_view purpose) const {
    return std::string{purpose} + "-" + name_;
}

Result<const TokenFile::Key*> TokenFile::key_for(KeySource source, std::optional<Salt> salt) {
    for (auto key = keys_.rbegin(); key != keys_.rend(); ++key) {
        if (key->source == source && (!salt || key->salt == *salt))
            return &*key;
    }
    if (!salt && !(salt = make_salt()))
        return make_error(EIO);
    Secret from_file;
    if (source == KeySource::key_file) {
        auto bytes = read_key_file(settings_.key_file);
        if (!bytes)
            return bytes.error();
        if (bytes->empty())
            return make_error(EINVAL);
        from_file = std::move(*bytes);
    }
    auto key = derive_key(source, source == KeySource::key_file ? from_file : settings_.password, *salt);
    if (!key)
        return make_error(EIO);
    keys_.push_back({source, *salt, std::move(*key)});
    return &keys_.back();
}

TokenFile::Loaded<Secret> TokenFile::load(std::string_view purpose, KeySource source) {
    const auto name = file_name(purpose);
    const auto bytes = read_store_file(settings_.directory + "/" + name);
    if (!bytes) {
        if (bytes.error() == boost::system::errc::no_such_file_or_directory)
            return {};
        return {std::nullopt, bytes.error().message()};
    }
    const auto salt = salt_of(*bytes, source);
    if (!salt)
        return {std::nullopt, "damaged, or not ours"};
    const auto key = key_for(source, salt);
    if (!key)
        return {std::nullopt, "no key: " + key.error().message()};
    auto plain = unseal({purpose, settings_.url, settings_.user}, source, (*key)->key, *bytes);
    if (!plain)
        return {std::nullopt, "damaged, or sealed with another password or key", true};
    return {std::move(plain), {}};
}

TokenFile::Loaded<TokenRecord> TokenFile::load_token() {
    auto plain = load("token", token_source());
    if (!plain.value)
        return {std::nullopt, std::move(plain.problem)};
    auto record = decode_token_record(plain.value->reveal());
    return record ? Loaded<TokenRecord>{std::move(record), {}} : Loaded<TokenRecord>{std::nullopt, "damaged"};
}

TokenFile::Loaded<LoginRecord> TokenFile::load_login() {
    auto plain = load("login", KeySource::password);
    if (!plain.value)
        return {std::nullopt, std::move(plain.problem), plain.did_not_open};
    auto record = decode_login_record(plain.value->reveal());
    return record ? Loaded<LoginRecord>{std::move(record), {}} : Loaded<LoginRecord>{std::nullopt, "damaged"};
}

TokenFile::Loaded<RefreshRecord> TokenFile::load_refresh() {
    auto plain = load("refresh", token_source());
    if (!plain.value)
        return {std::nullopt, std::move(plain.problem), plain.did_not_open};
    auto record = decode_refresh_record(plain.value->reveal());
    if (!record)
        return {std::nullopt, "damaged"};
    return record->token.empty() ? Loaded<RefreshRecord>{} : Loaded<RefreshRecord>{std::move(record), {}};
}

void TokenFile::clean_up() {
    const FolderLock lock{settings_.directory};
    if (lock.problem())
        return;
    for (const std::string_view purpose : {"token", "login", "refresh"})
        remove_stale_files(settings_.directory, file_name(purpose));
}

TokenFile::Taken TokenFile::take_refresh(const Secret& token) {
    // Two processes may share the folder, and each may have loaded the token.
    const FolderLock lock{settings_.directory};
    if (lock.problem())
        return {false, lock.problem()};
    const auto stored = load_refresh();
    if (!stored.value)
        return {false, stored.problem.empty() || stored.did_not_open ? error_code{} : make_error(EIO)};
    if (!stored.value->token.equals(token))
        return {};
    const auto problem = save_under_lock("refresh", token_source(), encode(RefreshRecord{}));
    return {!problem, problem};
}

void TokenFile::prepare() {
    for (const auto source : {KeySource::password, token_source()})
        static_cast<void>(key_for(source, std::nullopt));
}

error_code TokenFile::save(const TokenRecord& record) {
    return save("token", token_source(), encode(record));
}

error_code TokenFile::save(const LoginRecord& record) {
    return save("login", KeySource::password, encode(record));
}

error_code TokenFile::save(const RefreshRecord& record) {
    if (record.token.size() > max_token_size)
        return make_error(EFBIG);
    return save("refresh", token_source(), encode(record));
}

error_code TokenFile::save(std::string_view purpose, KeySource source, const Secret& plain) {
    // Without a lock (there is no folder yet, or its file system has none) it is still written; but not
    // if another process holds it, which may be marking a refresh token.
    const FolderLock lock{settings_.directory};
    if (lock.problem() == boost::system::errc::timed_out)
        return lock.problem();
    return save_under_lock(purpose, source, plain);
}

error_code TokenFile::save_under_lock(std::string_view purpose, KeySource source, const Secret& plain) {
    const auto key = key_for(source, std::nullopt);
    if (!key)
        return key.error();
    const auto sealed =
        seal({purpose, settings_.url, settings_.user}, source, (*key)->salt, (*key)->key, plain);
    return sealed ? write_store_file(settings_.directory, file_name(purpose), *sealed) : make_error(EIO);
}

} // namespace bearerd::auth
