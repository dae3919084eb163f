#pragma once

#include "deadline.hpp"

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace bearerd::test {

/// Returns a free port on loopback, outside of the range from which the kernel takes ports for outgoing
/// connections. It stays reserved among test programs until this one ends.
[[nodiscard]] std::uint16_t free_port();

/// The awaited event did not happen.
struct TimedOut : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// A blocking stream socket with a deadline for every call. Errors are thrown as std::system_error. Used by
/// one thread at a time.
class Socket {
public:
    /// Takes ownership of a connected descriptor.
    explicit Socket(int descriptor) : descriptor_{descriptor} {}

    Socket(Socket&& other) noexcept;
    Socket& operator=(Socket&& other) noexcept;
    ~Socket();

    [[nodiscard]] static Socket connect(std::uint16_t port, const char* address = "127.0.0.1");
    [[nodiscard]] static Socket connect_unix(const std::string& path);

    /// Sends all bytes.
    void send(std::string_view bytes, Deadline deadline = Deadline{});

    /// Returns the next bytes, at most `limit`; empty at the end of the stream.
    [[nodiscard]] std::string receive_some(std::size_t limit = 65'536, Deadline deadline = Deadline{});

    /// Returns everything until the peer ends the stream (or resets it).
    [[nodiscard]] std::string receive_all(Deadline deadline = Deadline{});

    /// Sends all bytes, with the end of our direction in the last segment: a peer that has read the last byte
    /// sees the end too.
    void send_with_end(std::string_view bytes);

    /// Ends our direction only.
    void shutdown_send();
    /// Ends the connection with RST.
    void reset();
    void close();

    /// Waits until the process at the other end, on this machine, has read everything that was sent. Throws
    /// TimedOut.
    void wait_until_read(Deadline deadline = Deadline{}) const;
    /// Ends the connection by shutdown or reset, and waits until the kernel shows that at the other end.
    void shutdown_send_and_wait(Deadline deadline = Deadline{});
    void reset_and_wait(Deadline deadline = Deadline{});

    [[nodiscard]] int descriptor() const { return descriptor_; }

private:
    int descriptor_ = -1;
};

/// Whether a server listens there.
[[nodiscard]] bool accepts_connections(std::uint16_t port);

} // namespace bearerd::test
