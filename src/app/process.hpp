#pragma once

/// What a process that holds a password does first, in commands as in the daemon.
namespace bearerd::app {

/// Turns off core dumps and tracing, which would reveal password and token (contract 3.10). Ignores SIGPIPE,
/// because OpenSSL writes without MSG_NOSIGNAL.
void harden_process() noexcept;

/// Makes the allocator return the memory of large bodies to the system instead of keeping it.
void release_freed_memory() noexcept;

/// Raises the limit on descriptors: each client and each upstream connection takes one, and the soft limit is
/// often 1024.
void raise_descriptor_limit() noexcept;

/// Ends the process with `status` after this many seconds at the latest. Called once all else is done:
/// getaddrinfo can't be interrupted, and Asio waits for it at the end.
void limit_exit_time(int status, unsigned seconds) noexcept;

} // namespace bearerd::app
