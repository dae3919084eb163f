#pragma once

#include "warm_plan.hpp"

#include <bearerd/net/deadline.hpp>
#include <bearerd/net/task.hpp>
#include <bearerd/upstream/dialer.hpp>

#include <memory>
#include <optional>
#include <random>

namespace bearerd::upstream {

class Connection;
class Pool;

/// Keeps one idle connection of a pool ready for a mutation, handshake done, for `keep_warm.for` after the
/// last request. What is ready has no buffers, as any connection that idles. One for the process: the pool
/// that sent a request last keeps it, and the others stop. It wakes the loop only when there is something to
/// decide (WarmPlan), and not at all once the time is over. One thread only.
class WarmKeeper {
public:
    WarmKeeper(Pool& pool, std::weak_ptr<Pool> self);
    WarmKeeper(const WarmKeeper&) = delete;
    WarmKeeper& operator=(const WarmKeeper&) = delete;
    ~WarmKeeper();

    /// A request of an app comes. Cheap.
    void requested(TimePoint now) noexcept;

    /// An idle connection goes into use, or is closed.
    void taken(const Connection& connection) noexcept {
        if (ready_ == &connection)
            set_ready(nullptr);
    }

    /// The upstream or the line has ended an idle connection.
    void lost(const Connection& connection, TimePoint now) noexcept;

    /// For good.
    void stop() noexcept;

private:
    static void on_look(void* self) noexcept;
    void look(TimePoint now);
    [[nodiscard]] WarmPlan::View view(TimePoint now, const Connection*& best);
    void start_dial();
    [[nodiscard]] net::Task<void> dial(std::shared_ptr<Pool> pool);
    void arm(TimePoint when) noexcept;
    void end_probes() noexcept;
    void set_ready(const Connection* connection) noexcept;

    [[nodiscard]] double dice() noexcept { return std::uniform_real_distribution<double>{0, 1}(dice_); }

    Pool& pool_;
    std::weak_ptr<Pool> self_;
    WarmPlan plan_;
    std::minstd_rand dice_{std::random_device{}()};
    net::Deadline look_;
    std::optional<TimePoint> look_at_;
    TimePoint last_request_{};
    std::optional<TcpEndpoint> endpoint_; ///< of the youngest connection
    const Connection* ready_ = nullptr;   ///< one of the pool's idle ones
    bool dialing_ = false;
    bool stopped_ = false;
};

} // namespace bearerd::upstream
