#include <bearerd/upstream/pool.hpp>

#include <bearerd/base/cause.hpp>
#include <bearerd/base/log.hpp>
#include <bearerd/http/byte_buffer.hpp>
#include <bearerd/http/head_text.hpp>
#include <bearerd/net/stream_socket.hpp>
#include <bearerd/net/wait_until.hpp>

#include "connection.hpp"
#include "warm_keeper.hpp"

#include <malloc.h>

#include <algorithm>
#include <exception>
#include <utility>

namespace bearerd::upstream {
namespace {

using namespace std::chrono_literals;

/// An older connection is replaced: it would tie us to an address that the name may have left.
constexpr Duration oldest = 1h;

/// How often to check whether a burst of requests is over.
constexpr Duration tidying_interval = 1s;

/// How many idle connections are examined before a mutation. The oldest teach most.
constexpr std::size_t most_asked = 8;

/// If memory runs out, this lesson is lost.
template<class Learn>
void try_to(Learn learn) noexcept {
    try {
        learn();
    } catch (const std::exception&) { // such as lack of memory
    }
}

} // namespace

/// A request's place in the queue for a connection, from when it first finds none until it gets one or gives
/// up. A request that is woken and finds nothing, because a connection has ended meanwhile, keeps its place.
class Pool::Queued {
public:
    /// `first`: before all others. For a login, which may be what they need, and which may have a place that
    /// they may not.
    Queued(Pool& pool, bool first)
        : pool_{pool},
          turn_{pool.context_.get_executor()},
          place_{pool.waiting_.insert(first ? pool.waiting_.begin() : pool.waiting_.end(), this)} {}

    Queued(const Queued&) = delete;
    Queued& operator=(const Queued&) = delete;

    ~Queued() {
        pool_.waiting_.erase(place_);
        if (pool_.has_room()) // it may have been woken for it, and has not used it
            pool_.wake_next();
    }

    /// Waits until it is woken, the time is over, or the pool is stopped.
    [[nodiscard]] net::Task<void> wait(TimePoint until) {
        woken_ = false;
        return net::wait_until(turn_, pool_.clock_, until);
    }

    /// Whether it has been woken since it began to wait.
    [[nodiscard]] bool is_woken() const noexcept { return woken_; }

    void wake() noexcept {
        woken_ = true;
        turn_.set();
    }

