#pragma once

#include <bearerd/transaction/table.hpp>

namespace bearerd::transaction {

/// The first request of one or more transactions, which have claimed them together. Guarded by the table's
/// lock.
struct Record {
    enum class State : std::uint8_t {
        in_flight,
        executed,
        answered, ///< by the API, which did not say whether it was executed; as long as `answer` is kept
        unknown,
        gone, ///< free: no longer in the table
    };

    std::vector<Digest> identities;
    std::optional<Digest> fingerprint; ///< nullopt: made with another secret
    /// In flight: the fingerprint of another request under the same keys, for which the fleet's store is
    /// asked whether the owner of the former one has freed them.
    std::optional<Digest> successor{};
    std::string request_id;
    std::vector<std::string> fields; ///< names
    std::uint64_t header_rules = 0;  ///< Reading::header_rules
    std::int64_t at_ms = 0;
    State state = State::in_flight;
    bool looking_up = false; ///< one of its repeats asks the upstream; the others wait for that
    bool looked_up = false;  ///< executed: a look-up has ended, whether it found it or not
    AnswerPtr answer{};
    std::string reconciled{};
    std::string other_owner{};             ///< Elsewhere::owner; in flight or unknown
    std::shared_ptr<ClaimHolder> holder{}; ///< nullptr: it is not shared with other replicas
    TimePoint settled_at{};
    Waiters waiters{};
    std::optional<std::list<RecordPtr>::iterator> in_executed{};
    std::optional<std::list<RecordPtr>::iterator> in_answers{};
};

} // namespace bearerd::transaction
