#include "heartbeat.hpp"

#include "systemd.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

namespace bearerd::app {

using namespace std::chrono_literals;

Heartbeat::Heartbeat(const std::vector<std::unique_ptr<Worker>>& workers,
                     std::function<std::optional<std::string>()> status, std::function<void()> on_beat)
    : workers_{workers},
      status_{std::move(status)},
      on_beat_{std::move(on_beat)},
      timer_{workers.front()->context().get_executor()},
      watchdog_{systemd::watchdog_interval()} {}

void Heartbeat::beat() {
    constexpr Duration status_interval = 10s;
    if (watchdog_)
        feed_watchdog();
    on_beat_();
    if (const auto status = status_(); status && *status != last_status_) {
        systemd::notify_status(*status);
        last_status_ = *status;
    }
    timer_.expires_after(std::min(status_interval, watchdog_.value_or(status_interval)));
    timer_.async_wait([this](error_code code) {
        if (!code)
            beat();
    });
}

void Heartbeat::stop() {
    timer_.cancel();
}

/// A loop that hangs does not answer; until it does, no loop is asked again and the watchdog gets nothing.
void Heartbeat::feed_watchdog() {
    if (silent_ != 0)
        return;
    silent_ = workers_.size();
    for (const auto& worker : workers_)
        net::asio::post(worker->context(), [this] {
            if (--silent_ == 0)
                systemd::notify_watchdog();
        });
}

namespace {

std::string login_line(const auth::AuthStatus& status) {
    if (status.expires_in)
        return "Logged in as " + status.identity;
    if (status.last_login_reason.empty())
        return "Logging in";
    return "Not logged in: " + status.last_login_reason;
}

} // namespace

std::string status_line(const auth::AuthStatus& status, const std::optional<std::string>& rejected,
                        OpenTransactions open) {
    std::string line = login_line(status);
    if (open.unknown != 0)
        line += "; " + std::to_string(open.unknown) +
                (open.unknown == 1 ? " transaction has" : " transactions have") + " an unknown outcome";
    if (open.unheard != 0)
        line += "; " + std::to_string(open.unheard) +
                (open.unheard == 1 ? " transaction was executed, but its till does not know it"
                                   : " transactions were executed, but their tills do not know it");
    if (rejected)
        line += "; the changed configuration was rejected, the former one stays in use: " + *rejected;
    return line;
}

} // namespace bearerd::app
