#pragma once

#include "worker.hpp"

#include <bearerd/auth/token_service.hpp>
#include <bearerd/base/clock.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace bearerd::app {

/// Transactions of the journal that need attention.
struct OpenTransactions {
    std::uint64_t unknown = 0; ///< nobody knows whether they were executed
    std::uint64_t unheard = 0; ///< executed, but their tills do not know it
};

/// Returns a line for systemctl status: the login's state, how many transactions are open, and why the last
/// reload was rejected, if it was.
[[nodiscard]] std::string status_line(const auth::AuthStatus& status,
                                      const std::optional<std::string>& rejected = {},
                                      OpenTransactions open = {});

/// Sends the state to the service manager from time to time, and keeps its watchdog content as long as every
/// worker's loop runs. On the first worker's thread.
class Heartbeat {
public:
    /// `status` returns nullopt if there is nothing to report. `on_beat` is called at each beat: every ten
    /// seconds, or more often if the watchdog wants it.
    Heartbeat(const std::vector<std::unique_ptr<Worker>>& workers,
              std::function<std::optional<std::string>()> status, std::function<void()> on_beat);
    Heartbeat(const Heartbeat&) = delete;
    Heartbeat& operator=(const Heartbeat&) = delete;
    ~Heartbeat() = default;

    /// Beats from now on until stop().
    void beat();
    void stop();

private:
    void feed_watchdog();

    const std::vector<std::unique_ptr<Worker>>& workers_;
    std::function<std::optional<std::string>()> status_;
    std::function<void()> on_beat_;
    net::Timer timer_;
    std::optional<Duration> watchdog_;
    std::string last_status_;
    std::atomic<std::size_t> silent_{0}; ///< workers that have not answered the last check yet
};

} // namespace bearerd::app
