#pragma once

#include <bearerd/base/clock.hpp>

#include <optional>

/// Whether the peer of an idle TCP connection is still there: keep-alive probes, and what the kernel has
/// heard.
namespace bearerd::upstream {

/// Lets the kernel probe the peer about once a second. A peer that answers none of five probes ends the
/// connection with ETIMEDOUT. `first_time`: the probes' times have not been set on this socket.
void start_probes(int descriptor, bool first_time) noexcept;
void stop_probes(int descriptor) noexcept;

/// What TCP_INFO says of a connection.
struct LineState {
    bool established = false; ///< neither side has closed
    bool waiting = false;     ///< bytes of ours are not acknowledged
    Duration last_ack{};      ///< since the last acknowledgement
    Duration last_data{};     ///< since the last bytes of the peer's
};

/// nullopt if the kernel does not say.
[[nodiscard]] std::optional<LineState> line_state(int descriptor) noexcept;

/// How long ago the peer was heard from at the latest; nullopt if that proves nothing. `idle`: since the
/// peer's last bytes, by a clock that counts the time that the machine was suspended. The kernel's clock does
/// not: by how much the two disagree on that time, the acknowledgement may be older. A kernel that leaves the
/// fields zero thus proves no more than `idle` does. Pure.
[[nodiscard]] std::optional<Duration> heard_ago(const LineState& line, Duration idle) noexcept;

} // namespace bearerd::upstream
