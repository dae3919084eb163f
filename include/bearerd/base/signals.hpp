#pragma once

#include <csignal>

namespace bearerd {

/// Blocks all signals. Every thread that we start calls this first: only the first thread handles signals.
inline void block_signals() noexcept {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

} // namespace bearerd
