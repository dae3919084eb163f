#pragma once

#include <bearerd/base/clock.hpp>

#include <optional>
#include <string>
#include <vector>

/// What systemd and the daemon tell each other (sd_notify(3), sd_listen_fds(3)); nothing happens without
/// systemd.
namespace bearerd::app::systemd {

/// A status may hold an upstream's words, so its control characters become spaces: a line of its own would be
/// another message to systemd.
void notify_ready(const std::string& status);
/// With MONOTONIC_USEC, as Type=notify-reload asks; READY=1 by notify_ready ends it.
void notify_reloading();
void notify_stopping();
void notify_status(const std::string& status);
void notify_watchdog();

/// How often the watchdog wants to hear of us, halved; nothing where it does not.
[[nodiscard]] std::optional<Duration> watchdog_interval();

/// The listening sockets that were handed over; each call after the first returns none.
[[nodiscard]] std::vector<int> take_listening_descriptors();

} // namespace bearerd::app::systemd
