// A mistake made on purpose: what a 5xx was answered frees the claim.
#include "../../src/transaction/record.hpp"

namespace bearerd::transaction {

void Table::settle(const RecordPtr& record, Settlement how, TimePoint now) noexcept {
    const std::lock_guard lock{mutex_};
    Decision decision;
    decision.kind = Decision::Kind::again;
    if (how.executed == outcome::Executed::unknown || how.executed == outcome::Executed::no) {
        for (const Digest& identity : record->identities)
            records_.erase(identity);
        record->state = Record::State::gone;
    } else {
        record->state =
            how.executed == outcome::Executed::yes ? Record::State::executed : Record::State::answered;
        record->settled_at = now;
        record->in_executed = executed_.insert(executed_.end(), record);
    }
    if (how.answer != nullptr) {
        decision.kind = Decision::Kind::replay;
        decision.answer = how.answer;
    }
    record->waiters.wake(decision);
}

} // namespace bearerd::transaction
