#include "proof_of_life.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstddef>

namespace bearerd::upstream {
namespace {

constexpr int probe_after_s = 1;
constexpr int probe_interval_s = 1;
constexpr int most_unanswered = 5;

void set_option(int descriptor, int level, int name, int value) noexcept {
    // If this fails, there is no proof, and mutations don't use the connection: no error to report.
    static_cast<void>(::setsockopt(descriptor, level, name, &value, sizeof value));
}

} // namespace

void start_probes(int descriptor, bool first_time) noexcept {
    if (first_time) {
        set_option(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, probe_after_s);
        set_option(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, probe_interval_s);
        set_option(descriptor, IPPROTO_TCP, TCP_KEEPCNT, most_unanswered);
    }
    set_option(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1);
}

void stop_probes(int descriptor) noexcept {
    set_option(descriptor, SOL_SOCKET, SO_KEEPALIVE, 0);
}

std::optional<LineState> line_state(int descriptor) noexcept {
    tcp_info info{};
    socklen_t size = sizeof info;
    if (::getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &size) != 0)
        return std::nullopt;
    if (size < offsetof(tcp_info, tcpi_last_ack_recv) + sizeof info.tcpi_last_ack_recv)
        return std::nullopt;
    LineState line;
    line.established = info.tcpi_state == TCP_ESTABLISHED;
    line.waiting = info.tcpi_unacked != 0 || info.tcpi_retransmits != 0;
    line.last_ack = std::chrono::milliseconds{info.tcpi_last_ack_recv};
    line.last_data = std::chrono::milliseconds{info.tcpi_last_data_recv};
    return line;
}

std::optional<Duration> heard_ago(const LineState& line, Duration idle) noexcept {
    if (!line.established || line.waiting)
        return std::nullopt;
    return line.last_ack + std::max(Duration{0}, idle - line.last_data);
}

} // namespace bearerd::upstream
