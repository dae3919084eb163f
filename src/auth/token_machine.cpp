#include "token_machine.hpp"

#include <algorithm>
#include <functional>
#include <utility>

namespace bearerd::auth {
namespace {

using namespace std::chrono_literals;
using Action = TokenMachine::Directive::Action;

/// The longest `Retry-After` that is respected: an upstream's mistake must not close a shop for a day.
constexpr Duration longest_retry_after = 1h;
constexpr Duration longest_unavailable = 30s;

/// After a login that brought the old token again.
constexpr Duration shortest_renewal = 1s;

// The jitter of a back-off only delays: no login is tried earlier than the configuration promises. The jitter
// of a renewal advances it (make_current), and lengthens renewal_pause.
constexpr double rejected_jitter = 0.1;
constexpr double unavailable_jitter = 0.25;
constexpr double renewal_jitter = 0.1;

/// Of a renewal, while the store of the fleet does not answer.
constexpr Duration renewal_pause = 5s;

/// base, 2 base, 4 base, … up to `longest`, for the 1st, 2nd, 3rd, … failure.
Duration doubled(Duration base, std::uint32_t failures, Duration longest) noexcept {
    for (std::uint32_t i = 1; i < failures && base < longest && base > 0ns; ++i)
        base *= 2;
    return std::min(base, longest);
}

std::uint64_t hash_of(const Secret& value) noexcept {
    return std::hash<std::string_view>{}(value.reveal());
}

bool tells_life(const Claims& claims) noexcept {
    return claims.issued_at && claims.expires_at;
}

} // namespace

TokenMachine::Directive TokenMachine::want(Moment at) {
    if (good(at.now)) {
        Directive directive;
        directive.action = Action::use;
        directive.token = current_;
        return directive;
    }
    return start_or_wait(at.now);
}

TokenMachine::Directive TokenMachine::rejected(std::uint64_t generation, std::uint64_t document, Moment at) {
    Directive directive;
    if (is_denied(generation, document, at.now)) {
        directive.action = Action::pass;
        return directive;
    }
    if (good(at.now) && generation < generation_) {
        directive.action = Action::use;
        directive.token = current_;
        directive.after_login = login_since(generation);
        return directive;
    }
    const bool fresh = current_ && current_->from_login && at.now - current_->received < settings_.fresh_for;
    const bool again = made_for_ == document && at.now - login_at_ < settings_.denied_for;
    if (good(at.now) && (fresh || again)) {
        if (!fresh) // the app that caused the login may have gone, or its request was in doubt
            denied(generation, document);
        directive.action = Action::pass;
        return directive;
    }
    directive = start_or_wait(at.now);
    if (directive.start_login)
        running_for_ = document;
    return directive;
}

/// If nothing has been accepted since the login, its token may have been revoked before the document was sent
/// again, and then a login would help. The time is counted from the login, so all denied documents together
/// cause one login in each `denied_for`. It also covers documents that were denied before that login and are
/// rejected with its token: the app that caused the login may have gone before its resend could tell.
bool TokenMachine::is_denied(std::uint64_t generation, std::uint64_t document, TimePoint now) const {
    const bool recent = now - login_at_ < settings_.denied_for;
    if (denied_.has(document))
        return proven_ || recent;
    return recent && generation >= login_generation_ && (set_aside_.has(document) || wavering_.has(document));
}

void TokenMachine::denied(std::uint64_t generation, std::uint64_t document) {
    if (generation < login_generation_)
        return;
    if (made_for_ == document) {
        denied_.add(set_aside_);
        made_for_.reset();
    }
    if (!wavering_.has(document))
        denied_.add(document);
}

TokenMachine::Directive TokenMachine::rejected_in_doubt(std::uint64_t generation, std::uint64_t document,
                                                        Moment at) {
    // Long after the login it may be the token that no longer counts.
    if (made_for_ == document && at.now - login_at_ < settings_.denied_for)
        denied(generation, document);
    return rejected(generation, document, at);
}

void TokenMachine::accepted(std::uint64_t generation, std::uint64_t document) noexcept {
    if (generation < login_generation_)
        return;
    proven_ = true;
    if (made_for_ == document)
        made_for_.reset();
    const bool was_denied = denied_.remove(document);
    const bool was_set_aside = set_aside_.remove(document);
    if (was_denied || was_set_aside)
        wavering_.add(document);
}

void TokenMachine::forget_denied() noexcept {
    denied_.clear();
    set_aside_.clear();
    wavering_.clear();
    made_for_.reset();
}

TokenMachine::Directive TokenMachine::start_or_wait(TimePoint now) {
    renews_ = false;
    Directive directive;
    if (stopped_) {
        directive.action = Action::fail;
        directive.failure = {NoToken::Reason::shutting_down, shortest_renewal};
        return directive;
    }
    directive.action = Action::wait;
    if (running_ || loading_)
        return directive;
    needed_ = true;
    if (failure_ && now < next_try_)
        return fail(now);
    running_ = true;
    running_for_.reset();
    directive.start_login = true;
    return directive;
}

TokenMachine::Directive TokenMachine::fail(TimePoint now) const noexcept {
    Directive directive;
    directive.action = Action::fail;
    directive.failure.reason = failure_ == FailureKind::rejected ? NoToken::Reason::login_rejected
                                                                 : NoToken::Reason::login_unavailable;
    directive.failure.retry_after = std::max(Duration{0}, next_try_ - now);
    return directive;
}

TokenMachine::Observation TokenMachine::observed(std::uint64_t generation, Candidate token,
                                                 bool login_operation, Moment at) {
    if (login_operation)
        return Observation::login_operation;
    const auto hash = hash_of(token.value);
    if (current_ && hash == current_hash_ && current_->value.equals(token.value))
        return Observation::unchanged;
    if (generation < first_generation_ || !same_identity(*login_claims_, token.claims))
        return Observation::foreign;
    if (older(generation, token, hash))
        return Observation::older;
    const auto life = life_of(token.claims);
    make_current(std::move(token), hash, false, at.now, at.now + life, at.jitter);
    needed_ = false;
    return Observation::adopted;
}

bool TokenMachine::older(std::uint64_t generation, const Candidate& token, std::uint64_t hash) const {
    if (replaced_.has(hash))
        return true;
    if (current_) {
        const auto& mine = current_->claims;
        const auto& other = token.claims;
        if (mine.issued_at && other.issued_at && *mine.issued_at != *other.issued_at)
            return *other.issued_at < *mine.issued_at;
        // If only one has `iat`, comparing `exp` would mix two kinds of token: the request's own token
        // decides.
        if (mine.issued_at.has_value() == other.issued_at.has_value() && mine.expires_at && other.expires_at)
            return *other.expires_at < *mine.expires_at;
        if (mine.issued_at && other.issued_at)
            return false;
    }
    return generation != generation_;
}

void TokenMachine::make_current(Candidate token, std::uint64_t hash, bool from_login, TimePoint received,
                                TimePoint expires, double jitter) {
    if (current_ && hash != current_hash_)
        replaced_.add(current_hash_);
    current_hash_ = hash;
    auto next = std::make_shared<Token>();
    next->value = std::move(token.value);
    next->claims = std::move(token.claims);
    next->generation = ++generation_;
    next->received = received;
    next->expires = expires;
    next->from_login = from_login;
    current_ = std::move(next);
    // A third of a short life, so that the token is used at all; the jitter spreads a chain's tills and never
    // delays.
    renew_at_ = expires - scaled(renewal_window(), 1 + renewal_jitter * jitter);
}

Duration TokenMachine::renewal_window() const noexcept {
    return std::min(settings_.refresh_before, (current_->expires - current_->received) / 3);
}

bool TokenMachine::put_off_renewal(Moment at) noexcept {
    if (!running_ || !renews_ || outdated_ || stopped_ || !good(at.now))
        return false;
    const auto next = at.now + scaled(renewal_pause, 1 + renewal_jitter * at.jitter);
    if (next > current_->expires - renewal_window() / 2)
        return false;
    running_ = false;
    needed_ = false;
    renew_at_ = std::max(renew_at_, next);
    return true;
}

TokenMachine::Directive TokenMachine::login_done(Candidate token, Moment at) {
    running_ = false;
    if (outdated_ || stopped_)
        return restart(at.now);
    auto expires = at.now + token.life.value_or(life_of(token.claims));
    // The same token again: if it gives its life, that began at the first receipt. If the answer says that
    // none of it is left, the end known before counts.
    const bool same = current_ && current_->value.equals(token.value);
    const bool spent = token.life && *token.life <= 0ns;
    if ((spent && !same) || (same && (spent || (!token.life && tells_life(token.claims))) && !good(at.now)))
        return login_failed(FailureKind::unavailable, std::nullopt, at);
    if (spent)
        expires = current_->expires;
    else if (same && !token.life && tells_life(token.claims))
        expires = std::min(expires, current_->expires);
    failure_.reset();
    rejections_ = 0;
    outages_ = 0;
    needed_ = false;
    auto denied = std::exchange(denied_, {});
    if (!proven_) // the last login has proved nothing about what was set aside for it
        denied.add(set_aside_);
    const auto wavering = wavering_;
    forget_denied();
    // A token of another replica's login counts as of one's own for as long as a denial without proof holds:
    // else each replica would make a login for the same document. If an older one is rejected too, it may
    // have been revoked, so that nothing is denied and a login follows.
    const bool fresh = token.age <= 0ns || token.age < std::max(settings_.fresh_for, settings_.denied_for);
    if (fresh)
        made_for_ = running_for_;
    if (running_for_) {
        set_aside_ = denied;
        wavering_ = wavering;
    }
    login_claims_ = std::make_shared<const Claims>(token.claims);
    const auto hash = hash_of(token.value);
    const TimePoint received = at.now - token.age;
    make_current(std::move(token), hash, true, received, expires, at.jitter);
    login_generation_ = generation_;
    if (fresh)
        fresh_generation_ = generation_;
    login_at_ = received;
    proven_ = false;
    if (spent)
        renew_at_ = expires; // there is no other one before
    else if (same)
        renew_at_ = std::max(renew_at_, std::min(at.now + shortest_renewal, expires));
    Directive directive;
    directive.action = Action::use;
    directive.token = current_;
    directive.after_login = fresh;
    return directive;
}

TokenMachine::Directive TokenMachine::login_failed(FailureKind kind, std::optional<Duration> retry_after,
                                                   Moment at) {
    running_ = false;
    if (outdated_ || stopped_)
        return restart(at.now);
    failure_ = kind;
    needed_ = true;
    const auto& backoff = settings_.backoff;
    Duration delay{};
    if (kind == FailureKind::rejected) {
        outages_ = 0;
        if (rejections_ < UINT32_MAX)
            ++rejections_;
        delay = scaled(doubled(backoff.rejected, rejections_, longest_rejected_step()),
                       1 + rejected_jitter * at.jitter);
    } else {
        if (outages_ < UINT32_MAX)
            ++outages_;
        const auto longest = std::min(longest_unavailable, backoff.max);
        delay = scaled(doubled(backoff.unavailable, outages_, std::max(longest, backoff.unavailable)),
                       1 + unavailable_jitter * at.jitter);
    }
    if (retry_after)
        delay = std::max(delay, std::min(*retry_after, longest_retry_after));
    next_try_ = at.now + delay;
    return fail(at.now);
}

Duration TokenMachine::longest_rejected_step() const noexcept {
    return std::max(settings_.backoff.max, settings_.backoff.rejected);
}

Duration TokenMachine::longest_rejected_wait() const noexcept {
    return scaled(longest_rejected_step(), 1 + rejected_jitter);
}

TokenMachine::Directive TokenMachine::locked_out(std::uint32_t count, Duration wait, Moment at) {
    running_ = false;
    if (outdated_ || stopped_)
        return restart(at.now);
    failure_ = FailureKind::rejected;
    needed_ = true;
    outages_ = 0;
    rejections_ = std::max({rejections_, count, std::uint32_t{1}});
    next_try_ = at.now + std::min(wait, std::max(longest_rejected_wait(), longest_retry_after));
    return fail(at.now);
}

TokenMachine::Directive TokenMachine::restart(TimePoint now) {
    outdated_ = false;
    return start_or_wait(now);
}

TokenMachine::Directive TokenMachine::restored(std::optional<Restored> token, Moment at) {
    loading_ = false;
    if (token && !current_ && token->left > 0ns) {
        login_claims_ = std::make_shared<const Claims>(std::move(token->login));
        const auto received = at.now - (token->life - token->left);
        const auto hash = hash_of(token->token.value);
        make_current(std::move(token->token), hash, false, received, at.now + token->left, at.jitter);
        needed_ = false;
    }
    return tick(at);
}

bool TokenMachine::restored_rejections(std::uint32_t count, TimePoint next_try, Moment at) {
    if (count == 0 || running_ || failure_)
        return false;
    failure_ = FailureKind::rejected;
    rejections_ = count;
    next_try_ = std::min(next_try, at.now + longest_rejected_wait());
    return true;
}

TokenMachine::Directive TokenMachine::tick(Moment at) {
    const auto wake = next_wake();
    if (!wake || at.now < *wake)
        return {};
    const bool was_needed = needed_;
    auto directive = start_or_wait(at.now);
    renews_ = directive.start_login && !was_needed;
    directive.action = Action::none; // nobody asked
    return directive;
}

TokenMachine::Directive TokenMachine::credentials_changed(bool same_user, bool sent, Moment at) {
    failure_.reset();
    rejections_ = 0;
    outages_ = 0;
    forget_denied();
    needed_ = true;
    renews_ = false;
    if (!same_user) {
        current_.reset();
        login_claims_ = std::make_shared<const Claims>();
        first_generation_ = generation_ + 1;
    }
    outdated_ = running_ && (outdated_ || sent);
    return tick(at);
}

TimePoint TokenMachine::due() const noexcept {
    const auto wish = !current_ || needed_ ? TimePoint{} : renew_at_;
    return failure_ ? std::max(wish, next_try_) : wish;
}

std::optional<TimePoint> TokenMachine::next_wake() const noexcept {
    if (stopped_ || running_ || loading_)
        return std::nullopt;
    return due();
}

std::optional<TimePoint> TokenMachine::next_try() const noexcept {
    return failure_ ? std::optional{next_try_} : std::nullopt;
}

TokenMachine::State TokenMachine::state(TimePoint now) const noexcept {
    if (stopped_)
        return State::stopped;
    if (running_)
        return good(now) ? State::refreshing : State::logging_in;
    if (good(now))
        return State::valid;
    if (failure_)
        return failure_ == FailureKind::rejected ? State::rejected : State::backing_off;
    return loading_ ? State::logging_in : State::empty;
}

std::string_view to_string(TokenMachine::State state) noexcept {
    switch (state) {
    case TokenMachine::State::empty:
        return "empty";
    case TokenMachine::State::logging_in:
        return "logging_in";
    case TokenMachine::State::valid:
        return "valid";
    case TokenMachine::State::refreshing:
        return "refreshing";
    case TokenMachine::State::backing_off:
        return "backing_off";
    case TokenMachine::State::rejected:
        return "rejected";
    case TokenMachine::State::stopped:
        return "stopped";
    }
    return "empty";
}

} // namespace bearerd::auth
