#include "process.hpp"

#include <malloc.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>

namespace bearerd::app {
namespace {

volatile std::sig_atomic_t late_status = 0; // read by a signal handler

} // namespace

void harden_process() noexcept {
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none);
    ::prctl(PR_SET_DUMPABLE, 0);
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN); // a file that may not grow is an error of that write, no reason to die
}

void release_freed_memory() noexcept {
#ifdef __GLIBC__ // which otherwise raises both with each large block that is freed, up to 32 and 64 MiB
    constexpr int mapped_from = 128 * 1024; // a block of its own, unmapped when it is freed
    constexpr int most_spare = 1024 * 1024; // at the end of a heap
    // NOLINTBEGIN(concurrency-mt-unsafe): at start, one thread
    ::mallopt(M_MMAP_THRESHOLD, mapped_from);
    ::mallopt(M_TRIM_THRESHOLD, most_spare);
    // NOLINTEND(concurrency-mt-unsafe)
#endif
}

void raise_descriptor_limit() noexcept {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

void limit_exit_time(int status, unsigned seconds) noexcept {
    late_status = status;
    std::signal(SIGALRM, [](int) { ::_exit(late_status); });
    ::alarm(seconds);
}

} // namespace bearerd::app
