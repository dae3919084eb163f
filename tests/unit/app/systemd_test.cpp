#include "systemd.hpp"

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <cstdlib>

namespace bearerd::app {
namespace {

/// In a process of its own: what was loaded once stays.
[[noreturn]] void notify_and_tell_whether_loaded(const char* notify_socket) {
    for (const char* name : {"NOTIFY_SOCKET", "LISTEN_FDS", "WATCHDOG_USEC"})
        ::unsetenv(name); // NOLINT(concurrency-mt-unsafe): one thread
    if (notify_socket != nullptr)
        ::setenv("NOTIFY_SOCKET", notify_socket, 1); // NOLINT(concurrency-mt-unsafe): one thread
    systemd::notify_ready("Logged in");
    static_cast<void>(systemd::watchdog_interval());
    static_cast<void>(systemd::take_listening_descriptors());
    std::_Exit(::dlopen("libsystemd.so.0", RTLD_LAZY | RTLD_NOLOAD) != nullptr ? 7 : 8);
}

TEST(Systemd, IsOnlyLoadedWhereItHasStartedUs) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(notify_and_tell_whether_loaded(nullptr), testing::ExitedWithCode(8), "");
    EXPECT_EXIT(notify_and_tell_whether_loaded("/nobody/listens/here"), testing::ExitedWithCode(7), "");
}

} // namespace
} // namespace bearerd::app
