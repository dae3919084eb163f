#pragma once

#include <bearerd/auth/store_record.hpp>
#include <bearerd/auth/token_seal.hpp>
#include <bearerd/base/error.hpp>
#include <bearerd/base/secret.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The files of `token_store.directory` (contract 3.9), named by upstream and user so that several instances
/// can share it: the token, the count of rejected logins, and the refresh token (contract 11). Blocking; one
/// thread at a time; logs nothing.
namespace bearerd::auth {

/// The largest file of the store, in bytes; a larger one is not ours.
inline constexpr std::size_t max_store_file = 64UL << 10;

/// Reads a small regular file. Does not follow a symbolic link. Fails with ENOENT if there is none.
[[nodiscard]] Result<std::string> read_store_file(const std::string& path);

/// Returns the bytes of `token_store.key_file` without one newline at the end, as for any secret's file
/// (contract 7). Follows links: in a Kubernetes volume each file is one.
[[nodiscard]] Result<Secret> read_key_file(const std::string& path);

/// Replaces a file so that a crash at any moment leaves the old or the new one: a temporary file beside it,
/// mode 0600 whatever the umask, synced, renamed, the directory synced. Creates the directory (0700) if it is
/// missing.
[[nodiscard]] error_code write_store_file(const std::string& directory, const std::string& name,
                                          std::string_view bytes);

/// Removes the temporary files that a crash left beside `name`. Call it under the writers' lock, or it may
/// remove a file that is being written.
void remove_stale_files(const std::string& directory, const std::string& name);

struct StoreSettings {
    std::string directory;
    std::string key_file; ///< empty: the key comes from the password
    std::string url;
    std::string user;
    Secret password;
};

/// Reads and writes these files. Keeps the keys, so that each is derived once (30 ms) for each salt. Writes
/// fail with ETIMEDOUT if another process keeps the folder locked for two seconds.
class TokenFile {
public:
    explicit TokenFile(StoreSettings settings);

    /// The result of reading: a value, or why there is none (empty: there is no file).
    template<class T>
    struct Loaded {
        std::optional<T> value;
        std::string problem;
        bool did_not_open = false; ///< the key is another one; or the file is damaged, which looks the same
    };

    /// Removes what a crash left; call it once at the start. A file that another process is writing stays.
    void clean_up();

    [[nodiscard]] Loaded<TokenRecord> load_token();
    /// Opens only with the password that was rejected: the seal itself is the credentials' fingerprint, and
    /// it reveals nothing to someone who has only the file.
    [[nodiscard]] Loaded<LoginRecord> load_login();

    /// Derives the keys that saving will need, so that the first save is quick. Saving reports a failure.
    void prepare();

    [[nodiscard]] error_code save(const TokenRecord& record);
    [[nodiscard]] error_code save(const LoginRecord& record);

    /// Loads a refresh token that has not been used.
    [[nodiscard]] Loaded<RefreshRecord> load_refresh();
    /// Fails with EFBIG for a token of more than max_token_size bytes.
    [[nodiscard]] error_code save(const RefreshRecord& record);

    /// Whether a refresh token may be used; if so, nobody else may use it.
    struct Taken {
        bool taken = false;
        error_code problem; ///< why not; none: another one is stored, or none is

        explicit operator bool() const noexcept { return taken; }
    };

    /// Marks the stored refresh token as used, so that no process ever loads it again: on the disk before
    /// this returns.
    [[nodiscard]] Taken take_refresh(const Secret& token);

private:
    struct Key {
        KeySource source;
        Salt salt;
        Secret key;
    };

    [[nodiscard]] KeySource token_source() const noexcept;
    [[nodiscard]] Result<const Key*> key_for(KeySource source, std::optional<Salt> salt);
    [[nodiscard]] Loaded<Secret> load(std::string_view purpose, KeySource source);
    [[nodiscard]] error_code save(std::string_view purpose, KeySource source, const Secret& plain);
    [[nodiscard]] error_code save_under_lock(std::string_view purpose, KeySource source, const Secret& plain);
    [[nodiscard]] std::string file_name(std::string_view purpose) const;

    StoreSettings settings_;
    std::string name_;
    std::vector<Key> keys_; ///< the last of a source is the one to seal with; two or three in all
};

} // namespace bearerd::auth
