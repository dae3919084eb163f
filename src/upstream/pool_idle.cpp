#include <bearerd/upstream/pool.hpp>

#include <bearerd/net/stream_socket.hpp>

#include "connection.hpp"
#include "warm_keeper.hpp"

#include <exception>
#include <utility>

/// What the pool learns from its idle connections, and which of them may carry a mutation.
namespace bearerd::upstream {
namespace {

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
    if (!connection.is_alive()) {
        drop_ended(connection);
        return;
    }
    learn_from_idle(connection, BootClock::now());
    drop_idle(connection);
}

/// Drops a connection that the upstream has ended, on which it sent unsolicited data, or whose peer is dead.
void Pool::drop_ended(const Connection& connection) noexcept {
    const TimePoint now = BootClock::now();
    if (connection.ended_by_peer())
        try_to([&] {
            health_.idle_limits().closed(connection.endpoint(), connection.idle_kind(),
                                         now - connection.last_used(), now);
        });
    if (warm_)
        warm_->lost(connection, now);
    drop_idle(connection);
}

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
