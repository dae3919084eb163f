#include "systemd.hpp"

#include "cli_output.hpp"

#include <systemd/sd-daemon.h>

#include <sys/socket.h>

#include <ctime>

namespace bearerd::app::systemd {
namespace {

void notify(const std::string& message) {
    // A service manager that does not listen is no failure of ours.
    static_cast<void>(::sd_notify(0, message.c_str()));
}

} // namespace

void notify_ready(const std::string& status) {
    notify("READY=1\nSTATUS=" + printable(status));
}

void notify_reloading() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    const auto microseconds = static_cast<long long>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1'000;
    notify("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(microseconds));
}

void notify_stopping() {
    notify("STOPPING=1\nSTATUS=Stopping");
}

void notify_status(const std::string& status) {
    notify("STATUS=" + printable(status));
}

void notify_watchdog() {
    notify("WATCHDOG=1");
}

std::optional<Duration> watchdog_interval() {
    std::uint64_t microseconds = 0;
    if (::sd_watchdog_enabled(0, &microseconds) <= 0)
        return std::nullopt;
    return std::chrono::microseconds{microseconds / 2};
}

std::vector<int> take_listening_descriptors() {
    std::vector<int> descriptors;
    const int count = ::sd_listen_fds(1);
    for (int i = 0; i < count; ++i)
        if (::sd_is_socket(SD_LISTEN_FDS_START + i, AF_UNSPEC, SOCK_STREAM, 1) > 0)
            descriptors.push_back(SD_LISTEN_FDS_START + i);
    return descriptors;
}

} // namespace bearerd::app::systemd
