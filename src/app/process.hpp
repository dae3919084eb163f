#pragma once

/// What a process that holds a password does for itself before anything else; for commands as for the daemon.
namespace bearerd::app {

/// A core dump or a debugger's look would hold password and token (contract 3.10). OpenSSL writes without
/// MSG_NOSIGNAL, so SIGPIPE is ignored.
void harden_process() noexcept;

/// The memory of large bodies goes back to the system with them, instead of staying for the next crowd.
void give_memory_back() noexcept;

/// Each client and each upstream connection takes a descriptor; the soft limit is often 1024.
void raise_descriptor_limit() noexcept;

/// Ends the process with `status` at the latest in so many seconds. For when all is
/// said and done: getaddrinfo can't be interrupted, and Asio waits for it at the end.
void limit_exit_time(int status, unsigned seconds) noexcept;

} // namespace bearerd::app
