#include "token_core.hpp"

#include "account.hpp"

#include <bearerd/auth/jwt.hpp>
#include <bearerd/auth/login.hpp>
#include <bearerd/base/cause.hpp>
#include <bearerd/base/log.hpp>

#include <boost/asio/co_spawn.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <exception>

/// The part of the core that logs in; all of it on the first thread.
namespace bearerd::auth {
namespace {

/// How long a login waits for the password's file; after that it is sent with the old password.
constexpr Duration longest_look = std::chrono::seconds{2};

std::string_view success_in_words(LoginOutcome::Source source, bool renewed) noexcept {
    if (source == LoginOutcome::Source::refresh)
        return "token renewed by the refresh token";
    if (source == LoginOutcome::Source::file)
        return "token read from its file";
    return renewed ? "token renewed by a login" : "logged in";
}

/// The claims of the token, and the user as its answer names it.
Claims claims_of(const LoginOutcome& outcome) {
    constexpr std::size_t longest_identity = 256;
    Claims claims = parse_claims(outcome.token.reveal());
    if (!outcome.identity.empty())
        claims.identity.emplace_back(answer_identity, outcome.identity.substr(0, longest_identity));
    if (outcome.source == LoginOutcome::Source::file) {
        // Only the API knows when it ends: the token's own claims may be from another day.
        claims.issued_at.reset();
        claims.expires_at.reset();
    }
    return claims;
}

/// The file of a password, a client secret or a static token has new content.
void log_new_secret(config::LoginKind kind, const config::Credentials& before) {
    if (kind == config::LoginKind::static_token)
        log::info("the static token's file has changed: the new token is used",
                  {{"file", before.password_file}});
    else if (kind == config::LoginKind::oauth2_client_credentials)
        log::info("the client secret's file has changed: the new secret is tried",
                  {{"client_id", before.user}, {"file", before.password_file}});
    else
        log::info("the password's file has changed: the new password is tried",
                  {{"user", before.user}, {"file", before.password_file}});
}

/// What transactions are named by in the fleet's store does not follow a password that its file has got since
/// (contract 12): it comes from the settings' password.
void warn_of_split_fleet(const config::Settings& settings, const Secret& password) {
    const bool by_password =
        settings.fleet.on() && settings.fleet.key_file.empty() && settings.transactions.guard();
    if (by_password && !password.equals(settings.credentials.password))
        log::warning(
            "shared transactions are still named by the former password: this replica shares none with those "
            "that start or reload with the new one; reload all of them, and set fleet.key_file",
            {{"file", settings.credentials.password_file}});
}

/// What a rejected login most likely means.
std::string_view rejection_in_words(config::LoginKind kind, std::string_view reason) noexcept {
    if (kind == config::LoginKind::graphql)
        return "login rejected: user name or password are wrong";
    if (reason.find("invalid_scope") != std::string_view::npos)
        return "login rejected: the server does not grant auth.scope to this client";
    return "login rejected: client_id or the client's secret are wrong, or the client may not log in so";
}

/// Only failures with these numbers in a row are logged, so that a long outage does not fill the disk.
bool worth_a_line(std::uint64_t failures) noexcept {
    return failures <= 3 || failures % 20 == 0;
}

} // namespace

void TokenService::Core::run_login() {
    if (attempt_alive_) { // given up, but not gone: never two at a time
        login_pending_ = true;
        return;
    }
    bool looks = false;
    try {
        looks = look_at_password(true);
    } catch (const std::exception&) { // no memory: the login is sent with the password that is known
        login_after_look_ = false;
    }
    if (!looks)
        begin_login();
}

/// After a rejected login the password's file is read again, since nobody may send a SIGHUP (contract 3.8).
/// Returns false if there is no reason, no file, or if nothing can be read in time, so that no login waits
/// for it.
bool TokenService::Core::look_at_password(bool then_login) {
    std::shared_ptr<const config::Credentials> before;
    Duration look_time = longest_look;
    {
        const std::lock_guard lock{mutex_};
        // A static token that was refused is not counted: its file is all that can bring another.
        const bool is_static = settings_->auth.kind == config::LoginKind::static_token;
        if (stopping_ || (machine_.rejections() == 0 && !(is_static && then_login)) ||
            credentials_->password_file.empty())
            return false;
        before = credentials_;
        look_time = std::min(look_time, settings_->auth.login_timeout);
    }
    // A reload may have named another file, while the former one hangs.
    if (const std::string& path = before->password_file; looking_at_ != path) {
        auto told = [self = weak_from_this(), look = ++look_, before](std::optional<Secret> password) {
            if (const auto core = self.lock())
                core->on_password(look, before, std::move(password));
        };
        const bool started = password_reader_.start(path, std::move(told));
        looking_at_ = started ? path : std::string{};
    }
    if (looking_at_.empty() || !then_login)
        return false;
    login_after_look_ = true;
    login_timer_->expires_after(look_time);
    login_timer_->async_wait([self = shared_from_this()](error_code error) {
        if (!error && std::exchange(self->login_after_look_, false)) // a disk that hangs
            self->begin_login();
    });
    return true;
}

void TokenService::Core::on_password(std::uint64_t look, std::shared_ptr<const config::Credentials> before,
                                     std::optional<Secret> password) {
    if (look == look_)
        looking_at_.clear();
    if (password)
        take_password(before, std::move(*password));
    if (look == look_ && std::exchange(login_after_look_, false))
        begin_login();
}

void TokenService::Core::take_password(const std::shared_ptr<const config::Credentials>& before,
                                       Secret password) {
    // Only this thread changes them, so that it may read them without the lock. A reload may have brought
    // other credentials meanwhile.
    if (stopping_ || before != credentials_ || password.equals(before->password))
        return;
    if (settings_->auth.kind == config::LoginKind::static_token && !is_sendable_token(password.reveal())) {
        log::warning("the static token's file holds no token that can be sent: the former one stays",
                     {{"file", before->password_file}});
        return;
    }
    const auto credentials = std::make_shared<const config::Credentials>(
        config::Credentials{before->by_email, before->user, std::move(password), before->password_file});
    auto place = fleet_place(*settings_, *credentials);
    const std::lock_guard lock{mutex_};
    log_new_secret(settings_->auth.kind, *before);
    warn_of_split_fleet(*settings_, credentials->password);
    credentials_ = credentials;
    rekey_store();
    change_fleet(std::move(place));
    const auto at = moment();
    settle(machine_.credentials_changed(true, login_is_sent(), at), at.now);
}

/// Whether the running login, if any, has already been sent, with the credentials of that time.
bool TokenService::Core::login_is_sent() const noexcept {
    return attempt_alive_ && !login_pending_;
}

void TokenService::Core::begin_login() {
    try {
        if (fleet_ && enter_fleet())
            return;                   // on_fleet() goes on
    } catch (const std::exception&) { // no memory: it goes on alone
        asking_ = 0;
    }
    begin_own_login();
}

void TokenService::Core::begin_own_login() {
    bool taking = false;
    try {
        taking = take_refresh_token();
    } catch (const std::exception&) {
        taking_ = 0;
        taken_ = {};
        return cannot_begin();
    }
    if (!taking)
        send_login({});
}

/// There is no memory for a login. It counts as failed: otherwise the machine would wait for its end and
/// start no other one.
void TokenService::Core::cannot_begin() {
    LoginOutcome outcome;
    outcome.reason = "out of memory";
    end_login(++attempt_, std::move(outcome));
}

/// Marks the refresh token as used before it is sent, so that no later process sends it again. Returns
/// false if there is none.
bool TokenService::Core::take_refresh_token() {
    const std::lock_guard lock{mutex_};
    if (refresh_token_.empty() || !settings_->auth.refresh || !machine_.login_running() || stopping_)
        return false;
    taken_ = std::exchange(refresh_token_, {});
    const auto taking = taking_ = ++takings_;
    auto told = [self = weak_from_this(), first = first_, taking](bool taken) {
        net::asio::post(first, [self, taking, taken] {
            if (const auto core = self.lock())
                core->on_refresh_token(taking, taken);
        });
    };
    // The timer first, because it ends this if the store does not answer.
    login_timer_->expires_after(std::min(longest_look, settings_->auth.login_timeout));
    login_timer_->async_wait([self = shared_from_this(), taking](error_code error) {
        if (error || taking != self->taking_)
            return;
        // The disk hangs: use a login instead, which needs no mark.
        self->stats_.token_store_failures.add();
        log::warning("refresh token can't be marked as used in time: a login follows in its place");
        self->on_refresh_token(taking, false);
    });
    if (store_)
        store_->take_refresh(taken_.clone(), std::move(told));
    else
        told(true); // nobody else can have it
    return true;
}

void TokenService::Core::on_refresh_token(std::uint64_t taking, bool taken) {
    if (taking != taking_)
        return;
    taking_ = 0;
    Secret token = std::exchange(taken_, {});
    send_login(taken ? std::move(token) : Secret{});
}

void TokenService::Core::send_login(Secret refresh_token) {
    std::shared_ptr<upstream::Transport> transport;
    std::shared_ptr<const config::Settings> settings;
    std::shared_ptr<const config::Credentials> credentials;
    {
        const std::lock_guard lock{mutex_};
        if (!machine_.login_running() || stopping_) {
            leave_fleet({});
            return;
        }
        transport = transport_;
        settings = settings_;
        credentials = credentials_;
    }
    attempt_alive_ = true;
    try {
        start_attempt(std::move(transport), std::move(settings), std::move(credentials),
                      std::move(refresh_token));
    } catch (const std::exception&) {
        attempt_alive_ = false; // there is no coroutine that would reset it
        cannot_begin();
    }
}

void TokenService::Core::start_attempt(std::shared_ptr<upstream::Transport> transport,
                                       std::shared_ptr<const config::Settings> settings,
                                       std::shared_ptr<const config::Credentials> credentials,
                                       Secret refresh_token) {
    const auto attempt = ++attempt_;
    login_timer_->expires_after(settings->auth.login_timeout);
    login_timer_->async_wait([self = shared_from_this(), attempt](error_code error) {
        if (error)
            return;
        LoginOutcome outcome;
        outcome.reason = "no answer within auth.login_timeout";
        outcome.code = errc::timed_out;
        self->end_login(attempt, std::move(outcome));
    });
    auto still_wanted = [self = shared_from_this(), attempt] {
        const std::lock_guard lock{self->mutex_};
        return !self->stopping_ && attempt != self->ended_attempt_ && self->machine_.login_counts();
    };
    auto login = log_in(std::move(transport), std::move(settings), std::move(credentials),
                        std::move(refresh_token), std::move(still_wanted));
    auto ended = [self = shared_from_this(), attempt](std::exception_ptr problem, LoginOutcome outcome) {
        // log_in() throws only if memory runs out while it begins; the outcome is then the default: failed.
        if (problem)
            outcome.reason = "out of memory";
        try {
            self->end_login(attempt, std::move(outcome));
        } catch (...) {
            self->login_over();
            throw;
        }
        self->login_over();
    };
    // No cancellation: a transport ends its exchanges by its own deadlines, and does not support unwinding.
    net::asio::co_spawn(first_, std::move(login), std::move(ended));
}

/// The coroutine has ended.
void TokenService::Core::login_over() {
    attempt_alive_ = false;
    if (std::exchange(login_pending_, false))
        run_login();
}

/// The attempt has an outcome: its answer or its deadline, whichever is first.
void TokenService::Core::end_login(std::uint64_t attempt, LoginOutcome outcome) {
    if (attempt != attempt_ || attempt == ended_attempt_)
        return;
    ended_attempt_ = attempt;
    std::unique_lock lock{mutex_};
    if (stopping_)
        return;
    login_timer_->cancel();
    const auto at = moment();
    const bool was_put_off = outcome.retry_after.value_or(Duration{0}) > Duration{0};
    TokenMachine::Reply reply;
    try {
        reply = apply(std::move(outcome), at);
    } catch (const std::exception&) { // no memory; requests that wait have deadlines of their own
        if (machine_.login_running())
            reply = machine_.login_failed(TokenMachine::FailureKind::unavailable, std::nullopt, at);
    }
    try {
        if (visit_)
            leave_fleet(fleet_report(reply, was_put_off, at.now));
    } catch (const std::exception&) { // no memory: the other replicas do not hear of it
    }
    conclude(std::move(reply), at.now, lock);
}

/// The login that was wanted has ended.
void TokenService::Core::conclude(TokenMachine::Reply reply, TimePoint now,
                                  std::unique_lock<std::mutex>& lock) {
    if (reply.action == TokenMachine::Reply::Action::fail)
        add_cause(reply.failure);
    release_waiters(reply, now);
    settle(reply, now);
    if (reply.action != TokenMachine::Reply::Action::wait)
        first_try_done(lock);
}

/// Whether the answer says that our token, which is still good by what was said before, has just ended. A
/// server that gives the same token until it ends, and rounds the rest of its life, says so.
bool TokenService::Core::is_spent(const LoginOutcome& outcome, TimePoint now) const {
    const auto token = machine_.good_token(now);
    return outcome.kind == LoginOutcome::Kind::unavailable && outcome.life && token != nullptr &&
           token->value.equals(outcome.token);
}

TokenMachine::Reply TokenService::Core::apply(LoginOutcome outcome, TokenMachine::Moment at) {
    const bool renewed = machine_.good_token(at.now) != nullptr;
    const auto rejections = machine_.rejections();
    TokenMachine::Reply reply;
    if (outcome.kind == LoginOutcome::Kind::accepted || is_spent(outcome, at.now)) {
        TokenMachine::Candidate token;
        token.claims = claims_of(outcome);
        token.life = outcome.life;
        token.value = std::move(outcome.token);
        reply = machine_.login_done(std::move(token), at);
        outcome.reason = "the login brought the old token again, which has expired";
    } else {
        const auto kind = outcome.kind == LoginOutcome::Kind::rejected
                              ? TokenMachine::FailureKind::rejected
                              : TokenMachine::FailureKind::unavailable;
        reply = machine_.login_failed(kind, outcome.retry_after, at);
    }
    if (reply.action == TokenMachine::Reply::Action::wait) {
        log::info("login dropped: the credentials were changed meanwhile");
        return reply;
    }
    if (reply.action == TokenMachine::Reply::Action::fail) {
        stats_
            .logins[outcome.kind == LoginOutcome::Kind::rejected ? LoginResult::rejected
                                                                 : LoginResult::unavailable]
            .add();
        log_failure(outcome, reply.failure.retry_after);
        if (outcome.kind == LoginOutcome::Kind::rejected)
            save_rejections(at.now);
        return reply;
    }
    failures_ = 0;
    stats_.logins[LoginResult::ok].add();
    stats_.token_swaps[SwapSource::login].add();
    last_result_ = "ok";
    last_reason_.clear();
    last_code_.clear();
    save_token(at.now);
    refresh_token_ = std::move(outcome.refresh_token);
    if (settings_->auth.refresh)
        save_refresh_token();
    if (rejections > 0)
        save_rejections(at.now);
    const auto left = ceil_seconds(reply.token->expires - at.now);
    const std::string user = user_in_words(*settings_);
    const std::array<log::Field, 2> fields{{{"user", user}, {"expires_in_s", left}}};
    const bool quiet = outcome.source == LoginOutcome::Source::file && renewed; // nothing was sent
    log::write(quiet ? log::Level::debug : log::Level::info, success_in_words(outcome.source, renewed),
               fields);
    return reply;
}

void TokenService::Core::log_failure(const LoginOutcome& outcome, Duration next_try) {
    const bool rejected = outcome.kind == LoginOutcome::Kind::rejected;
    const std::string_view result = rejected ? "rejected" : "unavailable";
    failures_ = last_result_ == result ? failures_ + 1 : 1;
    last_result_ = result;
    last_reason_ = outcome.reason;
    last_code_ = outcome.code;
    const auto next = ceil_seconds(next_try);
    // Each rejected login is worth a line: they are far apart, and somebody has to act.
    if (rejected)
        log::error(
            rejection_in_words(settings_->auth.kind, outcome.reason),
            {{"user", settings_->credentials.user}, {"reason", outcome.reason}, {"next_try_in_s", next}});
    else if (worth_a_line(failures_))
        log::warning("login unavailable", {{"reason", outcome.reason},
                                           {"advice", cause_of(outcome.code, outcome.reason).advice},
                                           {"next_try_in_s", next},
                                           {"failures", static_cast<std::int64_t>(failures_)}});
}

} // namespace bearerd::auth
