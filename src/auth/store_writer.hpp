#pragma once

#include <bearerd/auth/token_file.hpp>
#include <bearerd/base/worker_thread.hpp>

#include <functional>
#include <memory>
#include <optional>

namespace bearerd::auth {

/// Keeps the files of the token store on a thread of its own, so that neither a slow disk nor a key
/// derivation holds up a request. The latest record wins: one that is replaced before it is written is never
/// written. Any thread; logs.
class StoreWriter {
public:
    /// What was found at the start, as of the moment of reading.
    struct Found {
        struct StoredToken {
            TokenRecord record;
            Duration age{};
        };

        std::optional<StoredToken> token; ///< one that is still good
        std::uint32_t rejections = 0;
        Duration next_try{}; ///< from now, if rejections > 0
        Secret refresh;      ///< a refresh token that nobody has used; or empty
    };

    /// All but the last are called under a lock, so they must only post work elsewhere. None is called after
    /// the destructor has begun.
    struct Events {
        std::function<void(Found)> found; ///< once, on the writer's thread
        std::function<void()> failed;     ///< a record could not be stored; on the writer's thread
        std::function<void()> reading{};  ///< before it reads, on the writer's thread, no lock; may be empty
    };

    /// Reads the files at once.
    StoreWriter(StoreSettings settings, Events events);
    StoreWriter(const StoreWriter&) = delete;
    StoreWriter& operator=(const StoreWriter&) = delete;
    /// Writes what is pending and waits for that at most eight seconds.
    ~StoreWriter();

    /// A token to store. It is turned into a record only when it is written, because most tokens of a chain
    /// that rotates with every answer are replaced before that.
    struct TokenInUse {
        TokenPtr token;
        std::shared_ptr<const Claims> login; ///< the identity that the login's token named
        TimePoint received{};                ///< on the boot clock
    };

    void save(TokenInUse token);
    void save(LoginRecord record);
    void save(RefreshRecord record);

    /// Marks the refresh token as used, on the disk, and then calls `done` on the writer's thread: with true
    /// if the token may be used now, and by nobody else. `done` is not called after the destructor has begun.
    void take_refresh(Secret token, std::function<void(bool taken)> done);

    /// Switches to other credentials or places; what was saved before is written with the old ones first.
    void change(StoreSettings settings);

private:
    struct State;
    std::shared_ptr<State> state_; ///< shared with the thread, which a hung disk may make outlive us
    WorkerThread thread_;
};

} // namespace bearerd::auth
