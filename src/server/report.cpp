#include <bearerd/server/report.hpp>

#include <bearerd/base/stats.hpp>

#include <array>

namespace bearerd::server {
namespace {

static_assert(Stats::outcomes == client_closed_outcome + 1);

constexpr std::array<std::string_view, verdict_count> verdict_labels{"ok", "graphql_error", "rejected"};

} // namespace

std::string_view outcome_label(std::size_t outcome) noexcept {
    if (outcome == client_closed_outcome)
        return "client_closed";
    return outcome < verdict_count
               ? verdict_labels[outcome]
               : outcome::code_label(static_cast<outcome::ErrorCode>(outcome - verdict_count));
}

} // namespace bearerd::server
