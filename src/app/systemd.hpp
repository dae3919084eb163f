#pragma once

#include <bearerd/base/clock.hpp>

#include <optional>
#include <string>
#include <vector>

/// The messages between systemd and the daemon (sd_notify(3), sd_listen_fds(3)). Without systemd nothing
/// happens.
namespace bearerd::app::systemd {

/// A status may contain an upstream's text, so its control characters become spaces: a new line would be
/// another message to systemd.
void notify_ready(const std::string& status);
/// Sends MONOTONIC_USEC, as Type=notify-reload requires; notify_ready ends it with READY=1.
void notify_reloading();
void notify_stopping();
void notify_status(const std::string& status);
void notify_watchdog();

/// Returns half of the watchdog's interval; nullopt if there is no watchdog.
[[nodiscard]] std::optional<Duration> watchdog_interval();

/// Returns the listening sockets that systemd passed; each call after the first returns none.
[[nodiscard]] std::vector<int> take_listening_descriptors();

} // namespace bearerd::app::systemd
