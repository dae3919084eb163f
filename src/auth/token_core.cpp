#include "token_core.hpp"

#include "account.hpp"

#include <bearerd/base/cause.hpp>
#include <bearerd/config/password_file.hpp>

#include <boost/asio/post.hpp>

#include <algorithm>
#include <exception>

namespace bearerd::auth {
namespace {

using namespace std::chrono_literals;
using Action = TokenMachine::Reply::Action;

/// The timer's clock stops while the machine is suspended; looking this often bounds how late a renewal is
/// then.
constexpr Duration longest_sleep = 30s;

/// Whether both log in to the same upstream as the same user.
bool same_user(const config::Settings& a, const config::Settings& b) {
    return a.upstream.url.text == b.upstream.url.text &&
           config::login_account(a) == config::login_account(b) &&
           a.credentials.by_email == b.credentials.by_email;
}

/// The reply to a request of an account that the configuration no longer names.
TokenMachine::Reply left_behind() {
    TokenMachine::Reply reply;
    reply.action = Action::fail;
    reply.failure = {NoToken::Reason::login_unavailable, 1s};
    return reply;
}

/// A request that was sent for a former user or upstream is never sent for the present one.
void let_pass(std::shared_ptr<Waiter> waiter) {
    const auto executor = waiter->executor;
    net::asio::post(executor, [waiter = std::move(waiter)] {
        waiter->done = true;
        waiter->pass = true;
        waiter->timer.cancel();
    });
}

/// Moves the last reference along, so that the waiter is destroyed on its own thread.
void hand_over(std::shared_ptr<Waiter> waiter, TokenPtr token, bool after_login, NoToken failure) {
    const auto executor = waiter->executor;
    net::asio::post(executor,
                    [waiter = std::move(waiter), token = std::move(token), after_login, failure]() mutable {
                        waiter->done = true;
                        waiter->token = std::move(token);
                        waiter->after_login = after_login;
                        waiter->failure = failure;
                        waiter->timer.cancel();
                    });
}

std::shared_ptr<const config::Credentials>
own_credentials(const std::shared_ptr<const config::Settings>& settings) {
    return {settings, &settings->credentials};
}

/// Uses the real ones unless a test supplies its own.
PasswordReader::Read reader_of(const ServiceHooks& hooks) {
    if (hooks.read_password)
        return hooks.read_password;
    return [](const std::string& path) -> std::optional<Secret> {
        auto password = config::read_password_file(path);
        if (auto* const secret = std::get_if<Secret>(&password))
            return std::move(*secret);
        return std::nullopt;
    };
}

} // namespace

TokenService::Core::Core(net::Executor first, std::shared_ptr<upstream::Transport> transport,
                         std::shared_ptr<const config::Settings> settings, Stats& stats, ServiceHooks hooks,
                         fleet::Store* fleet, std::shared_ptr<fleet::KeyRing> fleet_keys)
    : first_{first},
      hooks_{std::move(hooks)},
      store_of_fleet_{fleet},
      keys_of_fleet_{fleet_keys ? std::move(fleet_keys) : std::make_shared<fleet::KeyRing>()},
      stats_{stats},
      transport_{std::move(transport)},
      settings_{std::move(settings)},
      credentials_{own_credentials(settings_)},
      machine_{settings_->auth, true},
      wake_timer_{first},
      login_timer_{first},
      store_timer_{first},
      password_reader_{first, reader_of(hooks_)} {}

TokenMachine::Moment TokenService::Core::moment() {
    const auto jitter = hooks_.jitter ? hooks_.jitter() : std::uniform_real_distribution<double>{0, 1}(dice_);
    return {hooks_.clock(), jitter};
}

std::uint64_t TokenService::Core::account_epoch() const {
    const std::lock_guard lock{mutex_};
    return account_epoch_;
}

std::uint64_t TokenService::Core::snapshot(std::uint64_t account_epoch, TokenPtr& token) const {
    const std::lock_guard lock{mutex_};
    if (account_epoch == account_epoch_)
        token = published_;
    return version_.load(std::memory_order_relaxed);
}

Duration TokenService::Core::login_timeout() const {
    const std::lock_guard lock{mutex_};
    return settings_->auth.login_timeout;
}

AuthStatus TokenService::Core::status() const {
    const std::lock_guard lock{mutex_};
    const auto at = hooks_.clock();
    AuthStatus status;
    status.state = to_string(machine_.state(at));
    if (const auto token = machine_.good_token(at))
        status.expires_in = token->expires - at;
    const auto name = display_name(*machine_.login_claims());
    status.identity = name.empty() ? user_in_words(*settings_) : std::string{name};
    status.last_login_result = last_result_;
    status.last_login_reason = last_reason_;
    status.last_login_code = last_code_;
    status.credential = credential_in_words(settings_->auth.kind);
    status.credential_key = config::secret_key(settings_->auth.kind);
    if (const auto next = machine_.next_try(); next && *next > at)
        status.next_try = *next - at;
    return status;
}

TokenMachine::Reply TokenService::Core::want(const std::shared_ptr<Waiter>& waiter) {
    const std::lock_guard lock{mutex_};
    if (waiter->account_epoch != account_epoch_)
        return left_behind();
    const auto at = moment();
    auto reply = enroll(machine_.want(at), waiter);
    settle(reply, at.now);
    return reply;
}

TokenMachine::Reply TokenService::Core::refused(const std::shared_ptr<Waiter>& waiter,
                                                std::uint64_t document) {
    const std::lock_guard lock{mutex_};
    // It was sent for a former upstream or user, and is not sent again for the present one.
    if (waiter->account_epoch != account_epoch_) {
        TokenMachine::Reply reply;
        reply.action = Action::pass;
        return reply;
    }
    const auto at = moment();
    auto reply = enroll(machine_.refused(waiter->refused_generation, document, at), waiter);
    settle(reply, at.now);
    return reply;
}

TokenMachine::Reply TokenService::Core::enroll(TokenMachine::Reply reply,
                                               const std::shared_ptr<Waiter>& waiter) {
    if (reply.action == Action::fail)
        add_cause(reply.failure);
    if (reply.action != Action::wait)
        return reply;
    const std::size_t limit = settings_->limits.pending_requests;
    if (waiters_.size() >= limit)
        std::erase_if(waiters_, [](const auto& other) { return other.expired(); });
    if (waiters_.size() >= limit) {
        reply.action = Action::fail; // a login that the machine wants starts all the same
        reply.failure = {NoToken::Reason::overloaded, 1s};
        return reply;
    }
    waiters_.push_back(waiter);
    return reply;
}

void TokenService::Core::denied(std::uint64_t account_epoch, std::uint64_t generation,
                                std::uint64_t document) {
    const std::lock_guard lock{mutex_};
    if (account_epoch == account_epoch_)
        machine_.denied(generation, document);
    unproven_login_.store(machine_.unproven_login(), std::memory_order_relaxed);
}

void TokenService::Core::refused_in_doubt(std::uint64_t account_epoch, std::uint64_t generation,
                                          std::uint64_t document) {
    const std::lock_guard lock{mutex_};
    if (account_epoch != account_epoch_)
        return;
    const auto at = moment();
    settle(machine_.refused_in_doubt(generation, document, at), at.now);
}

void TokenService::Core::accepted(std::uint64_t account_epoch, std::uint64_t generation,
                                  std::uint64_t document) {
    const std::lock_guard lock{mutex_};
    if (account_epoch != account_epoch_)
        return;
    machine_.accepted(generation, document);
    unproven_login_.store(machine_.unproven_login(), std::memory_order_relaxed);
}

TokenMachine::Observation TokenService::Core::observed(std::uint64_t account_epoch, std::uint64_t generation,
                                                       TokenMachine::Candidate token, bool login_operation) {
    const std::lock_guard lock{mutex_};
    if (account_epoch != account_epoch_)
        return TokenMachine::Observation::foreign;
    const auto at = moment();
    const auto observation = machine_.observed(generation, std::move(token), login_operation, at);
    if (observation != TokenMachine::Observation::adopted)
        return observation;
    save_token(at.now);
    if (!swap_is_shared_)
        share_swap();
    TokenMachine::Reply reply;
    reply.action = Action::use;
    reply.token = machine_.current();
    release_waiters(reply, at.now);
    settle({}, at.now);
    return observation;
}

/// Requires the lock.
void TokenService::Core::add_cause(NoToken& failure) const noexcept {
    if (failure.reason == NoToken::Reason::login_unavailable && last_result_ == "unavailable")
        failure.cause = &cause_of(last_code_, last_reason_);
}

/// Does what a reply requires beyond the request itself. Requires the lock, so that all happens in order.
void TokenService::Core::settle(const TokenMachine::Reply& reply, TimePoint now) {
    unproven_login_.store(machine_.unproven_login(), std::memory_order_relaxed);
    if (machine_.current() != published_) {
        published_ = machine_.current();
        version_.fetch_add(1, std::memory_order_release);
    }
    if (reply.start_login)
        post_login();
    // A later wake-up needs no new timer: the old one fires, checks, and is set again. So a token that is
    // swapped with every answer costs no system call.
    if (const auto wake = machine_.next_wake(); wake && std::min(*wake, now + longest_sleep) < armed_for_) {
        net::asio::post(first_, [self = shared_from_this()] { self->rearm(); });
        armed_for_ = *wake; // until rearm() has run, so that it is posted once
    }
}

/// Requires the lock.
void TokenService::Core::post_login() {
    try {
        net::asio::post(first_, [self = shared_from_this()] { self->run_login(); });
    } catch (const std::exception&) { // no memory: it has failed, or the machine would wait for its end
        static_cast<void>(
            machine_.login_failed(TokenMachine::FailureKind::unavailable, std::nullopt, moment()));
    }
}

/// Releases the waiters that the reply answers; those that wait for a login go on waiting while one runs.
void TokenService::Core::release_waiters(const TokenMachine::Reply& reply, TimePoint now) {
    if (reply.action != Action::use && reply.action != Action::fail)
        return;
    const auto token = machine_.good_token(now);
    for (const auto& weak : std::exchange(waiters_, {})) {
        auto waiter = weak.lock();
        if (!waiter)
            continue;
        const auto refused = waiter->refused_generation;
        const bool sent = refused != 0;
        const bool of_former_account = waiter->account_epoch != account_epoch_;
        if (of_former_account && sent)
            let_pass(std::move(waiter));
        else if (of_former_account)
            hand_over(std::move(waiter), nullptr, false, left_behind().failure);
        else if (token && token->generation > refused)
            hand_over(std::move(waiter), token, machine_.login_since(refused), {});
        else
            hand_over(std::move(waiter), nullptr, false, reply.failure);
    }
}

void TokenService::Core::rearm() {
    Duration sleep{};
    {
        const std::lock_guard lock{mutex_};
        const auto wake = machine_.next_wake();
        if (!wake) {
            armed_for_ = TimePoint::max();
            if (wake_timer_)
                wake_timer_->cancel();
            return;
        }
        const auto at = hooks_.clock();
        sleep = std::clamp(*wake - at, Duration{0}, longest_sleep);
        armed_for_ = at + sleep;
    }
    wake_timer_->expires_after(sleep);
    try {
        wake_timer_->async_wait([self = shared_from_this()](error_code error) {
            if (!error)
                self->tick();
        });
    } catch (const std::exception&) { // no memory: the next settle() arms it
        const std::lock_guard lock{mutex_};
        armed_for_ = TimePoint::max();
    }
}

void TokenService::Core::tick() {
    {
        const std::lock_guard lock{mutex_};
        const auto at = moment();
        settle(machine_.tick(at), at.now);
    }
    rearm();
    static_cast<void>(look_at_password(false)); // during a back-off, too
}

void TokenService::Core::start(std::function<void()> first_login_tried) {
    first_login_tried_ = std::move(first_login_tried);
    auto place = fleet_place(*settings_, *credentials_); // nobody changes them yet
    std::unique_lock lock{mutex_};
    open_fleet(std::move(place));
    open_store();
    if (store_)
        return; // on_found() goes on
    const auto at = moment();
    settle(machine_.restored(std::nullopt, at), at.now);
}

void TokenService::Core::first_try_done(std::unique_lock<std::mutex>& lock) {
    lock.unlock();
    if (const auto told = std::exchange(first_login_tried_, nullptr))
        told();
}

void TokenService::Core::reload(std::shared_ptr<const config::Settings> settings,
                                std::shared_ptr<upstream::Transport> transport) {
    std::unique_ptr<StoreWriter> old_store; // its end may take a while: after the lock
    // Only this thread changes them, so that it may read them without the lock.
    const bool user = same_user(*settings_, *settings);
    const bool credentials = user && credentials_->password.equals(settings->credentials.password);
    auto place = credentials ? nullptr : fleet_place(*settings, settings->credentials);
    const std::lock_guard lock{mutex_};
    const auto at = moment();
    const auto before = std::exchange(settings_, std::move(settings));
    transport_ = std::move(transport);
    machine_.configure(settings_->auth);
    credentials_ = own_credentials(settings_);
    stored_is_foreign_ = stored_is_foreign_ || !credentials;
    old_store = change_store(*before, credentials, at.now);
    if (!credentials) {
        forget_refresh_token();
        change_fleet(std::move(place));
    }
    settle(credentials ? TokenMachine::Reply{} : machine_.credentials_changed(user, login_is_sent(), at),
           at.now);
    if (user)
        return;
    // The requests of the former account keep the token that they have. None of them gets one of the present
    // account: guard, journal and look-ups know it as a request of the former one.
    ++account_epoch_;
    release_waiters(left_behind(), at.now);
}

void TokenService::Core::stop() {
    {
        const std::lock_guard lock{mutex_};
        machine_.stop();
        stopping_ = true;
        TokenMachine::Reply reply;
        reply.action = Action::fail;
        reply.failure = {NoToken::Reason::shutting_down, 1s};
        release_waiters(reply, hooks_.clock());
    }
    first_login_tried_ = nullptr;
    login_pending_ = false;
    login_after_look_ = false;
    taking_ = 0;
    asking_ = 0;
    stop_fleet();
    password_reader_.abandon();
    if (wake_timer_)
        wake_timer_->cancel();
    if (login_timer_)
        login_timer_->cancel();
    if (store_timer_)
        store_timer_->cancel();
}

void TokenService::Core::close() {
    fleet_.reset();
    visit_.reset();
    wake_timer_.reset();
    login_timer_.reset();
    store_timer_.reset();
    std::unique_ptr<StoreWriter> store; // its end may take a while: after the lock
    std::shared_ptr<upstream::Transport> transport;
    const std::lock_guard lock{mutex_};
    store = std::move(store_);
    transport = std::move(transport_);
}

} // namespace bearerd::auth
