#include "request_log.hpp"

#include <bearerd/base/log.hpp>
#include <bearerd/base/mask.hpp>

#include <array>
#include <cmath>
#include <string>

namespace bearerd::server {
namespace {

constexpr std::size_t always_there = 11;

/// Rounds to hundredths: more would be noise.
double milliseconds(Duration duration) noexcept {
    const double hundredths = static_cast<double>(duration.count()) / 10'000.0;
    return std::round(hundredths) / 100.0;
}

} // namespace

void log_request(const Report& report, std::string_view request_id, std::string_view trace_id,
                 std::uint64_t bytes_in, Duration took) {
    std::string id_scratch;
    std::string name_scratch;
    std::array<log::Field, 13> fields{{
        {"request_id", masked(request_id, id_scratch)},
        {"operation", label_of(report.kind)},
        {"name", masked(report.name, name_scratch)},
        {"status", static_cast<std::int64_t>(report.status)},
        {"outcome", report.outcome.label()},
        {"executed", outcome::to_string(report.executed)},
        {"bytes_in", static_cast<std::int64_t>(bytes_in)},
        {"bytes_out", static_cast<std::int64_t>(report.bytes_out)},
        {"ms", milliseconds(took)},
        {"upstream_ms", milliseconds(report.upstream_time)},
        {"resends", static_cast<std::int64_t>(report.resends)},
    }};
    std::size_t count = always_there;
    if (!report.detail.empty())
        fields[count++] = {"reason", std::string_view{report.detail}};
    if (!trace_id.empty())
        fields[count++] = {"trace_id", trace_id}; // not masked: http/trace
    log::write(log::Level::info, "request", std::span{fields}.first(count));
}

} // namespace bearerd::server
