#include "systemd.hpp"

#include "cli_output.hpp"

#include <bearerd/base/log.hpp>

#include <systemd/sd-daemon.h>

#include <dlfcn.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <ctime>
#include <string_view>

namespace bearerd::app::systemd {
namespace {

constexpr const char* library_name = "libsystemd.so.0"; // has had these functions since 2012

/// Whether systemd, or something that uses its protocol, started us (sd_notify(3), sd_listen_fds(3)).
bool is_there() noexcept {
    constexpr std::array variables{"NOTIFY_SOCKET", "LISTEN_FDS", "WATCHDOG_USEC"};
    return std::ranges::any_of(variables, [](const char* name) {
        return std::getenv(name) != nullptr; // NOLINT(concurrency-mt-unsafe): nothing writes but libsystemd
    });
}

/// libsystemd, loaded only if systemd has started us: it and the seven libraries that it needs are a tenth of
/// the process's memory and a quarter of its start.
class Library {
public:
    /// Without systemd, all are nullptr; likewise without the library, which is logged once. Stays loaded.
    static const Library& get() {
        static const Library library;
        return library;
    }

    decltype(&::sd_notify) notify = nullptr;
    decltype(&::sd_watchdog_enabled) watchdog_enabled = nullptr;
    decltype(&::sd_listen_fds) listen_fds = nullptr;
    decltype(&::sd_is_socket) is_socket = nullptr;

private:
    Library() {
        if (!is_there())
            return;
        void* const handle = ::dlopen(library_name, RTLD_NOW | RTLD_LOCAL);
        const bool whole = handle != nullptr && find(handle, "sd_notify", notify) &&
                           find(handle, "sd_watchdog_enabled", watchdog_enabled) &&
                           find(handle, "sd_listen_fds", listen_fds) &&
                           find(handle, "sd_is_socket", is_socket);
        if (whole)
            return;
        const char* const why = ::dlerror(); // NOLINT(concurrency-mt-unsafe): glibc's is one for each thread
        log::error("can't load libsystemd, so systemd neither hears of bearerd nor hands anything over; "
                   "install libsystemd0",
                   {{"reason", std::string_view{why != nullptr ? why : "unknown"}}});
        notify = nullptr;
        watchdog_enabled = nullptr;
        listen_fds = nullptr;
        is_socket = nullptr;
    }

    template<class Function>
    static bool find(void* handle, const char* name, Function& function) noexcept {
        function = reinterpret_cast<Function>(::dlsym(handle, name));
        return function != nullptr;
    }
};

void notify(const std::string& message) {
    // If a service manager does not listen, that is not our error.
    if (const auto send = Library::get().notify)
        static_cast<void>(send(0, message.c_str()));
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
    const auto enabled = Library::get().watchdog_enabled;
    if (enabled == nullptr || enabled(0, &microseconds) <= 0)
        return std::nullopt;
    return std::chrono::microseconds{microseconds / 2};
}

std::vector<int> take_listening_descriptors() {
    std::vector<int> descriptors;
    const Library& library = Library::get();
    const int count = library.listen_fds != nullptr ? library.listen_fds(1) : 0;
    for (int i = 0; i < count; ++i)
        if (library.is_socket(SD_LISTEN_FDS_START + i, AF_UNSPEC, SOCK_STREAM, 1) > 0)
            descriptors.push_back(SD_LISTEN_FDS_START + i);
    return descriptors;
}

} // namespace bearerd::app::systemd
