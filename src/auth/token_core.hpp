#pragma once

#include "fleet_login.hpp"
#include "password_reader.hpp"
#include "store_writer.hpp"
#include "token_machine.hpp"

#include <bearerd/auth/login_codec.hpp>
#include <bearerd/auth/token_service.hpp>

#include <atomic>
#include <mutex>
#include <random>
#include <vector>

namespace bearerd::auth {

/// One request that waits for a login. Made, awaited and destroyed on its own thread; the core keeps a weak
/// reference and posts the result.
struct Waiter {
    Waiter(net::Executor own, std::uint64_t from, std::uint64_t refused)
        : executor{own}, timer{own}, account_epoch{from}, refused_generation{refused} {}

    net::Executor executor;
    net::Timer timer;                       ///< its deadline; cancelling it wakes the request
    const std::uint64_t account_epoch;      ///< its token source's
    const std::uint64_t refused_generation; ///< of the token that was rejected; 0: the request has none yet
    bool done = false;
    TokenPtr token; ///< nullptr: `failure` says why
    bool after_login = false;
    bool pass = false; ///< it was sent for a user or upstream that a reload has replaced
    NoToken failure;
};

/// What all threads share. A mutex guards the machine; it is locked when a token changes, not when one is
/// used. Timers and logins belong to the first thread.
class TokenService::Core : public std::enable_shared_from_this<TokenService::Core> {
public:
    Core(net::Executor first, std::shared_ptr<upstream::Transport> transport,
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
    /// If the reply is `wait`, the waiter is registered (or the reply turned into `fail`, overloaded).
    [[nodiscard]] TokenMachine::Reply want(const std::shared_ptr<Waiter>& waiter);
    [[nodiscard]] TokenMachine::Reply refused(const std::shared_ptr<Waiter>& waiter, std::uint64_t document);
    void denied(std::uint64_t account_epoch, std::uint64_t generation, std::uint64_t document);
    /// Starts a login if one is needed; nobody waits for it.
    void refused_in_doubt(std::uint64_t account_epoch, std::uint64_t generation, std::uint64_t document);
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

private:
    [[nodiscard]] TokenMachine::Moment moment();
    [[nodiscard]] TokenMachine::Reply enroll(TokenMachine::Reply reply,
                                             const std::shared_ptr<Waiter>& waiter);
    void add_cause(NoToken& failure) const noexcept;
    void settle(const TokenMachine::Reply& reply, TimePoint now);
    void post_login();
    void release_waiters(const TokenMachine::Reply& reply, TimePoint now);
    void rearm();
    void open_store();
    [[nodiscard]] std::unique_ptr<StoreWriter> change_store(const config::Settings& before,
                                                            bool same_credentials, TimePoint now);
    void rekey_store();
    void save_token(TimePoint now);
    void save_rejections(TimePoint now);
    void save_refresh_token();
    void forget_refresh_token();
    void on_found(std::uint64_t reading, StoreWriter::Found found);
    void on_slow_store(std::uint64_t reading);
    void first_try_done(std::unique_lock<std::mutex>& lock);

    [[nodiscard]] FleetLogin::PlacePtr fleet_place(const config::Settings& settings,
                                                   const config::Credentials& credentials) const;
    void open_fleet(FleetLogin::PlacePtr place);
    void change_fleet(FleetLogin::PlacePtr place);
    [[nodiscard]] StoreWriter::TokenInUse token_in_use() const;
    void expect_swaps() noexcept;
    [[nodiscard]] bool enter_fleet();
    [[nodiscard]] static net::Task<void> visit_fleet(std::shared_ptr<Core> self, std::uint64_t asking,
                                                     FleetLogin::VisitPtr visit, TimePoint deadline);
    void on_fleet(FleetLogin::Verdict verdict);
    [[nodiscard]] TokenMachine::Reply adopt(FleetLogin::Verdict verdict, TokenMachine::Moment at);
    [[nodiscard]] TokenMachine::Reply lock_out(const FleetLogin::Verdict& verdict, TokenMachine::Moment at);
    [[nodiscard]] FleetLogin::Report fleet_report(const TokenMachine::Reply& reply, bool was_put_off,
                                                  TimePoint now) const;
    void leave_fleet(FleetLogin::Report report);
    void share_swap();
    void stop_fleet() noexcept;

    void run_login();
    [[nodiscard]] bool look_at_password(bool then_login);
    void on_password(std::uint64_t look, std::shared_ptr<const config::Credentials> before,
                     std::optional<Secret> password);
    void take_password(const std::shared_ptr<const config::Credentials>& before, Secret password);
    [[nodiscard]] bool login_is_sent() const noexcept;
    void begin_login();
    void begin_own_login();
    void cannot_begin();
    [[nodiscard]] bool take_refresh_token();
    void on_refresh_token(std::uint64_t taking, bool taken);
    void send_login(Secret refresh_token);
    void start_attempt(std::shared_ptr<upstream::Transport> transport,
                       std::shared_ptr<const config::Settings> settings,
                       std::shared_ptr<const config::Credentials> credentials, Secret refresh_token);
    void end_login(std::uint64_t attempt, LoginOutcome outcome);
    void conclude(TokenMachine::Reply reply, TimePoint now, std::unique_lock<std::mutex>& lock);
    void login_over();
    [[nodiscard]] bool is_spent(const LoginOutcome& outcome, TimePoint now) const;
    [[nodiscard]] TokenMachine::Reply apply(LoginOutcome outcome, TokenMachine::Moment at);
    void log_failure(const LoginOutcome& outcome, Duration next_try);

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
    std::vector<std::weak_ptr<Waiter>> waiters_;
    TimePoint armed_for_ = TimePoint::max(); ///< when the timer will look again
    bool stopping_ = false;
    bool stored_is_foreign_ = false; ///< other credentials came before the store was read
    std::string_view last_result_ = "none";
    std::string last_reason_;
    error_code last_code_;
    Secret refresh_token_; ///< not used yet; empty: the next renewal is a login
    std::unique_ptr<StoreWriter> store_;
    /// Nothing is shared, or a swap that will be stored is under way already. Set under the lock, but cleared
    /// without it, since the first thread may have it then.
    std::atomic<bool> swap_is_shared_{false};
    std::uint64_t readings_ = 0; ///< stores that were opened
    std::uint64_t reading_ = 0;  ///< the number of the one whose content is awaited; 0: none is

    std::atomic<std::uint64_t> version_{0};
    std::atomic<std::uint64_t> unproven_login_{0};

    // The first thread's:
    std::shared_ptr<FleetLogin> fleet_;    ///< nullptr: nothing is shared
    FleetLogin::VisitPtr visit_;           ///< of the login that runs
    std::uint64_t askings_ = 0;            ///< visits that were begun
    std::uint64_t asking_ = 0;             ///< the number of the one that a login waits for; 0: none does
    std::optional<net::Timer> wake_timer_; ///< until close()
    std::optional<net::Timer> login_timer_;
    std::optional<net::Timer> store_timer_;
    PasswordReader password_reader_;
    std::string looking_at_;          ///< the password's file that is being read, or empty
    std::uint64_t look_ = 0;          ///< the number of that look, or of the last one
    bool login_after_look_ = false;   ///< a login waits for that
    Secret taken_;                    ///< the refresh token, while it is being marked as used
    std::uint64_t takings_ = 0;       ///< the number of refresh tokens marked so far
    std::uint64_t taking_ = 0;        ///< the number of the one that a login waits for; 0: none does
    std::uint64_t attempt_ = 0;       ///< the number of the last login that was begun
    std::uint64_t ended_attempt_ = 0; ///< the last one that has an outcome
    bool attempt_alive_ = false;      ///< its coroutine has not ended, though it may have been given up
    bool login_pending_ = false;      ///< the next one begins when it has
    std::uint64_t failures_ = 0;      ///< in a row, for the log
    std::function<void()> first_login_tried_;
};

} // namespace bearerd::auth
