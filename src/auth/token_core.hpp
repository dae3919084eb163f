#pragma once

#include "fleet_login.hpp"
#include "login_attempt.hpp"
#include "login_history.hpp"
#include "token_machine.hpp"
#include "token_store.hpp"
#include "waiting_requests.hpp"

#include <bearerd/auth/login_codec.hpp>
#include <bearerd/auth/token_service.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <random>

namespace bearerd::auth {

/// What all threads share. A mutex guards the machine; it is locked when a token changes, not when one is
/// used. Timers and logins belong to the first thread.
class TokenCore : public std::enable_shared_from_this<TokenCore> {
public:
    TokenCore(net::Executor first, std::shared_ptr<upstream::Transport> transport,
              std::shared_ptr<const config::Settings> settings, Stats& stats, ServiceHooks hooks,
              fleet::Store* fleet, std::shared_ptr<fleet::KeyRing> fleet_keys);

    // Any thread.
    [[nodiscard]] TimePoint now() const { return hooks_.clock(); }

    [[nodiscard]] std::uint64_t version() const noexcept { return version_.load(std::memory_order_acquire); }

    /// Returns the number of the account that the token is for; it grows when a reload names another upstream
    /// or user. A token source keeps the number at which it was made, so that requests of the former account
    /// never get the new one's token, and answers to them never affect it.
    [[nodiscard]] std::uint64_t account_epoch() const;
    /// Returns the version and its token; these stay unchanged for another account_epoch.
    [[nodiscard]] std::uint64_t snapshot(std::uint64_t account_epoch, TokenPtr& token) const;
    [[nodiscard]] Duration login_timeout() const;
    [[nodiscard]] AuthStatus status() const;
    /// If the directive is `wait`, the waiter is registered (or the directive turned into `fail`,
    /// overloaded).
    [[nodiscard]] TokenMachine::Directive want(const std::shared_ptr<Waiter>& waiter);
    [[nodiscard]] TokenMachine::Directive rejected(const std::shared_ptr<Waiter>& waiter,
                                                   std::uint64_t document);
    void denied(std::uint64_t account_epoch, std::uint64_t generation, std::uint64_t document);
    /// Starts a login if one is needed; nobody waits for it.
    void rejected_in_doubt(std::uint64_t account_epoch, std::uint64_t generation, std::uint64_t document);
    void accepted(std::uint64_t account_epoch, std::uint64_t generation, std::uint64_t document);

    /// TokenMachine::unproven_login(), without the lock.
    [[nodiscard]] std::uint64_t unproven_login() const noexcept {
        return unproven_login_.load(std::memory_order_relaxed);
    }

    [[nodiscard]] TokenMachine::Observation observed(std::uint64_t account_epoch, std::uint64_t generation,
                                                     TokenMachine::Candidate token, bool login_operation);

    // The first thread.
    void start(std::function<void()> first_login_tried);
    void reload(std::shared_ptr<const config::Settings> settings,
                std::shared_ptr<upstream::Transport> transport);
    void stop();
    /// Call after stop(): releases the store and the first thread's io_context, which a token source may
    /// outlive.
    void close();
    void tick();

    // The first thread, for LoginAttempt. These take the lock, except leave_fleet().
    /// Returns the credentials whose file is worth another look, since the last login was rejected or the
    /// token is static; nullptr if there is no reason or no file.
    [[nodiscard]] std::shared_ptr<const config::Credentials> doubted_credentials() const;
    /// The file of these credentials holds this password.
    void take_password(const std::shared_ptr<const config::Credentials>& before, Secret password);

    struct FleetRequest {
        std::shared_ptr<FleetLogin> fleet;
        TimePoint deadline;
        bool renews = false; ///< the token in use was not rejected, but will expire soon
    };

    /// Returns what to ask the fleet about the login that is wanted, or nullopt if it goes on without it.
    [[nodiscard]] std::optional<FleetRequest> fleet_request() const;
    /// Does what the fleet has decided. Returns whether the login goes on here; otherwise it has ended, and
    /// with it the visit.
    [[nodiscard]] bool on_verdict(FleetLogin::Verdict verdict, FleetLogin::VisitPtr& visit);
    /// Ends a visit, if there is one. Takes no lock; it may be held.
    void leave_fleet(FleetLogin::VisitPtr visit, FleetLogin::Report report);
    /// Returns the refresh token, which is the caller's from then on; empty if there is none, or no login is
    /// wanted any more.
    [[nodiscard]] Secret take_refresh_token();
    void mark_refresh_token(Secret token, std::function<void(bool is_ours)> report);