    void stop() noexcept { turn_.set(); }

private:
    Pool& pool_;
    net::Event turn_;
    bool woken_ = false;
    std::list<Queued*>::iterator place_; // last: nothing can fail once it is in the queue
};

void Health::succeeded() noexcept {
    if (state_.load(std::memory_order_relaxed) == View::State::up)
        return;
    const auto before = state_.exchange(View::State::up);
    if (before == View::State::down)
        log::info("upstream is back");
}

void Health::failed(error_code code, const std::string& reason) {
    const auto before = state_.exchange(View::State::down);
    {
        const std::lock_guard lock{mutex_};
        last_error_ = reason;
        last_code_ = code;
        last_error_at_ = BootClock::now();
    }
    if (before != View::State::down)
        log::warning("upstream can't be reached",
                     {{"reason", std::string_view{reason}}, {"advice", cause_of(code, reason).advice}});
}

Health::View Health::view() const {
    const std::lock_guard lock{mutex_};
    return {state_.load(), last_error_, last_code_, last_error_at_};
}

Pool::Pool(net::asio::io_context& context, net::DeadlineClock& clock, const config::Upstream& settings,
           TlsContext* tls, std::size_t share, std::size_t most_waiting, Stats& stats, Health& health)
    : context_{context},
      clock_{clock},
      settings_{settings},
      share_{share},
      most_waiting_{most_waiting},
      stats_{stats},
      health_{health},
      dialer_{context, clock, settings, tls},
      tidying_{clock, &Pool::on_tidying, this} {
    // A login and a connection that is being replaced may be added. So releasing one needs no memory.
    idle_.reserve(share_ + 2);
}

Pool::~Pool() {
    close_idle();
}

net::Task<SendResult> Pool::send(OutgoingRequest request) {
    if (request.now == TimePoint{})
        request.now = BootClock::now();
    const bool deferred = defers_sends() && !has_to_queue(request);
    if (deferred) {
        if (!std::exchange(after_burst_, true))
            tidying_.set_after(tidying_interval);
        ++starting_;
        co_await net::end_of_turn(context_.get_executor());
        --starting_;
        request.now = BootClock::now();
    }
    if (warm_ && !request.beyond_limit) // a login alone keeps nothing warm
        warm_->requested(request.now);
    bool waited = false;
    while (true) {
        ConnectionPtr connection = has_to_queue(request) ? nullptr : take_idle(request);
        if (!connection) {
            if (request.requester != nullptr)
                request.requester->about_to_wait();
            waited = true;
            auto checked_out = co_await checkout(request);
            if (auto* failed = std::get_if<Failure>(&checked_out))
                co_return std::move(*failed);
            connection = std::get<ConnectionPtr>(std::move(checked_out));
            request.now = BootClock::now();
        }
        // The last check before the first byte: a client that gave up may have asked again already.
        if ((waited || deferred) && request.requester != nullptr && request.requester->gone()) {
            release(*connection, true);
            co_return Failure{errc::closed, Stage::connecting, false, {}};
        }
        std::optional<Failure> failed;
        try {
            failed = co_await connection->exchange(request);
            if (failed && request.requester != nullptr && connection->has_head())
                request.requester->broke_off(connection->head());
        } catch (...) { // such as lack of memory: it costs the connection, not its place
            release(*connection, false);
            throw;
        }
        if (!failed) {
            health_.succeeded();
            learn_from_answer(*connection, request.now);
            co_return ExchangePtr{connection.get()};
        }
        learn_from_failure(*connection, *failed, request.now);
        release(*connection, false);
        // If a kept connection was dead before one byte was written, nothing was sent, so this is no attempt.
        const bool untouched = failed->stage == Stage::connecting && failed->reused;
        if (!untouched || failed->code == errc::timed_out || failed->code == errc::shutting_down)
            co_return std::move(*failed);
        if (request.requester != nullptr)
            request.requester->about_to_wait();
        waited = true;
        request.now = BootClock::now();
    }
}

net::Task<Pool::CheckoutResult> Pool::checkout(OutgoingRequest request) {
    std::optional<Queued> queued;
    TimePoint until{}; // one bound over all waits
    while (true) {
        if (stopped_)
            co_return Failure{errc::shutting_down, Stage::connecting, false, {}};
        if (queued || !has_to_queue(request)) {
            if (ConnectionPtr connection = take_idle(request))
                co_return std::move(connection);
            if (open_ < most_open() + (request.beyond_limit ? 1 : 0)) {
                queued.reset();
                co_return co_await open_new(request.give_up);
            }
            if (!idle_.empty()) { // none of them is usable
                drop_idle(*idle_.front());
                continue;
            }
        }
        if (!queued) {
            if (waiting_.size() >= most_waiting_)
                co_return Failure{errc::overloaded, Stage::connecting, false, {}};
            queued.emplace(*this, request.beyond_limit);
            until = std::min(request.now + settings_.connect_timeout, request.give_up);
        }
        co_await queued->wait(until);
        if (!queued->is_woken() && !stopped_)
            co_return Failure{errc::connection_limit, Stage::connecting, false, {}};
        request.now = BootClock::now();
    }
}

/// First come, first served: what is free belongs to those who wait already, whether or not they have been
/// resumed yet.
bool Pool::has_to_queue(const OutgoingRequest& request) const noexcept {
    if (waiting_.empty() || request.beyond_limit)
        return false;
    const std::size_t can_be_opened = open_ < most_open() ? most_open() - open_ : 0;
    return idle_.size() + can_be_opened <= waiting_.size();
}

bool Pool::has_room() const noexcept {
    return !idle_.empty() || open_ < most_open();
}

void Pool::wake_next() noexcept {
    const auto next = std::ranges::find_if_not(waiting_, &Queued::is_woken);
    if (next != waiting_.end())
        (*next)->wake();
}

Pool::ConnectionPtr Pool::take_idle(const OutgoingRequest& request) {
    if (stopped_ || request.new_connection)
        return nullptr;
    const TimePoint now = request.now;
    if (request.may_mutate && !idle_.empty() && idle_.back()->is_long_idle())
        learn_from_idle(now);
    // Starts with the most recently used, which is the least likely to be stale.
    for (std::size_t left = idle_.size(); left != 0; --left) {
        ConnectionPtr connection = idle_[left - 1];
        if (request.may_mutate && !may_carry_mutation(*connection, now))
            continue;
        if (now - connection->last_used() >= settings_.idle_timeout ||
            now - connection->opened_at() >= oldest) {
            drop_idle(*connection);
            continue;
        }
        if (const Peer peer = connection->look_for_peer(); peer != Peer::there) {
            drop_ended(*connection, peer);
            continue;
        }
        if (warm_)
            warm_->taken(*connection);
        busy_.push_back(connection);
        idle_.erase(idle_.begin() + static_cast<std::ptrdiff_t>(left - 1));
        connection->check_out(now);
        publish_counts();
        return connection;
    }
    return nullptr;
}

net::Task<Pool::CheckoutResult> Pool::open_new(TimePoint give_up) {
    ++open_;
    try {
        co_return co_await connect(give_up);
    } catch (...) { // see send()
        connection_closed();
        throw;
    }
}

/// Already has a place; releases it if it does not connect.
net::Task<Pool::CheckoutResult> Pool::connect(TimePoint give_up) {
    auto dialed = co_await dialer_.dial(give_up);
    if (auto* failed = std::get_if<Failure>(&dialed)) {
        if (failed->code != errc::shutting_down)
            health_.failed(failed->code,
                           failed->code.message() + (failed->detail.empty() ? "" : ": " + failed->detail));
        connection_closed();
        co_return std::move(*failed);
    }
    co_return adopt(std::get<Dialed>(std::move(dialed)));
}

Pool::ConnectionPtr Pool::adopt(Dialed dialed) {
    if (dialed.ssl) {
        stats_.handshakes[dialed.resumed ? Handshake::resumed : Handshake::full].add();
        tls_description_ = upstream::tls_description(dialed.ssl.get());
    }
    auto connection = std::make_shared<Connection>(context_, clock_, *this, std::move(dialed));
    busy_.push_back(connection);
    publish_counts();
    if (stopped_)
        connection->abort();
    return connection;
}

void Pool::release(Connection& connection, bool keep) noexcept {
    const auto found = std::ranges::find(busy_, &connection, &ConnectionPtr::get);
    if (found == busy_.end())
        return;
    const ConnectionPtr self = std::move(*found);
    *found = std::move(busy_.back());
    busy_.pop_back();
    if (connection.stop_counting_as_stream())
        --streams_;
    if (keep && keeping_ && open_ <= most_open() &&
        connection.last_used() - connection.opened_at() < oldest && make_idle(self))
        return;
    connection.close();
    connection_closed();
}

/// Returns false if there is no memory to watch it, so that it can't be kept.
bool Pool::make_idle(const ConnectionPtr& connection) noexcept {
    try {
        connection->check_in(settings_.idle_timeout);
    } catch (const std::bad_alloc&) {
        return false;
    }
    // Sorted by last use: nearly always last, except for an app that took its answer slowly.
    auto place = idle_.end();
    while (place != idle_.begin() && (*std::prev(place))->last_used() > connection->last_used())
        --place;
    idle_.insert(place, connection);
    wake_next();
    publish_counts();
    return true;
}

bool Pool::admit_stream(bool must) noexcept {
    if (!must && streams_ >= share_ / 2)
        return false;
    ++streams_;
    return true;
}

/// Returns the memory of a burst to the system after it is over. The allocator would keep it until the next
/// one, which on a till may be next Saturday.
void Pool::on_tidying(void* self) noexcept {
    auto& pool = *static_cast<Pool*>(self);
    const auto long_idle = static_cast<std::size_t>(
        std::ranges::count_if(pool.idle_, [](const auto& idle) { return idle->is_long_idle(); }));
    if (pool.open_ - long_idle >= net::batching_threshold) {
        pool.tidying_.set_after(tidying_interval);
        return;
    }
    pool.after_burst_ = false;
    http::release_spare_blocks();
    http::release_spare_heads();
    ::malloc_trim(0);
}

void Pool::drop_idle(const Connection& connection) noexcept {
    const auto found = std::ranges::find(idle_, &connection, &ConnectionPtr::get);
    if (found == idle_.end())
        return;
    const ConnectionPtr self = *found;
    idle_.erase(found);
    if (warm_)
        warm_->taken(connection);
    self->close();
    connection_closed();
}

void Pool::connection_closed() noexcept {
    --open_;
    wake_next();
    publish_counts();
}

void Pool::close_idle() noexcept {
    keeping_ = false;
    stop_keeping_warm();
    while (!idle_.empty())
        drop_idle(*idle_.back());
}

void Pool::stop() noexcept {
    stopped_ = true;
    close_idle();
    dialer_.stop();
    for (Queued* const queued : waiting_)
        queued->stop();
    for (const ConnectionPtr& connection : busy_)
        connection->abort();
}

void Pool::publish_counts() noexcept {
    // By difference: during a reload, two pools share the thread's numbers.
    const auto idle = static_cast<std::int64_t>(idle_.size());
    const auto busy = static_cast<std::int64_t>(busy_.size());
    stats_.upstream_idle.add(idle - std::exchange(published_idle_, idle));
    stats_.upstream_busy.add(busy - std::exchange(published_busy_, busy));
}

// What is known about idle connections, and which of them may carry a mutation.

/// Through a proxy, an acknowledgement would be the proxy's.
bool Pool::needs_proof_of_life() const noexcept {
    return !settings_.proxy && settings_.reuse_for_mutations > Duration{0};
}

KnownLimit Pool::known_limit(const Connection& connection, TimePoint now) const {
    return health_.idle_limits().known(connection.endpoint(), connection.idle_kind(), now);
}

bool Pool::may_carry_mutation(Connection& connection, TimePoint now) const {
    const Duration recent = settings_.reuse_for_mutations;
    IdleFacts facts;
    facts.idle = now - connection.last_used();
    if (facts.idle <= recent && health_.idle_limits().surely_below(facts.idle))
        return true;
    facts.limit = known_limit(connection, now);
    if (facts.idle > usable_age(facts.limit, recent)) // whatever the kernel reports, so it need not be asked
        return false;
    facts.through_proxy = settings_.proxy.has_value();
    if (facts.idle > recent && needs_proof_of_life())
        facts.heard = connection.heard_ago(now);
    return upstream::may_carry_mutation(facts, recent);
}

void Pool::told_limit(const Connection& connection, Duration limit) noexcept {
    try_to([&] { health_.idle_limits().told(connection.endpoint(), limit, BootClock::now()); });
}

void Pool::learn_from_idle(TimePoint now) noexcept {
    for (std::size_t i = 0; i < idle_.size() && i < most_asked; ++i)
        learn_from_idle(*idle_[i], now);
}

/// An acknowledgement shows that the upstream had not closed the connection when it was sent.
void Pool::learn_from_idle(Connection& connection, TimePoint now) noexcept {
    if (!needs_proof_of_life() || !connection.is_long_idle())
        return;
    const auto heard = connection.heard_ago(now);
    if (!heard)
        return;
    const Duration age = now - connection.last_used() - *heard;
    if (age <= connection.noted_age())
        return;
    try_to([&] {
        health_.idle_limits().survived(connection.endpoint(), connection.idle_kind(), age,
                                       connection.noted_age(), now);
    });
    connection.note_age(age);
}

/// Learns from an exchange that succeeded on a connection that had been idle.
void Pool::learn_from_answer(const Connection& connection, TimePoint now) noexcept {
    const Duration age = connection.idle_before();
    if (age < net::long_idle || age <= connection.noted_age())
        return;
    try_to([&] {
        health_.idle_limits().survived(connection.endpoint(), connection.kind_before(), age,
                                       connection.noted_age(), now);
    });
}

/// Learns from a request that met a connection that the upstream was closing.
void Pool::learn_from_failure(const Connection& connection, const Failure& failure, TimePoint now) noexcept {
    const bool silent = failure.stage == Stage::writing || failure.stage == Stage::waiting;
    if (!failure.reused || failure.code != errc::closed || !silent ||
        connection.idle_before() < net::long_idle)
        return;
    try_to([&] {
        health_.idle_limits().closed(connection.endpoint(), connection.kind_before(),
                                     connection.idle_before(), now);
    });
}

/// Drops a connection that reached an age that we set ourselves.
void Pool::drop_expired(Connection& connection) noexcept {
    if (const Peer peer = connection.look_for_peer(); peer != Peer::there) {
        drop_ended(connection, peer);
        return;
    }
    learn_from_idle(connection, BootClock::now());
    drop_idle(connection);
}

/// Drops a connection whose peer is not there any more.
void Pool::drop_ended(const Connection& connection, Peer peer) noexcept {
    const TimePoint now = BootClock::now();
    if (peer == Peer::ended)
        try_to([&] {
            health_.idle_limits().closed(connection.endpoint(), connection.idle_kind(),
                                         now - connection.last_used(), now);
        });
    if (warm_)
        warm_->lost(connection, now);
    drop_idle(connection);
}

// The connection that is kept warm.

void Pool::keep_warm(std::weak_ptr<Pool> self, bool at_once) {
    // Through a proxy, or if mutations never reuse a connection, a warm connection would be useless.
    if (settings_.keep_warm.connections == 0 || !needs_proof_of_life() || !keeping_)
        return;
    warm_ = std::make_unique<WarmKeeper>(*this, std::move(self));
    if (at_once)
        warm_->requested(BootClock::now());
}

void Pool::stop_keeping_warm() noexcept {
    if (warm_)
        warm_->stop();
}

} // namespace bearerd::upstream
