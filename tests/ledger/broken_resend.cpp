// A mistake made on purpose: a mutation is sent again when its kept connection ended without an answer.
#include <bearerd/proxy/decision.hpp>

namespace bearerd::proxy {

Decision decide(const FailedAttempt& attempt) noexcept {
    using upstream::Stage;
    if (attempt.stage == Stage::connecting)
        return {Decision::Kind::reply, graphql::ErrorCode::upstream_unreachable, graphql::Executed::no};
    const bool lost_race =
        attempt.reused && attempt.stage != Stage::reading && attempt.code != errc::timed_out;
    if (lost_race && !attempt.resent_stale)
        return {Decision::Kind::resend, graphql::ErrorCode::upstream_broken, graphql::Executed::unknown};
    return {attempt.bytes_relayed ? Decision::Kind::cut : Decision::Kind::reply,
            graphql::ErrorCode::outcome_unknown, graphql::Executed::unknown};
}

} // namespace bearerd::proxy