    struct LoginTerms {
        std::shared_ptr<upstream::Transport> transport;
        std::shared_ptr<const config::Settings> settings;
        std::shared_ptr<const config::Credentials> credentials;
    };

    /// Returns what to log in with, or nullopt if no login is wanted any more.
    [[nodiscard]] std::optional<LoginTerms> login_terms() const;
    /// Returns whether the outcome of the login that was sent still counts.
    [[nodiscard]] bool login_counts() const;
    /// The login that was wanted has ended. `visit`: nullptr if the fleet does not await that.
    void login_ended(LoginOutcome outcome, FleetLogin::VisitPtr visit);

    // The first thread, for TokenStore. Both take the lock.
    void on_found(std::uint64_t reading, StoreWriter::Found found);
    void on_slow_store(std::uint64_t reading);

private:
    // These require the lock, except rearm(), fleet_place(), token_in_use() and expect_swaps().
    [[nodiscard]] Moment moment();
    [[nodiscard]] TokenMachine::Directive enroll(TokenMachine::Directive directive,
                                                 const std::shared_ptr<Waiter>& waiter);
    void add_cause(NoToken& failure) const noexcept;
    void apply(const TokenMachine::Directive& directive, TimePoint now);
    void post_login();
    void release_waiters(const TokenMachine::Directive& directive, TimePoint now);
    void rearm();
    void forget_refresh_token();
    void first_try_done(std::unique_lock<std::mutex>& lock);

    [[nodiscard]] TokenMachine::Directive take_outcome(LoginOutcome outcome, Moment at);
    [[nodiscard]] bool is_spent(const LoginOutcome& outcome, TimePoint now) const;
    void finish_login(TokenMachine::Directive directive, TimePoint now, std::unique_lock<std::mutex>& lock);

    [[nodiscard]] FleetLogin::PlacePtr fleet_place(const config::Settings& settings,
                                                   const config::Credentials& credentials) const;
    void open_fleet(FleetLogin::PlacePtr place);
    void change_fleet(FleetLogin::PlacePtr place);
    [[nodiscard]] StoreWriter::TokenInUse token_in_use() const;
    void expect_swaps() noexcept;
    void share_swap();
    [[nodiscard]] TokenMachine::Directive adopt(FleetLogin::Verdict verdict, Moment at);
    [[nodiscard]] TokenMachine::Directive lock_out(const FleetLogin::Verdict& verdict, Moment at);
    [[nodiscard]] TokenMachine::Directive put_off(const FleetLogin::Verdict& verdict, Moment at);
    [[nodiscard]] FleetLogin::Report fleet_report(const TokenMachine::Directive& directive, bool was_put_off,
                                                  TimePoint now) const;

    const net::Executor first_;
    const ServiceHooks hooks_;
    fleet::Store* const store_of_fleet_;                  ///< nullptr: nothing is shared
    const std::shared_ptr<fleet::KeyRing> keys_of_fleet_; ///< the first thread's
    Stats& stats_;                                        ///< the first thread's

    mutable std::mutex mutex_; ///< guards what follows, up to the next blank line
    std::minstd_rand dice_{std::random_device{}()};
    std::shared_ptr<upstream::Transport> transport_;
    std::shared_ptr<const config::Settings> settings_;
    /// Those of the settings, or with the password that has been written to their file since.
    std::shared_ptr<const config::Credentials> credentials_;
    TokenMachine machine_;
    std::uint64_t account_epoch_ = 1;
    TokenPtr published_;
    WaitingRequests waiters_;
    TimePoint armed_for_ = TimePoint::max(); ///< when the timer will look again
    bool stopping_ = false;
    LoginHistory history_;
    TokenStore store_;
    /// Nothing is shared, or a swap that will be stored is under way already. Set under the lock, but cleared
    /// without it, since the first thread may have it then.
    std::atomic<bool> swap_is_shared_{false};

    std::atomic<std::uint64_t> version_{0};
    std::atomic<std::uint64_t> unproven_login_{0};

    // The first thread's:
    std::shared_ptr<FleetLogin> fleet_; ///< nullptr: nothing is shared
    LoginAttempt login_;
    /// Those whose file was reported to hold no token that can be sent; nullptr since it holds one.
    std::shared_ptr<const config::Credentials> unsendable_of_;
    std::optional<net::Timer> wake_timer_; ///< until close()
    std::function<void()> first_login_tried_;
};

} // namespace bearerd::auth
