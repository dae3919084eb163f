#include "login_attempt.hpp"

#include "token_core.hpp"

#include <bearerd/auth/login.hpp>
#include <bearerd/base/log.hpp>
#include <bearerd/net/spawn.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

namespace bearerd::auth {
namespace {

/// How long a login waits for a disk: for the password's file, and for the refresh token's mark.
constexpr Duration longest_disk_wait = std::chrono::seconds{2};

} // namespace

LoginAttempt::LoginAttempt(TokenCore& core, net::Executor first, Stats& stats, PasswordReader::Read read)
    : core_{core}, first_{first}, stats_{stats}, timer_{first}, password_reader_{first, std::move(read)} {}

/// Returns the step's number.
std::uint64_t LoginAttempt::enter(Step step) noexcept {
    step_ = step;
    return ++number_;
}

/// Returns a reference that keeps the core alive.
std::shared_ptr<LoginAttempt> LoginAttempt::keep_alive() {
    return {core_.shared_from_this(), this};
}

void LoginAttempt::run() {
    if (step_ == Step::sent || step_ == Step::given_up) {
        next_waits_ = true;
        return;
    }
    try {
        if (read_password(true))
            return;                   // on_password() or the timer goes on
    } catch (const std::exception&) { // no memory: the login is sent with the password that is known
    }
    ask_fleet_or_log_in();
}

/// After a rejected login the password's file is read again, since nobody may send a SIGHUP (contract 3.8).
/// Returns false if there is no reason, no file, or if nothing can be read in time, so that no login waits
/// for it.
bool LoginAttempt::read_password(bool for_login) {
    const auto before = core_.doubted_credentials();
    if (!before)
        return false;
    // A reload may have named another file, while the former one hangs.
    if (const std::string& path = before->password_file; looking_at_ != path) {
        auto report = [weak = std::weak_ptr{keep_alive()}, look = ++look_,
                       before](std::optional<Secret> password) {
            if (const auto login = weak.lock())
                login->on_password(look, before, std::move(password));
        };
        const bool started = password_reader_.start(path, std::move(report));
        looking_at_ = started ? path : std::string{};
    }
    if (looking_at_.empty() || !for_login)
        return false;
    timer_->expires_after(std::min(longest_disk_wait, core_.login_timeout()));
    timer_->async_wait([self = keep_alive(), number = enter(Step::reading_password)](error_code error) {
        if (!error && number == self->number_) // a disk that hangs
            self->ask_fleet_or_log_in();
    });
    return true;
}

void LoginAttempt::on_password(std::uint64_t look, const std::shared_ptr<const config::Credentials>& before,
                               std::optional<Secret> password) {
    if (look == look_)
        looking_at_.clear();
    if (password)
        core_.take_password(before, std::move(*password));
    if (look == look_ && step_ == Step::reading_password)
        ask_fleet_or_log_in();
}

void LoginAttempt::ask_fleet_or_log_in() {
    enter(Step::none);
    try {
        if (ask_fleet())
            return;                   // visit_fleet() goes on
    } catch (const std::exception&) { // no memory: it goes on alone
        enter(Step::none);
    }
    log_in_here();
}

/// Returns false if the login goes on without the fleet.
bool LoginAttempt::ask_fleet() {
    const auto request = core_.fleet_request();
    if (!request)
        return false;
    visit_ = request->fleet->begin(request->renews);
    const auto number = enter(Step::asking_fleet);
    auto task = visit_fleet(keep_alive(), number, request->fleet, visit_, request->deadline);
    net::spawn(first_, std::move(task), "fleet");
    return true;
}

void LoginAttempt::ask_fleet_again() {
    if (step_ != Step::asking_fleet)
        return;
    net::asio::post(first_, [self = keep_alive(), number = enter(Step::none)] {
        if (number == self->number_)
            self->ask_fleet_or_log_in();
    });
}

net::Task<void> LoginAttempt::visit_fleet(std::shared_ptr<LoginAttempt> self, std::uint64_t number,
                                          std::shared_ptr<FleetLogin> fleet, FleetLogin::VisitPtr visit,
                                          TimePoint deadline) {
    FleetLogin::Verdict verdict;
    verdict.step.kind = FleetMachine::Step::Kind::log_in_alone;
    try {
        verdict = co_await fleet->enter(visit, deadline);
    } catch (const std::exception&) { // no memory
    }
    if (number != self->number_)
        co_return fleet->leave(std::move(visit), {});
    self->enter(Step::none);
    try {
        if (self->core_.on_verdict(std::move(verdict), self->visit_))
            self->log_in_here();
    } catch (const std::exception&) {
        self->cannot_begin();
    }
}

void LoginAttempt::log_in_here() {
    bool marking = false;
    try {
        marking = mark_refresh_token();
    } catch (const std::exception&) {
        taken_ = {};
        return cannot_begin();
    }
    if (!marking)
        send({});
}

/// Marks the refresh token as used before it is sent, so that no later process sends it again. Returns
/// false if there is none.
bool LoginAttempt::mark_refresh_token() {
    taken_ = core_.take_refresh_token();
    if (taken_.empty())
        return false;
    const auto number = enter(Step::marking_refresh_token);
    auto report = [weak = std::weak_ptr{keep_alive()}, first = first_, number](bool is_ours) {
        net::asio::post(first, [weak, number, is_ours] {
            if (const auto login = weak.lock())
                login->on_marked(number, is_ours);
        });
    };
    // The timer first, because it ends this if the store does not answer.
    timer_->expires_after(std::min(longest_disk_wait, core_.login_timeout()));
    timer_->async_wait([self = keep_alive(), number](error_code error) {
        if (error || number != self->number_)
            return;
        // The disk hangs: use a login instead, which needs no mark.
        self->stats_.token_store_failures.add();
        log::warning("refresh token can't be marked as used in time: a login follows in its place");
        self->on_marked(number, false);
    });
    core_.mark_refresh_token(taken_.clone(), std::move(report));
    return true;
}

void LoginAttempt::on_marked(std::uint64_t number, bool is_ours) {
    if (number != number_)
        return;
    enter(Step::none);
    Secret token = std::exchange(taken_, {});
    send(is_ours ? std::move(token) : Secret{});
}

void LoginAttempt::send(Secret refresh_token) {
    auto terms = core_.login_terms();
    if (!terms)
        return core_.leave_fleet(std::exchange(visit_, nullptr), {});
    try {
        start(std::move(terms->transport), std::move(terms->settings), std::move(terms->credentials),
              std::move(refresh_token));
    } catch (const std::exception&) { // there is no coroutine whose end is awaited
        cannot_begin();
    }
}

void LoginAttempt::start(std::shared_ptr<upstream::Transport> transport,
                         std::shared_ptr<const config::Settings> settings,
                         std::shared_ptr<const config::Credentials> credentials, Secret refresh_token) {
    const auto number = enter(Step::sent);
    timer_->expires_after(settings->auth.login_timeout);
    timer_->async_wait([self = keep_alive(), number](error_code error) {
        if (error)
            return;
        LoginOutcome outcome;
        outcome.reason = "no answer within auth.login_timeout";
        outcome.code = errc::timed_out;
        self->on_outcome(number, std::move(outcome));
    });
    auto still_wanted = [self = keep_alive(), number] {
        return number == self->number_ && self->core_.login_counts();
    };
    auto login = log_in(std::move(transport), std::move(settings), std::move(credentials),
                        std::move(refresh_token), std::move(still_wanted));
    auto ended = [self = keep_alive(), number](std::exception_ptr problem, LoginOutcome outcome) {
        // log_in() throws only if memory runs out while it begins; the outcome is then the default: failed.
        if (problem)
            outcome.reason = "out of memory";
        try {
            self->on_outcome(number, std::move(outcome));
        } catch (...) {
            self->on_coroutine_end();
            throw;
        }
        self->on_coroutine_end();
    };
    // No cancellation: a transport ends its exchanges by its own deadlines, and does not support unwinding.
    net::asio::co_spawn(first_, std::move(login), std::move(ended));
}

/// The login has an outcome: its answer or its deadline, whichever is first.
void LoginAttempt::on_outcome(std::uint64_t number, LoginOutcome outcome) {
    if (number != number_)
        return;
    enter(Step::given_up); // until on_coroutine_end()
    end(std::move(outcome));
}

void LoginAttempt::on_coroutine_end() {
    enter(Step::none);
    if (std::exchange(next_waits_, false))
        run();
}

/// There is no memory for a login. It counts as failed: otherwise the machine would wait for its end and
/// start no other one.
void LoginAttempt::cannot_begin() {
    enter(Step::none);
    LoginOutcome outcome;
    outcome.reason = "out of memory";
    end(std::move(outcome));
}

void LoginAttempt::end(LoginOutcome outcome) {
    if (timer_)
        timer_->cancel();
    core_.login_ended(std::move(outcome), std::exchange(visit_, nullptr));
}

void LoginAttempt::stop() {
    const bool has_coroutine = step_ == Step::sent || step_ == Step::given_up;
    enter(has_coroutine ? Step::given_up : Step::none);
    next_waits_ = false;
    visit_.reset();
    password_reader_.abandon();
    if (timer_)
        timer_->cancel();
}

void LoginAttempt::close() {
    visit_.reset();
    timer_.reset();
}

} // namespace bearerd::auth
