// A mistake made on purpose: a mutation is sent again when its kept connection ended without an answer.
#include "../../src/proxy/decision.hpp"

namespace bearerd::proxy {

Decision decide(const FailedAttempt& attempt) noexcept {
    using upstream::Stage;
    if (attempt.stage == Stage::connecting)
        return {Decision::Kind::reply, outcome::ErrorCode::upstream_unreachable, outcome::Executed::no};
    const bool lost_race =
        attempt.reused && attempt.stage != Stage::reading && attempt.code != errc::timed_out;
    if (lost_race && !attempt.resent_stale)
        return {Decision::Kind::resend, outcome::ErrorCode::upstream_broken, outcome::Executed::unknown};
    return {Decision::Kind::reply, outcome::ErrorCode::outcome_unknown, outcome::Executed::unknown};
}

} // namespace bearerd::proxy
