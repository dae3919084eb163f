#pragma once

#include <csignal>

namespace bearerd {

/// For a thread of our own to begin with: signals are the first thread's affair.
inline void block_signals() noexcept {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

} // namespace bearerd
