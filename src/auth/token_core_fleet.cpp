#include "account.hpp"
#include "token_core.hpp"

#include <bearerd/auth/jwt.hpp>
#include <bearerd/base/log.hpp>
#include <bearerd/net/spawn.hpp>

#include <boost/asio/post.hpp>

#include <algorithm>
#include <cstdint>
#include <exception>
#include <utility>

/// The part of the core that shares logins with other replicas (contract 12); nearly all of it on the first
/// thread.
namespace bearerd::auth {
namespace {

using StepKind = FleetMachine::Step::Kind;
using Action = TokenMachine::Reply::Action;

} // namespace

/// Without the lock, because it may take 30 ms: what these credentials share, or nullptr. A static token
/// takes no login, so there is nothing to share.
FleetLogin::PlacePtr TokenService::Core::fleet_place(const config::Settings& settings,
                                                     const config::Credentials& credentials) const {
    if (store_of_fleet_ == nullptr || settings.auth.kind == config::LoginKind::static_token)
        return nullptr;
    return FleetLogin::place_of(settings, keys_of_fleet_->keys_of(settings, credentials));
}

/// Under the lock.
void TokenService::Core::open_fleet(FleetLogin::PlacePtr place) {
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

/// Under the lock: the credentials are other ones.
void TokenService::Core::change_fleet(FleetLogin::PlacePtr place) {
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
    if (std::exchange(asking_, 0) != 0) // the login that waits for the fleet asks again
        net::asio::post(first_, [self = shared_from_this()] { self->begin_login(); });
}

/// On the first thread, which alone changes what `fleet_` is.
void TokenService::Core::expect_swaps() noexcept {
    swap_is_shared_ = !fleet_ || !fleet_->ready();
}

StoreWriter::TokenInUse TokenService::Core::token_in_use() const {
    const std::lock_guard lock{mutex_};
    return {machine_.good_token(hooks_.clock()), machine_.login_claims(), {}};
}

/// Under the lock, any thread: an answer has brought another token. Those that follow soon are stored with
/// it.
void TokenService::Core::share_swap() {
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

/// Returns false if the login goes on without the fleet.
bool TokenService::Core::enter_fleet() {
    Duration timeout{};
    bool renews = false;
    {
        const std::lock_guard lock{mutex_};
        if (!machine_.login_running() || stopping_ || !fleet_->ready())
            return false;
        timeout = settings_->auth.login_timeout;
        renews = machine_.renewal_due(hooks_.clock());
    }
    visit_ = fleet_->begin(renews);
    asking_ = ++askings_;
    net::spawn(first_, visit_fleet(shared_from_this(), asking_, visit_, hooks_.clock() + timeout), "fleet");
    return true;
}

net::Task<void> TokenService::Core::visit_fleet(std::shared_ptr<Core> self, std::uint64_t asking,
                                                FleetLogin::VisitPtr visit, TimePoint deadline) {
    const auto fleet = self->fleet_;
    FleetLogin::Verdict verdict;
    verdict.step.kind = StepKind::log_in_alone;
    try {
        verdict = co_await fleet->enter(visit, deadline);
    } catch (const std::exception&) { // no memory
    }
    if (asking != self->asking_)
        co_return fleet->leave(std::move(visit), {});
    try {
        self->on_fleet(std::move(verdict));
    } catch (const std::exception&) {
        self->cannot_begin();
    }
}

void TokenService::Core::on_fleet(FleetLogin::Verdict verdict) {
    asking_ = 0;
    std::unique_lock lock{mutex_};
    if (verdict.step.kind == StepKind::later) {
        const auto at = moment();
        if (machine_.put_off_renewal(at)) {
            leave_fleet({});
            return conclude({}, at.now, lock);
        }
        verdict.step.kind = StepKind::log_in_alone;
    }
    if (verdict.step.kind == StepKind::log_in || verdict.step.kind == StepKind::log_in_alone) {
        // Those of the other replicas: the back-off goes on from there.
        machine_.learn_rejections(verdict.rejections);
        lock.unlock();
        return begin_own_login();
    }
    visit_.reset();
    if (stopping_ || !machine_.login_running())
        return;
    const auto at = moment();
    TokenMachine::Reply reply;
    if (verdict.step.kind == StepKind::adopt && verdict.token) {
        reply = adopt(std::move(verdict), at);
    } else if (verdict.step.kind == StepKind::locked) {
        reply = lock_out(verdict, at);
    } else {
        const bool is_put_off = verdict.step.kind == StepKind::put_off;
        const auto wait = is_put_off ? std::optional{verdict.step.delay} : std::nullopt;
        LoginOutcome outcome;
        outcome.reason = is_put_off ? "the upstream has asked another replica of the fleet to try again later"
                                    : "another replica of the fleet logs in, and has not finished in time";
        reply = machine_.login_failed(TokenMachine::FailureKind::unavailable, wait, at);
        if (reply.action == Action::fail)
            log_failure(outcome, reply.failure.retry_after);
    }
    conclude(std::move(reply), at.now, lock);
}

TokenMachine::Reply TokenService::Core::adopt(FleetLogin::Verdict verdict, TokenMachine::Moment at) {
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
    auto reply = machine_.login_done(std::move(token), at);
    if (reply.action != Action::use)
        return reply;
    fleet_->adopted(reply.token->generation);
    failures_ = 0;
    stats_.token_swaps[SwapSource::fleet].add();
    last_result_ = "ok";
    last_reason_.clear();
    last_code_.clear();
    save_token(at.now);
    // It belongs to a login that is not the last one any more.
    forget_refresh_token();
    if (settings_->auth.refresh)
        save_refresh_token();
    if (rejections > 0)
        save_rejections(at.now);
    log::info("token of the fleet is used", {{"user", std::string_view{user_in_words(*settings_)}},
                                             {"expires_in_s", ceil_seconds(reply.token->expires - at.now)}});
    return reply;
}

TokenMachine::Reply TokenService::Core::lock_out(const FleetLogin::Verdict& verdict,
                                                 TokenMachine::Moment at) {
    auto reply = machine_.locked_out(verdict.rejections, verdict.step.delay, at);
    if (reply.action != Action::fail)
        return reply;
    last_result_ = "rejected";
    last_reason_ = "another replica was rejected with these credentials";
    last_code_.clear();
    save_rejections(at.now);
    log::warning("login not tried: another replica of the fleet was rejected with these credentials",
                 {{"user", std::string_view{settings_->credentials.user}},
                  {"next_try_in_s", ceil_seconds(reply.failure.retry_after)}});
    return reply;
}

/// What the other replicas learn about a login that has ended with this reply. `was_put_off`: its
/// answer said when to try again. Under the lock.
FleetLogin::Report TokenService::Core::fleet_report(const TokenMachine::Reply& reply, bool was_put_off,
                                                    TimePoint now) const {
    FleetLogin::Report report;
    if (reply.action == Action::use) {
        report.kind = FleetLogin::Report::Kind::logged_in;
        report.token = {machine_.current(), machine_.login_claims(), {}};
    } else if (reply.action == Action::fail) {
        if (reply.failure.reason == NoToken::Reason::login_rejected)
            report.kind = FleetLogin::Report::Kind::rejected;
        else if (was_put_off)
            report.kind = FleetLogin::Report::Kind::put_off;
        report.rejections = machine_.rejections();
        report.next_try = std::max(Duration{0}, machine_.next_try().value_or(now) - now);
    }
    return report;
}

/// Releases the lease, so that the others need not wait for its end.
void TokenService::Core::stop_fleet() noexcept {
    visit_.reset();
    if (fleet_)
        fleet_->stop();
}

void TokenService::Core::leave_fleet(FleetLogin::Report report) {
    if (fleet_ && visit_)
        fleet_->leave(std::exchange(visit_, nullptr), std::move(report));
}

} // namespace bearerd::auth
