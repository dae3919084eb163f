// No mistake, but the journal's disk as a test wants it: as long as the file exists that HOLD_JOURNAL names,
// nothing gets durable.
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <thread>

extern "C" int fdatasync(int descriptor) {
    static const char* const hold = std::getenv("HOLD_JOURNAL"); // NOLINT(concurrency-mt-unsafe)
    while (hold != nullptr && ::access(hold, F_OK) == 0)
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
    return static_cast<int>(::syscall(SYS_fdatasync, descriptor));
}
