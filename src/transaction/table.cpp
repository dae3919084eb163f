#include <bearerd/transaction/table.hpp>

#include "record.hpp"

#include <algorithm>
#include <utility>

namespace bearerd::transaction {

using graphql::Executed;
using Kind = Decision::Kind;
using State = Record::State;

namespace {

/// What someone is told who can't be given the first one's answer.
Decision without_answer(const RecordPtr& record) {
    Decision decision;
    decision.first_request_id = record->request_id;
    decision.reconciled = record->reconciled;
    switch (record->state) {
    case State::executed:
        decision.kind = record->executed == Executed::yes ? Kind::already_executed : Kind::unknown;
        break;
    case State::unknown:
        decision.kind = Kind::unknown;
        break;
    case State::in_flight:
    case State::gone:
        decision.kind = Kind::again;
        break;
    }
    return decision;
}

Seen::State seen_state(const Record& record) noexcept {
    if (record.looking_up || record.state == State::in_flight)
        return Seen::State::in_flight;
    if (record.state == State::unknown)
        return Seen::State::unknown;
    return record.executed == Executed::yes ? Seen::State::executed : Seen::State::answered;
}

} // namespace

std::string_view to_string(Seen::State state) noexcept {
    switch (state) {
    case Seen::State::in_flight:
        return "in_flight";
    case Seen::State::executed:
        return "executed";
    case Seen::State::answered:
        return "answered";
    case Seen::State::not_executed:
        return "not_executed";
    case Seen::State::unknown:
        break;
    }
    return "unknown";
}

void Table::set_limits(Limits limits) {
    const std::lock_guard lock{mutex_};
    limits_ = limits;
    while (answer_bytes_ > limits_.replay_memory)
        drop_answer(*answers_.front());
}

Decision Table::claim(const Reading& reading, std::string_view request_id, std::int64_t at_ms, TimePoint now,
                      const std::shared_ptr<Waiter>& waiter) {
    const std::lock_guard lock{mutex_};
    RecordPtr known;
    bool all = true;
    for (const Digest& identity : reading.identities) {
        const RecordPtr record = record_of(identity, now);
        all = all && record != nullptr && (known == nullptr || record == known);
        if (known == nullptr)
            known = record;
    }
    if (known != nullptr) {
        if (all && is_same(*known, reading))
            return decide(known, waiter);
        Decision reused;
        reused.kind = Kind::key_reused;
        reused.first_request_id = known->request_id;
        return reused;
    }
    Decision first;
    if (!make_room(reading.identities.size(), now))
        return first;
    first.kind = Kind::first;
    first.record = std::make_shared<Record>();
    first.record->identities = reading.identities;
    first.record->fingerprint = reading.fingerprint;
    first.record->request_id = request_id;
    first.record->at_ms = at_ms;
    for (const graphql::RootField& field : reading.fields)
        first.record->fields.push_back({field.name, field.rule, field.key, {}, field.element, {}});
    add(first.record);
    return first;
}

/// Whether the request is the same again. One whose fingerprint can't be compared counts as the same: to say
/// that its key was reused would say that it was not executed.
bool Table::is_same(const Record& record, const Reading& reading) {
    return record.identities.size() == reading.identities.size() &&
           (!record.fingerprint || *record.fingerprint == reading.fingerprint);
}

Decision Table::decide(const RecordPtr& record, const std::shared_ptr<Waiter>& waiter) {
    Decision decision;
    decision.first_request_id = record->request_id;
    if (record->state == State::in_flight || record->looking_up) {
        std::erase_if(record->waiters, [](const std::weak_ptr<Waiter>& each) { return each.expired(); });
        record->waiters.push_back(waiter);
        decision.kind = Kind::wait;
        return decision;
    }
    if (record->answer != nullptr) {
        answers_.splice(answers_.end(), answers_, *record->in_answers);
        decision.kind = Kind::replay;
        decision.answer = record->answer;
        return decision;
    }
    if (record->state == State::executed && record->executed == Executed::yes && record->looked_up)
        return without_answer(record);
    record->looking_up = true;
    decision.kind = Kind::look_up;
    decision.record = record;
    decision.reconciled = record->reconciled;
    decision.executed = record->state == State::executed && record->executed == Executed::yes;
    return decision;
}

void Table::settle(const RecordPtr& record, Settlement how, TimePoint now) {
    const std::lock_guard lock{mutex_};
    if (record->state != State::in_flight)
        return;
    const bool free = how.executed == Executed::no || (how.executed == Executed::answered && how.nothing_ran);
    if (free) {
        remove(record);
    } else if (how.executed == Executed::unknown) {
        record->state = State::unknown;
    } else {
        record->state = State::executed;
        record->executed = how.executed;
        keep(record, now);
        if (how.keep_answer && how.answer != nullptr)
            keep_answer(record, how.answer);
    }
    Decision decision = without_answer(record);
    if (how.answer != nullptr && !how.app_left) {
        decision.kind = Kind::replay;
        decision.answer = std::move(how.answer);
    }
    tell(*record, decision);
}

void Table::looked_up(const RecordPtr& record, const std::optional<std::string>& found, AnswerPtr answer,
                      TimePoint now) {
    const std::lock_guard lock{mutex_};
    record->looking_up = false;
    const bool executed = record->state == State::executed && record->executed == Executed::yes;
    record->looked_up = record->looked_up || executed || found;
    if (found) {
        record->reconciled = *found;
        if (!executed && record->state != State::gone) {
            record->state = State::executed;
            record->executed = Executed::yes;
            keep(record, now);
        }
    }
    Decision decision = without_answer(record);
    if (answer != nullptr) {
        decision.kind = Kind::replay;
        decision.answer = std::move(answer);
    }
    tell(*record, decision);
}

std::optional<Decision> Table::decision_of(Waiter& waiter) {
    const std::lock_guard lock{mutex_};
    return std::exchange(waiter.decision_, std::nullopt);
}

void Table::restore(Restored transaction, TimePoint now) {
    const std::lock_guard lock{mutex_};
    const bool executed = transaction.executed == Executed::yes;
    if (transaction.executed == Executed::no || (executed && transaction.age >= limits_.remember))
        return;
    for (const Digest& identity : transaction.identities)
        if (records_.contains(identity))
            return;
    if (transaction.identities.empty() || !make_room(transaction.identities.size(), now))
        return;
    auto record = std::make_shared<Record>();
    record->identities = std::move(transaction.identities);
    record->fingerprint = transaction.fingerprint;
    record->request_id = std::move(transaction.request_id);
    record->fields = std::move(transaction.fields);
    record->at_ms = transaction.at_ms;
    record->state = executed ? State::executed : State::unknown;
    record->executed = transaction.executed;
    add(record);
    if (executed)
        keep(record, now - std::max(transaction.age, Duration{0}));
}

bool Table::found(std::span<const Digest> identities, std::string reconciled, TimePoint now) {
    const std::lock_guard lock{mutex_};
    for (const Digest& identity : identities) {
        const RecordPtr record = record_of(identity, now);
        if (record == nullptr || record->state != State::unknown)
            continue;
        record->state = State::executed;
        record->executed = Executed::yes;
        record->reconciled = std::move(reconciled);
        record->looked_up = true;
        keep(record, now);
        return true;
    }
    return false;
}

void Table::close(Restored transaction, TimePoint now) {
    {
        const std::lock_guard lock{mutex_};
        for (const Digest& identity : transaction.identities) {
            const RecordPtr record = record_of(identity, now);
            // What is in flight, or was executed meanwhile, is known better than by the person.
            if (record != nullptr && record->state == State::unknown &&
                transaction.executed != Executed::unknown)
                remove(record);
        }
    }
    if (transaction.executed != Executed::no)
        restore(std::move(transaction), now);
}

std::optional<Seen> Table::find(const Digest& identity, TimePoint now) {
    const std::lock_guard lock{mutex_};
    const RecordPtr record = record_of(identity, now);
    if (record == nullptr)
        return std::nullopt;
    Seen seen{seen_state(*record), record->request_id, record->at_ms, record->reconciled, {}};
    for (const graphql::RootField& field : record->fields)
        seen.fields.push_back(field.name);
    return seen;
}

std::size_t Table::size() const {
    const std::lock_guard lock{mutex_};
    return records_.size();
}

std::uint64_t Table::answer_bytes() const {
    const std::lock_guard lock{mutex_};
    return answer_bytes_;
}

/// Forgets it first if its time is over.
RecordPtr Table::record_of(const Digest& identity, TimePoint now) {
    const auto found = records_.find(identity);
    if (found == records_.end())
        return nullptr;
    RecordPtr record = found->second;
    if (record->state == State::executed && !record->looking_up &&
        now - record->settled_at >= limits_.remember) {
        remove(record);
        return nullptr;
    }
    return record;
}

/// What must not be forgotten (in flight, unknown) stays in any case.
bool Table::make_room(std::size_t records, TimePoint now) {
    const auto is_over = [this, now](const RecordPtr& record) {
        return now - record->settled_at >= limits_.remember;
    };
    while (!executed_.empty() && !executed_.front()->looking_up &&
           (is_over(executed_.front()) || records_.size() + records > limits_.records)) {
        const RecordPtr oldest = executed_.front();
        remove(oldest);
    }
    return records_.size() + records <= limits_.records;
}

void Table::add(const RecordPtr& record) {
    for (const Digest& identity : record->identities)
        records_[identity] = record;
}

void Table::remove(const RecordPtr& record) {
    drop_answer(*record);
    if (record->in_executed)
        executed_.erase(*std::exchange(record->in_executed, std::nullopt));
    for (const Digest& identity : record->identities) {
        const auto found = records_.find(identity);
        if (found != records_.end() && found->second == record)
            records_.erase(found);
    }
    record->state = State::gone;
}

/// It was executed: it is remembered from now on for a bounded time.
void Table::keep(const RecordPtr& record, TimePoint settled_at) {
    record->settled_at = settled_at;
    if (record->in_executed)
        executed_.erase(*record->in_executed);
    record->in_executed = executed_.insert(executed_.end(), record);
}

void Table::keep_answer(const RecordPtr& record, AnswerPtr answer) {
    const std::size_t size = answer->size();
    if (size > longest_answer || size > limits_.replay_memory)
        return;
    while (answer_bytes_ + size > limits_.replay_memory)
        drop_answer(*answers_.front());
    record->answer = std::move(answer);
    record->in_answers = answers_.insert(answers_.end(), record);
    answer_bytes_ += size;
}

void Table::drop_answer(Record& record) {
    if (record.answer == nullptr)
        return;
    answer_bytes_ -= record.answer->size();
    record.answer = nullptr;
    answers_.erase(
        *std::exchange(record.in_answers, std::nullopt)); // may hold the last reference but the caller's
}

void Table::tell(Record& record, const Decision& decision) {
    for (const std::weak_ptr<Waiter>& each : std::exchange(record.waiters, {})) {
        if (const auto waiter = each.lock()) {
            waiter->decision_ = decision;
            waiter->wake();
        }
    }
}

} // namespace bearerd::transaction
