#pragma once

#include <bearerd/base/clock.hpp>

#include <optional>

/// Whether the peer of an idle TCP connection is still there: keep-alive probes, and what the kernel has
/// received.
namespace bearerd::upstream {

/// Makes the kernel probe the peer about once a second. If the peer answers none of five probes, the
/// connection ends with ETIMEDOUT. `first_time`: the probe times have not been set on this socket.
void start_probes(int descriptor, bool first_time) noexcept;
void stop_probes(int descriptor) noexcept;

/// The state of a connection according to TCP_INFO.
struct LineState {
    bool established = false; ///< neither side has closed
    bool waiting = false;     ///< some of our bytes are not acknowledged
    Duration last_ack{};      ///< since the last acknowledgement
    Duration last_data{};     ///< since the peer's last bytes
};

/// Returns nullopt if the kernel does not report it.
[[nodiscard]] std::optional<LineState> line_state(int descriptor) noexcept;

/// Returns how long ago, at most, the peer was heard from; nullopt if that proves nothing. `idle`: the time
/// since the peer's last bytes, by a clock that includes the time that the machine was suspended. The
/// kernel's clock does not, and the acknowledgement may be older by the difference between the two. So a
/// kernel that leaves the fields zero proves no more than `idle` does. Pure.
[[nodiscard]] std::optional<Duration> heard_ago(const LineState& line, Duration idle) noexcept;

} // namespace bearerd::upstream
