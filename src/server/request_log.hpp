#pragma once

#include <bearerd/base/clock.hpp>
#include <bearerd/server/report.hpp>

#include <cstdint>
#include <string_view>

namespace bearerd::server {

/// The one line that each request gets (contract 9). `trace_id`: empty if there is none. `bytes_in`: of the
/// body.
void log_request(const Report& report, std::string_view request_id, std::string_view trace_id,
                 std::uint64_t bytes_in, Duration took);

} // namespace bearerd::server
