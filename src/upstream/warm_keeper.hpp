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
/// last request. Like any idle connection it has no buffers. There is one for the process: the pool that sent
/// a request last keeps it, and the others stop. It wakes the loop only when there is something to
/// decide (WarmPlan), and not at all once the time is over. One thread only.
class WarmKeeper {
public:
    WarmKeeper(Pool& pool, std::weak_ptr<Pool> self);
    WarmKeeper(const WarmKeeper&) = delete;
    WarmKeeper& operator=(const WarmKeeper&) = delete;
    ~WarmKeeper();

    /// Call it for each request of an app. Cheap.
    void requested(TimePoint now) noexcept;

    /// Call it when an idle connection is used or closed.
    void taken(const Connection& connection) noexcept {
        if (ready_ == &connection)
            set_ready(nullptr);
    }

    /// Call it when the upstream or the network has ended an idle connection.
    void lost(const Connection& connection, TimePoint now) noexcept;

    /// Stops for good.
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
