#pragma once

#include <bearerd/base/clock.hpp>
#include <bearerd/server/report.hpp>

#include <cstdint>
#include <string_view>

namespace bearerd::server {

/// Logs the one line of a request (contract 9). `trace_id`: empty if there is none. `bytes_in`: size of the
/// request's body.
void log_request(const Report& report, std::string_view request_id, std::string_view trace_id,
                 std::uint64_t bytes_in, Duration took);

} // namespace bearerd::server
