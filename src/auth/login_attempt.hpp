#pragma once

#include "fleet_login.hpp"
#include "password_reader.hpp"

#include <bearerd/auth/login_codec.hpp>
#include <bearerd/base/stats.hpp>
#include <bearerd/config/config.hpp>
#include <bearerd/net/task.hpp>
#include <bearerd/upstream/transport.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace bearerd::auth {

class TokenCore;

/// The progress of the login that the core wants: reads the password's file if the last login was rejected,
/// asks the other replicas of a fleet, marks the refresh token as used, sends the login, and gives its
/// outcome to the core. A part of the core, which its callbacks keep alive. First thread only. The core's
/// lock must not be held, except where it says so.
class LoginAttempt {
public:
    LoginAttempt(TokenCore& core, net::Executor first, Stats& stats, PasswordReader::Read read);

    /// Begins a login; TokenCore::login_ended() or on_verdict() follows. If the coroutine of the former one
    /// has not ended, waits for that first, so that there are never two at a time.
    void run();

    /// Reads the password's file if there is a reason to (TokenCore::doubted_credentials()); no login waits
    /// for it.
    void check_password() { static_cast<void>(read_password(false)); }

    /// Returns whether a login has been sent, with the credentials of that time, and awaits its outcome. The
    /// lock may be held.
    [[nodiscard]] bool is_sent() const noexcept { return step_ == Step::sent; }

    /// The refresh token that is being marked belongs to credentials that were replaced: it is not sent. The
    /// lock may be held.
    void forget_refresh_token() noexcept { taken_ = {}; }

    /// The fleet knows other credentials now: a login that waits for its answer asks again. The lock may be
    /// held.
    void ask_fleet_again();

    void stop();
    /// Call after stop(): releases the first thread's io_context.
    void close();

private:
    enum class Step : std::uint8_t {
        none, ///< nothing is awaited
        reading_password,
        asking_fleet,
        marking_refresh_token,
        sent,
        given_up, ///< it has an outcome, or stop() was called, but its coroutine has not ended
    };

    std::uint64_t enter(Step step) noexcept;
    [[nodiscard]] std::shared_ptr<LoginAttempt> keep_alive();
    [[nodiscard]] bool read_password(bool for_login);
    void on_password(std::uint64_t look, const std::shared_ptr<const config::Credentials>& before,
                     std::optional<Secret> password);
    void ask_fleet_or_log_in();
    [[nodiscard]] bool ask_fleet();
    [[nodiscard]] static net::Task<void> visit_fleet(std::shared_ptr<LoginAttempt> self, std::uint64_t number,
                                                     std::shared_ptr<FleetLogin> fleet,
                                                     FleetLogin::VisitPtr visit, TimePoint deadline);
    void log_in_here();
    [[nodiscard]] bool mark_refresh_token();
    void on_marked(std::uint64_t number, bool is_ours);
    void send(Secret refresh_token);
    void start(std::shared_ptr<upstream::Transport> transport,
               std::shared_ptr<const config::Settings> settings,
               std::shared_ptr<const config::Credentials> credentials, Secret refresh_token);
    void on_outcome(std::uint64_t number, LoginOutcome outcome);
    void on_coroutine_end();
    void cannot_begin();
    void end(LoginOutcome outcome);

    TokenCore& core_;
    const net::Executor first_;
    Stats& stats_;
    Step step_ = Step::none;
    std::uint64_t number_ = 0; ///< of the step; a callback whose step has another number does nothing
    bool next_waits_ = false;  ///< sent or given_up: the next login begins when the coroutine has ended
    std::optional<net::Timer> timer_; ///< of the step; until close()
    FleetLogin::VisitPtr visit_;      ///< the login's, while the fleet awaits its end
    Secret taken_;                    ///< the refresh token, while it is being marked as used
    PasswordReader password_reader_;
    std::string looking_at_; ///< the password's file that is being read, or empty
    std::uint64_t look_ = 0; ///< the number of that look, or of the last one; not all are for a login
};

} // namespace bearerd::auth
