// A mistake made on purpose: a transaction that is in flight is claimed by the next one as well.
#include "../../src/transaction/record.hpp"

namespace bearerd::transaction {

Decision Table::claim(const Reading& reading, std::string_view request_id, std::int64_t at_ms, TimePoint,
                      const std::shared_ptr<Waiter>&) {
    const std::lock_guard lock{mutex_};
    Decision first;
    first.kind = Decision::Kind::first;
    first.record = std::make_shared<Record>();
    first.record->identities = reading.identities;
    first.record->fingerprint = reading.fingerprint;
    first.record->request_id = request_id;
    first.record->at_ms = at_ms;
    for (const Digest& identity : reading.identities)
        records_[identity] = first.record;
    return first;
}

} // namespace bearerd::transaction
