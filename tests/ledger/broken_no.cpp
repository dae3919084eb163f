// A mistake made on purpose: what was written but not answered is reported as not executed.
#include "../../src/proxy/decision.hpp"

namespace bearerd::proxy {

Decision decide(const FailedAttempt&) noexcept {
    return {Decision::Kind::reply, outcome::ErrorCode::upstream_unreachable, outcome::Executed::no};
}

} // namespace bearerd::proxy
