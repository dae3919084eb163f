#include "warm_keeper.hpp"

#include <bearerd/base/log.hpp>
#include <bearerd/net/spawn.hpp>
#include <bearerd/upstream/pool.hpp>

#include "connection.hpp"

#include <algorithm>
#include <exception>
#include <utility>

namespace bearerd::upstream {
namespace {

using namespace std::chrono_literals;

/// A request that takes longer than this is a stream, or slow: nobody waits for its connection to come back.
constexpr Duration comes_back_soon = 5s;

/// How much later than after a request the next check may be.
constexpr Duration soon = 2s;

/// For when there is no memory for a check.
constexpr Duration look_again = 10s;

} // namespace

WarmKeeper::WarmKeeper(Pool& pool, std::weak_ptr<Pool> self)
    : pool_{pool}, self_{std::move(self)}, look_{pool.clock_, &WarmKeeper::on_look, this} {}

WarmKeeper::~WarmKeeper() {
    set_ready(nullptr);
}

void WarmKeeper::requested(TimePoint now) noexcept {
    if (stopped_)
        return;
    last_request_ = now;
    pool_.health_.let_keep_warm(&pool_);
    if (!look_at_ || *look_at_ > now + soon)
        arm(WarmPlan::first_look(now, dice()));
}

void WarmKeeper::lost(const Connection& connection, TimePoint now) noexcept {
    if (stopped_ || !look_at_)
        return;
    arm(ready_ == &connection ? plan_.lost(now, dice()) : WarmPlan::first_look(now, dice()));
}

void WarmKeeper::stop() noexcept {
    stopped_ = true;
    look_.clear();
    look_at_.reset();
    set_ready(nullptr);
}

void WarmKeeper::arm(TimePoint when) noexcept {
    look_at_ = when;
    look_.set(when);
}

void WarmKeeper::on_look(void* self) noexcept {
    auto& keeper = *static_cast<WarmKeeper*>(self);
    const TimePoint now = BootClock::now();
    keeper.look_at_.reset();
    try {
        keeper.look(now);
    } catch (const std::exception&) {
        keeper.arm(now + look_again);
    }
}

void WarmKeeper::look(TimePoint now) {
    const TimePoint until = last_request_ + pool_.settings_.keep_warm.period;
    if (stopped_)
        return;
    if (now >= until || !pool_.health_.keeps_warm(&pool_)) {
        set_ready(nullptr);
        end_probes();
        return;
    }
    pool_.learn_from_idle(now);
    const Connection* best = nullptr;
    const WarmPlan::View seen = view(now, best);
    const WarmPlan::Step step = plan_.next(seen, dice());
    set_ready(step.ready ? best : nullptr);
    if (step.dial)
        start_dial();
    if (step.look_at)
        arm(std::min(*step.look_at, until));
}

WarmPlan::View WarmKeeper::view(TimePoint now, const Connection*& best) {
    const Duration recent = pool_.settings_.reuse_for_mutations;
    const Duration most = pool_.settings_.idle_timeout;
    WarmPlan::View view;
    Duration youngest_lived{}; // of those that have carried no request
    view.now = now;
    view.dialing = dialing_;
    const bool full = pool_.open_ >= pool_.share_ && pool_.idle_.empty();
    view.busy = full || (!pool_.busy_.empty() && now - last_request_ < comes_back_soon);
    for (const auto& connection : pool_.idle_) {
        const Duration usable = std::min(most, usable_age(pool_.known_limit(*connection, now), recent));
        const TimePoint last_use = connection->last_used();
        if (connection->idle_kind() == IdleKind::unused) {
            view.learning = true;
            youngest_lived = connection->noted_age();
        }
        if (now - last_use >= usable)
            continue;
        if (!pool_.may_carry_mutation(*connection, now)) {
            view.silent = true;
        } else if (!view.last_use || *view.last_use + view.usable_age < last_use + usable) {
            view.last_use = last_use;
            view.usable_age = usable;
            best = connection.get();
        }
    }
    if (!pool_.idle_.empty())
        endpoint_ = pool_.idle_.back()->endpoint();
    const KnownLimit of_new =
        endpoint_ ? pool_.health_.idle_limits().known(*endpoint_, IdleKind::unused, now) : KnownLimit{};
    view.usable_age_of_new = std::min(most, usable_age(of_new, recent));
    view.futile = of_new.closes_at.has_value();
    view.outlived = of_new.closes_at && youngest_lived > clearly_beyond(*of_new.closes_at);
    return view;
}

void WarmKeeper::start_dial() {
    auto pool = self_.lock();
    if (!pool)
        return;
    auto dialed = dial(pool);
    pool->replacing_ = pool->open_ >= pool->share_; // what is idle stays until its successor is there
    dialing_ = true;
    ++pool->open_;
    net::spawn(pool->context_.get_executor(), std::move(dialed), "a connection made ahead");
}

/// Has a place in the pool already. A failure is not reported to health and log: no request has met it.
net::Task<void> WarmKeeper::dial(std::shared_ptr<Pool> pool) {
    bool success = false;
    try {
        auto result = co_await pool->dialer_.dial(TimePoint::max());
        pool->replacing_ = false;
        if (auto* dialed = std::get_if<Dialed>(&result)) {
            if (pool->open_ > pool->share_ && !pool->idle_.empty())
                pool->drop_idle(*pool->idle_.front());
            const auto connection = pool->adopt(std::move(*dialed));
            success = true;
            pool->release(*connection, true);
        } else {
            log::debug("a connection made ahead of need failed",
                       {{"reason", std::string_view{std::get<Failure>(result).detail}}});
        }
    } catch (const std::exception& problem) { // as for lack of memory
        log::debug("a connection made ahead of need failed", {{"reason", std::string_view{problem.what()}}});
    }
    pool->replacing_ = false; // after an exception
    if (!success)
        pool->connection_closed();
    pool->stats_.warm_dials[success ? WarmDial::ok : WarmDial::failed].add();
    dialing_ = false;
    if (stopped_)
        co_return;
    const TimePoint now = BootClock::now();
    plan_.dial_ended(success, now, dice());
    arm(now); // to see what is ready now
}

void WarmKeeper::end_probes() noexcept {
    for (const auto& connection : pool_.idle_)
        connection->stop_probes();
}

void WarmKeeper::set_ready(const Connection* connection) noexcept {
    if ((ready_ == nullptr) != (connection == nullptr))
        pool_.stats_.upstream_warm.add(connection == nullptr ? -1 : 1);
    ready_ = connection;
}

} // namespace bearerd::upstream
