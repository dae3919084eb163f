// A mistake made on purpose: what is unknown at another replica, or whose lease is over, is free here.
#include <bearerd/transaction/fleet_claims.hpp>

namespace bearerd::transaction {

FleetAnswer FleetClaims::read(const std::optional<fleet::Value>& value, const SharedRequest&,
                              const Elsewhere&) const {
    FleetAnswer answer;
    if (!value || value->kind != fleet::Value::Kind::list)
        return answer;
    const std::string& word = value->list.front().text;
    answer.state = word == "in_flight"  ? FleetAnswer::State::in_flight
                   : word == "executed" ? FleetAnswer::State::sent
                                        : FleetAnswer::State::ours;
    if (value->list.size() > 1)
        answer.elsewhere.owner = value->list[1].text;
    answer.elsewhere.executed = outcome::Executed::yes;
    return answer;
}

} // namespace bearerd::transaction
