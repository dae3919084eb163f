#include "token_core.hpp"

#include "account.hpp"

#include <bearerd/auth/jwt.hpp>
#include <bearerd/base/log.hpp>
#include <bearerd/config/password_file.hpp>

#include <boost/asio/post.hpp>

#include <algorithm>
#include <exception>
#include <utility>

namespace bearerd::auth {
namespace {

using namespace std::chrono_literals;
using Action = TokenMachine::Directive::Action;
using StepKind = FleetMachine::Step::Kind;

/// The timer's clock stops while the machine is suspended; looking this often bounds how late a renewal is
/// then.
constexpr Duration longest_sleep = 30s;

/// Whether both log in to the same upstream as the same user.
bool same_user(const config::Settings& a, const config::Settings& b) {
    return a.upstream.url.text == b.upstream.url.text &&
           config::login_account(a) == config::login_account(b) &&
           a.credentials.by_email == b.credentials.by_email;
}

TokenMachine::Directive fail_with(const NoToken& failure) {
    TokenMachine::Directive directive;
    directive.action = Action::fail;
    directive.failure = failure;
    return directive;
}

std::shared_ptr<const config::Credentials>
own_credentials(const std::shared_ptr<const config::Settings>& settings) {
    return {settings, &settings->credentials};
}

/// Returns a reader of real files unless a test supplies its own one.
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

/// Returns the claims of the token, and the user as its answer names it.
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

} // namespace

TokenCore::TokenCore(net::Executor first, std::shared_ptr<upstream::Transport> transport,
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
      store_{*this, machine_, first, stats, hooks_.store_reading},
      login_{*this, first, stats, reader_of(hooks_)},
      wake_timer_{first} {}

Moment TokenCore::moment() {
    const auto jitter = hooks_.jitter ? hooks_.jitter() : std::uniform_real_distribution<double>{0, 1}(dice_);
    return {hooks_.clock(), jitter};
}

std::uint64_t TokenCore::account_epoch() const {
    const std::lock_guard lock{mutex_};
    return account_epoch_;
}

std::uint64_t TokenCore::snapshot(std::uint64_t account_epoch, TokenPtr& token) const {
    const std::lock_guard lock{mutex_};
    if (account_epoch == account_epoch_)
        token = published_;
    return version_.load(std::memory_order_relaxed);
}

Duration TokenCore::login_timeout() const {
    const std::lock_guard lock{mutex_};
    return settings_->auth.login_timeout;
}

AuthStatus TokenCore::status() const {
    const std::lock_guard lock{mutex_};
    const auto at = hooks_.clock();
    AuthStatus status;
    status.state = to_string(machine_.state(at));
    if (const auto token = machine_.good_token(at))
        status.expires_in = token->expires - at;
    const auto name = display_name(*machine_.login_claims());
    status.identity = name.empty() ? user_in_words(*settings_) : std::string{name};
    history_.show(status);
    status.credential = credential_in_words(settings_->auth.kind);
    status.credential_key = config::secret_key(settings_->auth.kind);
    if (const auto next = machine_.next_try(); next && *next > at)
        status.next_try = *next - at;
    return status;
}

TokenMachine::Directive TokenCore::want(const std::shared_ptr<Waiter>& waiter) {
    const std::lock_guard lock{mutex_};
    if (waiter->account_epoch != account_epoch_)
        return fail_with(former_account);
    const auto at = moment();
    auto directive = enroll(machine_.want(at), waiter);
    apply(directive, at.now);
    return directive;
}

TokenMachine::Directive TokenCore::rejected(const std::shared_ptr<Waiter>& waiter, std::uint64_t document) {
    const std::lock_guard lock{mutex_};
    // It was sent for a former upstream or user, and is not sent again for the present one.
    if (waiter->account_epoch != account_epoch_) {
        TokenMachine::Directive directive;
        directive.action = Action::pass;
        return directive;
    }
    const auto at = moment();
    auto directive = enroll(machine_.rejected(waiter->rejected_generation, document, at), waiter);
    apply(directive, at.now);
    return directive;
}

TokenMachine::Directive TokenCore::enroll(TokenMachine::Directive directive,
                                          const std::shared_ptr<Waiter>& waiter) {
    if (directive.action == Action::fail)
        add_cause(directive.failure);
    if (directive.action != Action::wait)
        return directive;
    if (!waiters_.add(waiter, settings_->limits.pending_requests)) {
        directive.action = Action::fail; // a login that the machine wants starts all the same
        directive.failure = {NoToken::Reason::overloaded, 1s};
    }
    return directive;
}

void TokenCore::denied(std::uint64_t account_epoch, std::uint64_t generation, std::uint64_t document) {
    const std::lock_guard lock{mutex_};
    if (account_epoch == account_epoch_)
        machine_.denied(generation, document);
    unproven_login_.store(machine_.unproven_login(), std::memory_order_relaxed);
}

void TokenCore::rejected_in_doubt(std::uint64_t account_epoch, std::uint64_t generation,
                                  std::uint64_t document) {
    const std::lock_guard lock{mutex_};
    if (account_epoch != account_epoch_)
        return;
    const auto at = moment();
    apply(machine_.rejected_in_doubt(generation, document, at), at.now);
}

void TokenCore::accepted(std::uint64_t account_epoch, std::uint64_t generation, std::uint64_t document) {
    const std::lock_guard lock{mutex_};
    if (account_epoch != account_epoch_)
        return;
    machine_.accepted(generation, document);
    unproven_login_.store(machine_.unproven_login(), std::memory_order_relaxed);
}

TokenMachine::Observation TokenCore::observed(std::uint64_t account_epoch, std::uint64_t generation,
                                              TokenMachine::Candidate token, bool login_operation) {
    const std::lock_guard lock{mutex_};
    if (account_epoch != account_epoch_)
        return TokenMachine::Observation::foreign;
    const auto at = moment();
    const auto observation = machine_.observed(generation, std::move(token), login_operation, at);
    if (observation != TokenMachine::Observation::adopted)
        return observation;
    store_.save_token(at.now);
    if (!swap_is_shared_)
        share_swap();
    TokenMachine::Directive directive;
    directive.action = Action::use;
    directive.token = machine_.current();
    release_waiters(directive, at.now);
    apply({}, at.now);
    return observation;
}

void TokenCore::add_cause(NoToken& failure) const noexcept {
    if (failure.reason == NoToken::Reason::login_unavailable)
        failure.cause = history_.cause();
}

/// Does what a directive requires beyond the request itself, under the lock so that all happens in order.
void TokenCore::apply(const TokenMachine::Directive& directive, TimePoint now) {
    unproven_login_.store(machine_.unproven_login(), std::memory_order_relaxed);
    if (machine_.current() != published_) {
        published_ = machine_.current();
        version_.fetch_add(1, std::memory_order_release);
    }
    if (directive.start_login)
        post_login();
    // A later wake-up needs no new timer: the old one fires, checks, and is set again. So a token that is
    // swapped with every answer costs no system call.
    if (const auto wake = machine_.next_wake(); wake && std::min(*wake, now + longest_sleep) < armed_for_) {
        net::asio::post(first_, [self = shared_from_this()] { self->rearm(); });
        armed_for_ = *wake; // until rearm() has run, so that it is posted once
    }
}

void TokenCore::post_login() {
    try {
        net::asio::post(first_, [self = shared_from_this()] { self->login_.run(); });
    } catch (const std::exception&) { // no memory: it has failed, or the machine would wait for its end
        static_cast<void>(
            machine_.login_failed(TokenMachine::FailureKind::unavailable, std::nullopt, moment()));
    }
}

/// Releases the waiters that the directive answers; those that wait for a login go on waiting while one runs.
void TokenCore::release_waiters(const TokenMachine::Directive& directive, TimePoint now) {
    if (directive.action != Action::use && directive.action != Action::fail)
        return;
    waiters_.release(machine_, now, account_epoch_, directive.failure);
}

void TokenCore::rearm() {
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
    } catch (const std::exception&) { // no memory: the next apply() arms it
        const std::lock_guard lock{mutex_};
        armed_for_ = TimePoint::max();
    }
}

void TokenCore::tick() {
    {
        const std::lock_guard lock{mutex_};
        const auto at = moment();
        apply(machine_.tick(at), at.now);
    }
    rearm();
    login_.check_password(); // during a back-off, too
}

void TokenCore::start(std::function<void()> first_login_tried) {
    first_login_tried_ = std::move(first_login_tried);
    auto place = fleet_place(*settings_, *credentials_); // nobody changes them yet
    const std::lock_guard lock{mutex_};
    open_fleet(std::move(place));
    store_.open(*settings_, *credentials_);
    if (store_.is_open())
        return; // on_found() goes on
    const auto at = moment();
    apply(machine_.restored(std::nullopt, at), at.now);
}

void TokenCore::first_try_done(std::unique_lock<std::mutex>& lock) {
    lock.unlock();
    if (const auto report = std::exchange(first_login_tried_, nullptr))
        report();
}

void TokenCore::reload(std::shared_ptr<const config::Settings> settings,
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
    old_store = store_.change(*before, *settings_, *credentials_, credentials, at.now);
    if (!credentials) {
        forget_refresh_token();
        change_fleet(std::move(place));
    }
    apply(credentials ? TokenMachine::Directive{} : machine_.credentials_changed(user, login_.is_sent(), at),
          at.now);
    if (user)
        return;
    // The requests of the former account keep the token that they have. None of them gets one of the present
    // account: guard, journal and look-ups know it as a request of the former one.
    ++account_epoch_;
    release_waiters(fail_with(former_account), at.now);
}

void TokenCore::stop() {
    {
        const std::lock_guard lock{mutex_};
        machine_.stop();
        stopping_ = true;
        release_waiters(fail_with({NoToken::Reason::shutting_down, 1s}), hooks_.clock());
    }
    first_login_tried_ = nullptr;
    login_.stop();
    if (fleet_)
        fleet_->stop(); // releases the lease, so that the others need not wait for its end
    if (wake_timer_)
        wake_timer_->cancel();
    store_.stop();
}

void TokenCore::close() {
    fleet_.reset();
    login_.close();
    wake_timer_.reset();
    store_.close();
    std::unique_ptr<StoreWriter> store; // its end may take a while: after the lock
    std::shared_ptr<upstream::Transport> transport;
    const std::lock_guard lock{mutex_};
    store = store_.take_writer();
    transport = std::move(transport_);
}

/// A hung disk must not keep bearerd from logging in. What it returns later is ignored.
void TokenCore::on_slow_store(std::uint64_t reading) {
    {
        const std::lock_guard lock{mutex_};
        if (!store_.awaits(reading) || stopping_)
            return;
    }
    log::warning("token store can't be read in time; going on without what it holds");
    on_found(reading, {});
}

void TokenCore::on_found(std::uint64_t reading, StoreWriter::Found found) {
    std::unique_lock lock{mutex_};
    if (!store_.awaits(reading))
        return;
    store_.end_reading();
    const auto at = moment();
    const bool needless = machine_.current() != nullptr; // the store was opened by a reload
    std::optional<TokenMachine::Restored> token;
    if (!store_.is_foreign()) {
        if (needless && found.rejections > machine_.rejections())
            store_.save_rejections(at.now); // the next start is not to find what is over
        const bool backs_off =
            !needless && machine_.restored_rejections(found.rejections, at.now + found.next_try, at);
        if (const auto next = machine_.next_try(); backs_off && next && *next > at.now)
            history_.rejected_before(*settings_, *next - at.now);
        if (found.token) {
            token.emplace();
            token->token.claims = parse_claims(found.token->record.token.reveal());
            token->token.value = std::move(found.token->record.token);
            token->login = std::move(found.token->record.login);
            token->life = found.token->record.life;
            token->left = token->life - found.token->age;
        }
        if (!needless && settings_->auth.refresh)
            store_.set_refresh_token(std::move(found.refresh));
    }
    auto directive = machine_.restored(std::move(token), at);
    apply(directive, at.now);
    const auto good = machine_.good_token(at.now);
    if (good && !needless) {
        stats_.token_swaps[SwapSource::store].add();
        const std::int64_t left = ceil_seconds(good->expires - at.now);
        log::info("stored token is used", {{"user", settings_->credentials.user}, {"expires_in_s", left}});
    }
    if (!directive.start_login)
        directive = machine_.want(at);
    release_waiters(directive, at.now);
    if (good || directive.action == Action::fail)
        first_try_done(lock);
}

/// The refresh token belongs to a login or to credentials that were replaced.
void TokenCore::forget_refresh_token() {
    store_.set_refresh_token({});
    login_.forget_refresh_token();
}

std::shared_ptr<const config::Credentials> TokenCore::doubted_credentials() const {
    const std::lock_guard lock{mutex_};
    // No rejection of a static token is counted, and its file is all that can bring another one.
    const bool is_doubted =
        machine_.rejections() > 0 || settings_->auth.kind == config::LoginKind::static_token;
    return is_doubted && !stopping_ && !credentials_->password_file.empty() ? credentials_ : nullptr;
}

void TokenCore::take_password(const std::shared_ptr<const config::Credentials>& before, Secret password) {
    // Only this thread changes them, so that it may read them without the lock. A reload may have brought
    // other credentials meanwhile.
    if (stopping_ || before != credentials_ || password.equals(before->password))
        return;
    if (settings_->auth.kind == config::LoginKind::static_token && !is_sendable_token(password.reveal())) {
        if (unsendable_of_ != before) // once, and not at each look
            log::warning("the static token's file holds no token that can be sent: the former one stays",
                         {{"file", before->password_file}});
        unsendable_of_ = before;
        return;
    }
    unsendable_of_ = nullptr;
    const auto credentials = std::make_shared<const config::Credentials>(
        config::Credentials{before->by_email, before->user, std::move(password), before->password_file});
    auto place = fleet_place(*settings_, *credentials);
    const std::lock_guard lock{mutex_};
    log_new_secret(*settings_, *before, credentials->password);
    credentials_ = credentials;
    forget_refresh_token();
    store_.rekey(*settings_, *credentials_);
    change_fleet(std::move(place));
    const auto at = moment();
    apply(machine_.credentials_changed(true, login_.is_sent(), at), at.now);
}

Secret TokenCore::take_refresh_token() {
    const std::lock_guard lock{mutex_};
    if (!settings_->auth.refresh || !machine_.login_running() || stopping_)
        return {};
    return store_.take_refresh_token();
}

void TokenCore::mark_refresh_token(Secret token, std::function<void(bool is_ours)> report) {
    const std::lock_guard lock{mutex_};
    store_.mark_refresh_token(std::move(token), std::move(report));
}

std::optional<TokenCore::LoginTerms> TokenCore::login_terms() const {
    const std::lock_guard lock{mutex_};
    if (!machine_.login_running() || stopping_)
        return std::nullopt;
    return LoginTerms{transport_, settings_, credentials_};
}

bool TokenCore::login_counts() const {
    const std::lock_guard lock{mutex_};
    return !stopping_ && machine_.login_counts();
}

void TokenCore::login_ended(LoginOutcome outcome, FleetLogin::VisitPtr visit) {
    std::unique_lock lock{mutex_};
    if (stopping_)
        return;
    const auto at = moment();
    const bool was_put_off = outcome.retry_after.value_or(Duration{0}) > Duration{0};
    TokenMachine::Directive directive;
    try {
        directive = take_outcome(std::move(outcome), at);
    } catch (const std::exception&) { // no memory; requests that wait have deadlines of their own
        if (machine_.login_running())
            directive = machine_.login_failed(TokenMachine::FailureKind::unavailable, std::nullopt, at);
    }
    try {
        if (visit)
            leave_fleet(std::move(visit), fleet_report(directive, was_put_off, at.now));
    } catch (const std::exception&) { // no memory: the other replicas do not hear of it
    }
    finish_login(std::move(directive), at.now, lock);
}

/// The login that was wanted has ended with this directive. Releases the lock unless another login follows.
void TokenCore::finish_login(TokenMachine::Directive directive, TimePoint now,
                             std::unique_lock<std::mutex>& lock) {
    if (directive.action == Action::fail)
        add_cause(directive.failure);
    release_waiters(directive, now);
    apply(directive, now);
    if (directive.action != Action::wait)
        first_try_done(lock);
}

/// Whether the answer says that our token, which is still good by what was said before, has just ended. A
/// server that gives the same token until it ends, and rounds the rest of its life, says so.
bool TokenCore::is_spent(const LoginOutcome& outcome, TimePoint now) const {
    const auto token = machine_.good_token(now);
    return outcome.kind == LoginOutcome::Kind::unavailable && outcome.life && token != nullptr &&
           token->value.equals(outcome.token);
}

TokenMachine::Directive TokenCore::take_outcome(LoginOutcome outcome, Moment at) {
    const bool renewed = machine_.good_token(at.now) != nullptr;
    const auto rejections = machine_.rejections();
    TokenMachine::Directive directive;
    if (outcome.kind == LoginOutcome::Kind::accepted || is_spent(outcome, at.now)) {
        TokenMachine::Candidate token;
        token.claims = claims_of(outcome);
        token.life = outcome.life;
        token.value = std::move(outcome.token);
        directive = machine_.login_done(std::move(token), at);
        outcome.reason = "the login brought the old token again, which has expired";
    } else {
        const auto kind = outcome.kind == LoginOutcome::Kind::rejected
                              ? TokenMachine::FailureKind::rejected
                              : TokenMachine::FailureKind::unavailable;
        directive = machine_.login_failed(kind, outcome.retry_after, at);
    }
    if (directive.action == Action::wait) {
        log::info("login dropped: the credentials were changed meanwhile");
        return directive;
    }
    if (directive.action == Action::fail) {
        stats_
            .logins[outcome.kind == LoginOutcome::Kind::rejected ? LoginResult::rejected
                                                                 : LoginResult::unavailable]
            .add();
        history_.failed(*settings_, outcome, directive.failure.retry_after);
        if (outcome.kind == LoginOutcome::Kind::rejected)
            store_.save_rejections(at.now);
        return directive;
    }
    stats_.logins[LoginResult::ok].add();
    stats_.token_swaps[SwapSource::login].add();
    history_.succeeded();
    store_.save_token(at.now);
    store_.set_refresh_token(std::move(outcome.refresh_token));
    if (settings_->auth.refresh)
        store_.save_refresh_token();
    if (rejections > 0)
        store_.save_rejections(at.now);
    log_login(*settings_, outcome.source, renewed, directive.token->expires - at.now);
    return directive;
}

/// Returns where these credentials share logins, or nullptr if they share none: a static token takes no
/// login. Called without the lock, because it may take 30 ms.
FleetLogin::PlacePtr TokenCore::fleet_place(const config::Settings& settings,
                                            const config::Credentials& credentials) const {
    if (store_of_fleet_ == nullptr || settings.auth.kind == config::LoginKind::static_token)
        return nullptr;
    return FleetLogin::place_of(settings, keys_of_fleet_->keys_of(settings, credentials));
}

void TokenCore::open_fleet(FleetLogin::PlacePtr place) {
    swap_is_shared_ = true;
    if (store_of_fleet_ == nullptr || settings_->auth.kind == config::LoginKind::static_token)
        return;
    FleetLogin::World world;
    world.clock = hooks_.clock;
    world.jitter = [self = weak_from_this()] {
        const auto core = self.lock();
        if (!core)
            return 0.0;
        const std::lock_guard lock{core->mutex_};
        return core->moment().jitter;
    };
    world.current = [self = weak_from_this()] {
        const auto core = self.lock();
        return core ? core->token_in_use() : StoreWriter::TokenInUse{};
    };
    world.expect_swaps = [self = weak_from_this()] {
        if (const auto core = self.lock())
            core->expect_swaps();
    };
    fleet_ = std::make_shared<FleetLogin>(first_, *store_of_fleet_, std::move(world));
    change_fleet(std::move(place));
}

/// Shares the logins of other credentials from now on.
void TokenCore::change_fleet(FleetLogin::PlacePtr place) {
    if (store_of_fleet_ == nullptr)
        return;
    if (settings_->auth.kind == config::LoginKind::static_token) {
        if (fleet_)
            fleet_->stop();
        fleet_.reset();
    } else if (!fleet_) {
        return open_fleet(std::move(place));
    } else {
        fleet_->change(std::move(place));
    }
    swap_is_shared_ = !fleet_ || !fleet_->ready();
    login_.ask_fleet_again();
}

/// Lets the next swap be shared. Called without the lock on the first thread, which alone changes `fleet_`.
void TokenCore::expect_swaps() noexcept {
    swap_is_shared_ = !fleet_ || !fleet_->ready();
}

/// Returns the token to share. Takes the lock.
StoreWriter::TokenInUse TokenCore::token_in_use() const {
    const std::lock_guard lock{mutex_};
    return {machine_.good_token(hooks_.clock()), machine_.login_claims(), {}};
}

/// Shares the token that an answer has brought; those that follow soon are stored with it. Any thread.
void TokenCore::share_swap() {
    swap_is_shared_ = true;
    try {
        net::asio::post(first_, [self = shared_from_this()] {
            if (self->fleet_ && !self->fleet_->offer_soon())
                self->expect_swaps(); // no memory: the next swap is shared
        });
    } catch (const std::exception&) { // no memory: the next swap is shared
        swap_is_shared_ = false;
    }
}

std::optional<TokenCore::FleetRequest> TokenCore::fleet_request() const {
    if (!fleet_)
        return std::nullopt;
    const std::lock_guard lock{mutex_};
    if (!machine_.login_running() || stopping_ || !fleet_->ready())
        return std::nullopt;
    const auto now = hooks_.clock();
    return FleetRequest{fleet_, now + settings_->auth.login_timeout, machine_.renewal_due(now)};
}

bool TokenCore::on_verdict(FleetLogin::Verdict verdict, FleetLogin::VisitPtr& visit) {
    std::unique_lock lock{mutex_};
    if (verdict.step.kind == StepKind::later) {
        const auto at = moment();
        if (machine_.put_off_renewal(at)) {
            leave_fleet(std::exchange(visit, nullptr), {});
            finish_login({}, at.now, lock);
            return false;
        }
        verdict.step.kind = StepKind::log_in_alone;
    }
    if (verdict.step.kind == StepKind::log_in || verdict.step.kind == StepKind::log_in_alone) {
        // Those of the other replicas: the back-off goes on from there.
        machine_.learn_rejections(verdict.rejections);
        return true;
    }
    visit.reset(); // FleetLogin::enter() has ended it
    if (stopping_ || !machine_.login_running())
        return false;
    const auto at = moment();
    TokenMachine::Directive directive;
    if (verdict.step.kind == StepKind::adopt && verdict.token)
        directive = adopt(std::move(verdict), at);
    else if (verdict.step.kind == StepKind::locked)
        directive = lock_out(verdict, at);
    else
        directive = put_off(verdict, at);
    finish_login(std::move(directive), at.now, lock);
    return false;
}

TokenMachine::Directive TokenCore::adopt(FleetLogin::Verdict verdict, Moment at) {
    TokenRecord& record = *verdict.token;
    TokenMachine::Candidate token;
    token.claims = parse_claims(record.token.reveal());
    for (auto& claim : record.login.identity)
        if (claim.first == answer_identity)
            token.claims.identity.push_back(std::move(claim));
    token.value = std::move(record.token);
    token.life = verdict.left;
    token.age = std::max(Duration{0}, record.life - verdict.left);
    const auto rejections = machine_.rejections();
    auto directive = machine_.login_done(std::move(token), at);
    if (directive.action != Action::use)
        return directive;
    fleet_->adopted(directive.token->generation);
    stats_.token_swaps[SwapSource::fleet].add();
    history_.succeeded();
    store_.save_token(at.now);
    // It belongs to a login that is not the last one any more.
    forget_refresh_token();
    if (settings_->auth.refresh)
        store_.save_refresh_token();
    if (rejections > 0)
        store_.save_rejections(at.now);
    log::info("token of the fleet is used",
              {{"user", std::string_view{user_in_words(*settings_)}},
               {"expires_in_s", ceil_seconds(directive.token->expires - at.now)}});
    return directive;
}

TokenMachine::Directive TokenCore::lock_out(const FleetLogin::Verdict& verdict, Moment at) {
    auto directive = machine_.locked_out(verdict.rejections, verdict.step.delay, at);
    if (directive.action != Action::fail)
        return directive;
    store_.save_rejections(at.now);
    history_.locked_out(*settings_, directive.failure.retry_after);
    return directive;
}

/// The upstream has asked another replica to try again later, or that replica's login takes too long.
TokenMachine::Directive TokenCore::put_off(const FleetLogin::Verdict& verdict, Moment at) {
    const bool is_put_off = verdict.step.kind == StepKind::put_off;
    const auto wait = is_put_off ? std::optional{verdict.step.delay} : std::nullopt;
    LoginOutcome outcome;
    outcome.reason = is_put_off ? "the upstream has asked another replica of the fleet to try again later"
                                : "another replica of the fleet logs in, and has not finished in time";
    auto directive = machine_.login_failed(TokenMachine::FailureKind::unavailable, wait, at);
    if (directive.action == Action::fail)
        history_.failed(*settings_, outcome, directive.failure.retry_after);
    return directive;
}

/// Returns what the other replicas learn of a login that has ended with this directive. `was_put_off`: its
/// answer said when to try again.
FleetLogin::Report TokenCore::fleet_report(const TokenMachine::Directive& directive, bool was_put_off,
                                           TimePoint now) const {
    FleetLogin::Report report;
    if (directive.action == Action::use) {
        report.kind = FleetLogin::Report::Kind::logged_in;
        report.token = {machine_.current(), machine_.login_claims(), {}};
    } else if (directive.action == Action::fail) {
        if (directive.failure.reason == NoToken::Reason::login_rejected)
            report.kind = FleetLogin::Report::Kind::rejected;
        else if (was_put_off)
            report.kind = FleetLogin::Report::Kind::put_off;
        report.rejections = machine_.rejections();
        report.next_try = std::max(Duration{0}, machine_.next_try().value_or(now) - now);
    }
    return report;
}

void TokenCore::leave_fleet(FleetLogin::VisitPtr visit, FleetLogin::Report report) {
    if (fleet_ && visit)
        fleet_->leave(std::move(visit), std::move(report));
}

} // namespace bearerd::auth
