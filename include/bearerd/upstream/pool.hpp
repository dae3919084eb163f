#pragma once

#include <bearerd/base/stats.hpp>
#include <bearerd/config/config.hpp>
#include <bearerd/net/deadline.hpp>
#include <bearerd/net/deferred_sends.hpp>
#include <bearerd/net/event.hpp>
#include <bearerd/upstream/dialer.hpp>
#include <bearerd/upstream/idle_limit.hpp>
#include <bearerd/upstream/transport.hpp>

#include <atomic>
#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace bearerd::upstream {

class Connection;
class WarmKeeper;
enum class Peer : std::uint8_t;

/// The last known state of the upstream, and what was learned about its idle connections. Shared by all
/// threads.
class Health {
public:
    /// Reports that an exchange or a connection succeeded. Cheap if the last one did too. Any thread.
    void succeeded() noexcept;
    /// Reports that the upstream can't be reached; `reason` is a text. Any thread.
    void failed(error_code code, const std::string& reason);

    struct View {
        enum class State : std::uint8_t { unknown, up, down } state = State::unknown;
        std::string last_error; ///< the last one, even if it is up again
        error_code last_code;   ///< likewise
        TimePoint last_error_at{};
    };

    [[nodiscard]] View view() const;

    /// What was learned about idle connections. Any thread.
    [[nodiscard]] IdleLimits& idle_limits() noexcept { return idle_limits_; }

    [[nodiscard]] const IdleLimits& idle_limits() const noexcept { return idle_limits_; }

    /// Whether this pool keeps a connection warm: that of the thread that sent last. Any thread.
    [[nodiscard]] bool keeps_warm(const void* pool) const noexcept {
        return warm_pool_.load(std::memory_order_relaxed) == pool;
    }

    void let_keep_warm(const void* pool) noexcept {
        if (!keeps_warm(pool)) // so that a typical request writes nothing that other threads read
            warm_pool_.store(pool, std::memory_order_relaxed);
    }

private:
    IdleLimits idle_limits_;
    std::atomic<const void*> warm_pool_{nullptr};
    std::atomic<View::State> state_{View::State::unknown};
    mutable std::mutex mutex_;
    std::string last_error_;
    error_code last_code_;
    TimePoint last_error_at_{};
};

/// The connections of one thread to the upstream, and the Transport over them. Idle connections are watched,
/// and removed as soon as the upstream closes them or sends anything. A busy one is never shared. One thread
/// only.
class Pool final : public Transport {
public:
    /// `settings`, `tls` (nullptr for http://), `stats` and `health` must outlive the pool. `share`: this
    /// thread's part of `max_connections`.
    Pool(net::asio::io_context& context, net::DeadlineClock& clock, const config::Upstream& settings,
         TlsContext* tls, std::size_t share, std::size_t most_waiting, Stats& stats, Health& health);
    ~Pool() override;
    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;

    [[nodiscard]] net::Task<SendResult> send(OutgoingRequest request) override;

    /// Keeps one idle connection ready, as the setting `keep_warm` says: from the next request on, or
    /// `at_once`. `self` is this pool; a running dial keeps it alive. Call it once.
    void keep_warm(std::weak_ptr<Pool> self, bool at_once);

    /// Stops making connections in advance. For the beginning of a shutdown.
    void stop_keeping_warm() noexcept;

    /// Closes idle connections, and busy ones when they are released. Exchanges in flight continue.
    void close_idle() noexcept;

    /// Ends every exchange and every wait with errc::shutting_down. For the end of the grace period.
    void stop() noexcept;

    /// Whether nothing is busy, connecting or waiting.
    [[nodiscard]] bool quiet() const noexcept {
        return open_ == idle_.size() && waiting_.empty() && starting_ == 0 && dialer_.quiet();
    }

    /// Describes the last new connection, in the form of upstream::tls_description(). Empty if there is none,
    /// and for http://.
    [[nodiscard]] const std::string& tls_description() const noexcept { return tls_description_; }

private:
    friend class Connection;
    friend class WarmKeeper;
    using ConnectionPtr = std::shared_ptr<Connection>;
    using CheckoutResult = std::variant<ConnectionPtr, Failure>;
    class Queued;

    [[nodiscard]] net::Task<CheckoutResult> checkout(OutgoingRequest request);
    [[nodiscard]] ConnectionPtr take_idle(const OutgoingRequest& request);
    [[nodiscard]] bool has_to_queue(const OutgoingRequest& request) const noexcept;
    [[nodiscard]] bool has_room() const noexcept;
    void wake_next() noexcept;
    [[nodiscard]] net::Task<CheckoutResult> open_new(TimePoint give_up);
    [[nodiscard]] net::Task<CheckoutResult> connect(TimePoint give_up);
    [[nodiscard]] ConnectionPtr adopt(Dialed dialed);

    // What is known about idle connections.
    [[nodiscard]] bool needs_proof_of_life() const noexcept;
    [[nodiscard]] bool may_carry_mutation(Connection& connection, TimePoint now) const;
    [[nodiscard]] KnownLimit known_limit(const Connection& connection, TimePoint now) const;
    void told_limit(const Connection& connection, Duration limit) noexcept;
    void learn_from_idle(TimePoint now) noexcept;
    void learn_from_idle(Connection& connection, TimePoint now) noexcept;
    void learn_from_answer(const Connection& connection, TimePoint now) noexcept;
    void learn_from_failure(const Connection& connection, const Failure& failure, TimePoint now) noexcept;
    void drop_expired(Connection& connection) noexcept;
    void drop_ended(const Connection& connection, Peer peer) noexcept;

    void release(Connection& connection, bool keep) noexcept;
    [[nodiscard]] bool make_idle(const ConnectionPtr& connection) noexcept;
    [[nodiscard]] bool admit_stream(bool must) noexcept;
    void drop_idle(const Connection& connection) noexcept;
    void connection_closed() noexcept;
    static void on_tidying(void* self) noexcept;
    void publish_counts() noexcept;

    /// Whether sends are deferred (net/deferred_sends.hpp), and leave memory to tidy up.
    [[nodiscard]] bool defers_sends() const noexcept {
        return busy_.size() + starting_ >= net::batching_threshold;
    }

    /// How many connections may be open.
    [[nodiscard]] std::size_t most_open() const noexcept { return share_ + (replacing_ ? 1 : 0); }

    net::asio::io_context& context_;
    net::DeadlineClock& clock_;
    const config::Upstream& settings_;
    std::size_t share_;
    std::size_t most_waiting_;
    Stats& stats_;
    Health& health_;
    Dialer dialer_;
    std::size_t open_ = 0;   ///< connections that exist or are being made
    bool replacing_ = false; ///< one is being made that will replace an idle one, which may stay until then
    std::vector<ConnectionPtr> idle_; ///< least recently used first
    std::vector<ConnectionPtr> busy_;
    std::size_t streams_ = 0;    ///< busy ones that carry a stream
    std::size_t starting_ = 0;   ///< deferred sends
    std::list<Queued*> waiting_; ///< for a connection, first come, first served
    std::int64_t published_idle_ = 0;
    std::int64_t published_busy_ = 0;
    std::string tls_description_;
    bool keeping_ = true;
    bool stopped_ = false;
    net::Deadline tidying_;
    std::unique_ptr<WarmKeeper> warm_; ///< nullptr: no connection is made in advance
    bool after_burst_ = false;         ///< the allocator may still keep memory of many requests at once
};

} // namespace bearerd::upstream
