#include "decision.hpp"

namespace bearerd::proxy {
namespace {

using outcome::ErrorCode;
using upstream::Stage;

Decision reply(ErrorCode code) noexcept {
    return {Decision::Kind::reply, code, outcome::table_executed(code)};
}

/// Not one byte was written, so it was certainly not executed, query or mutation.
ErrorCode unsent(error_code code) noexcept {
    if (code == errc::shutting_down)
        return ErrorCode::shutting_down;
    if (code == errc::overloaded || code == errc::connection_limit)
        return ErrorCode::overloaded;
    return ErrorCode::upstream_unreachable;
}

/// Bytes of it were written, and no whole answer came. The upstream may still have executed it; that
/// does not matter for a query.
ErrorCode sent(error_code code, bool may_mutate) noexcept {
    if (may_mutate)
        return ErrorCode::outcome_unknown;
    if (code == errc::shutting_down)
        return ErrorCode::shutting_down;
    return code == errc::timed_out ? ErrorCode::upstream_timeout : ErrorCode::upstream_broken;
}

} // namespace

Decision decide(const FailedAttempt& attempt) noexcept {
    if (attempt.stage == Stage::connecting)
        return reply(unsent(attempt.code));
    // A kept connection that ends before a response byte lost the race against the upstream's idle close.
    // There is no proof that the request was not executed, so only a query is sent again.
    const bool lost_race = attempt.reused && attempt.stage != Stage::reading &&
                           attempt.code != errc::timed_out && attempt.code != errc::shutting_down;
    if (lost_race && !attempt.may_mutate && !attempt.resent_stale)
        return {Decision::Kind::resend, ErrorCode::upstream_broken, outcome::Executed::unknown};
    return reply(sent(attempt.code, attempt.may_mutate));
}

} // namespace bearerd::proxy
