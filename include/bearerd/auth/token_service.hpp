#pragma once

#include <bearerd/auth/token_source.hpp>
#include <bearerd/base/error.hpp>
#include <bearerd/base/stats.hpp>
#include <bearerd/config/config.hpp>
#include <bearerd/net/task.hpp>
#include <bearerd/upstream/transport.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace bearerd::fleet {
class KeyRing;
class Store;
} // namespace bearerd::fleet

namespace bearerd::auth {

class TokenCore;

/// What the status page, /readyz and systemd's STATUS= show. No secrets.
struct AuthStatus {
    /// "empty", "logging_in", "valid", "refreshing", "backing_off", "rejected" or "stopped".
    std::string_view state = "empty";
    std::optional<Duration> expires_in;                    ///< of a token that is still valid
    std::string identity;                                  ///< the token's user, else the configured one
    std::string_view last_login_result = "none";           ///< "none", "ok", "rejected" or "unavailable"
    std::string last_login_reason;                         ///< of a failure, in words
    error_code last_login_code;                            ///< of a login that no answer came to
    std::optional<Duration> next_try;                      ///< until the next login while a back-off lasts
    std::string_view credential = "user name or password"; ///< what a rejected login is about, by auth.kind
    std::string_view credential_key = "credentials.password_file"; ///< config::secret_key()
};

/// What tests replace.
struct ServiceHooks {
    std::function<TimePoint()> clock = &BootClock::now; ///< called from any thread
    std::function<double()> jitter;        ///< in [0, 1), called under a lock; empty: a random one
    std::function<void()> store_reading{}; ///< on the store's thread before it reads: a disk that hangs
    /// Returns the content of the password's file, or nullopt if it can't be used. Called on a separate
    /// thread.
    std::function<std::optional<Secret>(const std::string& path)> read_password{};
};

/// Owns the one token (contract 3): loads the stored one, logs in, renews, adopts and stores, and shares it
/// with other replicas (contract 12). Decisions are the token machine's; all threads share it under a mutex,
/// so that the next request of any thread uses a token that was swapped. Logins run on the first thread only.
///
/// Call start(), reload(), stop(), tick() and the destructor on the first thread, or while its loop does not
/// run; everything else on any thread. Must be destroyed before the io_context of `first`.
class TokenService {
public:
    /// `transport` is used on the first thread only; `stats` is that thread's, and so is `fleet`, which must
    /// outlive the loop's work (nullptr: nothing is shared with other replicas). `fleet_keys` makes the keys
    /// of what is shared, on the first thread; nullptr: one of its own.
    TokenService(net::Executor first, std::shared_ptr<upstream::Transport> transport,
                 std::shared_ptr<const config::Settings> settings, Stats& stats, ServiceHooks hooks = {},
                 fleet::Store* fleet = nullptr, std::shared_ptr<fleet::KeyRing> fleet_keys = nullptr);
    TokenService(const TokenService&) = delete;
    TokenService& operator=(const TokenService&) = delete;
    /// Stops, and waits at most eight seconds for what is still to be stored.
    ~TokenService();

    /// Loads the stored token on a separate thread, waiting for it for at most `auth.login_timeout`, then
    /// logs in if that is needed. Returns at once. The callback is called once, on the first thread, as soon
    /// as the first login was tried or none was needed: the time for systemd's READY=1. It is not called if
    /// stop() comes first.
    void start(std::function<void()> first_login_tried = {});

    /// Makes a token source for the thread of `executor`, which counts in `stats`. It may outlive this object
    /// and the first thread's io_context, but not its own. It serves requests to the upstream that is
    /// configured when it is made: after reload() has named another one, it only gives the token that it has
    /// until that expires.
    [[nodiscard]] std::unique_ptr<TokenSource> make_source(net::Executor executor, Stats& stats);

    /// Takes new settings. Changed credentials are tried at once, whatever the back-off (contract 3.8): with
    /// another password the token stays meanwhile, with another user or upstream it is dropped. A running
    /// login ends first, and its outcome is dropped. Unchanged credentials keep token and back-off.
    void reload(std::shared_ptr<const config::Settings> settings,
                std::shared_ptr<upstream::Transport> transport);

    /// After this no login starts, and all waiting requests fail with `shutting_down`; a valid token can
    /// still be used. Leaves no work on the first thread's loop except a running login, which ends when its
    /// transport is stopped.
    void stop();

    /// Does what is due by the clock. Called by the wake-up timer, and by tests that set the clock.
    void tick();

    [[nodiscard]] AuthStatus status() const;

private:
    std::shared_ptr<TokenCore> core_;
};

} // namespace bearerd::auth
