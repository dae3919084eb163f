#include <bearerd/transaction/table.hpp>

#include "record.hpp"

#include <algorithm>
#include <exception>
#include <utility>

namespace bearerd::transaction {

using outcome::Executed;

namespace {

using Kind = Decision::Kind;
using State = Record::State;

/// Returns the decision for a repeat that can't get the first one's answer.
Decision without_answer(const RecordPtr& record) {
    Decision decision;
    decision.first_request_id = record->request_id;
    decision.reconciled = record->reconciled;
    switch (record->state) {
    case State::executed:
        decision.kind = Kind::already_executed;
        break;
    case State::answered:
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

/// Allocates nothing.
Decision claim_again() noexcept {
    Decision decision;
    decision.kind = Kind::again;
    return decision;
}

Seen::State seen_state(const Record& record) noexcept {
    if (record.looking_up || record.state == State::in_flight)
        return Seen::State::in_flight;
    if (record.state == State::unknown)
        return Seen::State::unknown;
    return record.state == State::executed ? Seen::State::executed : Seen::State::answered;
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

void Waiters::add(const std::shared_ptr<Waiter>& waiter) {
    constexpr std::size_t few = 16;
    if (waiters_.size() >= compact_at_) {
        std::erase_if(waiters_, [](const std::weak_ptr<Waiter>& each) { return each.expired(); });
        compact_at_ = std::max(few, 2 * waiters_.size());
    }
    waiters_.push_back(waiter);
}

void Waiters::wake(const Decision& decision) noexcept {
    for (const std::weak_ptr<Waiter>& each : waiters_) {
        const auto waiter = each.lock();
        if (waiter == nullptr)
            continue;
        try {
            waiter->decision_ = decision;
        } catch (const std::exception&) { // no memory
            waiter->decision_.emplace().kind = Kind::again;
        }
        waiter->wake();
    }
    waiters_.clear();
    compact_at_ = 0;
}

void Table::set_history(History history) {
    const std::lock_guard lock{mutex_};
    history_ = history;
    if (history == History::complete)
        newcomers_.wake(claim_again());
}

void Table::stop_waiting() {
    const std::lock_guard lock{mutex_};
    stops_ = true;
    newcomers_.wake(without_history());
}

Decision Table::without_history() const {
    Decision decision;
    decision.kind = stops_ ? Kind::no_history : Kind::wait_for_journal;
    decision.not_sent_before = history_ == History::read;
    return decision;
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
    for (const Digest& identity : reading.identities) {
        const RecordPtr record = record_of(identity, now);
        if (record == nullptr || record == known)
            continue;
        if (!is_same(*record, reading)) {
            if (known == nullptr && may_succeed(*record, reading))
                return succeed(record, reading);
            Decision reused;
            reused.kind = Kind::key_reused;
            reused.first_request_id = record->request_id;
            return reused;
        }
        if (known == nullptr)
            known = record;
    }
    if (known != nullptr)
        return decide(known, waiter);
    if (history_ != History::complete) {
        if (!stops_)
            newcomers_.add(waiter);
        return without_history();
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
    first.record->header_rules = reading.header_rules;
    for (const graphql::RootField& field : reading.fields)
        first.record->fields.push_back(field.name);
    add(first.record);
    return first;
}

/// Whether the request is the same again: the fingerprint covers all of it. One whose fingerprint can't be
/// compared counts as the same: to say that its key was reused would say that it was not executed.
bool Table::is_same(const Record& record, const Reading& reading) {
    return !record.fingerprint || *record.fingerprint == reading.fingerprint ||
           record.successor == reading.fingerprint || record.header_rules != reading.header_rules;
}

/// Whether the keys may be free for another request: only the fleet's store knows whether the owner elsewhere
/// has freed them.
bool Table::may_succeed(const Record& record, const Reading& reading) {
    return record.state == State::unknown && !record.looking_up && !record.other_owner.empty() &&
           std::ranges::is_permutation(record.identities, reading.identities);
}

Decision Table::succeed(const RecordPtr& record, const Reading& reading) {
    Decision decision = ask_fleet(record);
    decision.replaces = true;
    record->successor = reading.fingerprint;
    return decision;
}

Decision Table::ask_fleet(const RecordPtr& record) {
    Decision decision;
    decision.first_request_id = record->request_id;
    decision.kind = Kind::ask_fleet;
    decision.record = record;
    decision.other_owner = record->other_owner;
    record->state = State::in_flight;
    keep(*record);
    return decision;
}

/// Changes nothing if memory runs out.
Decision Table::decide(const RecordPtr& record, const std::shared_ptr<Waiter>& waiter) {
    Decision decision;
    decision.first_request_id = record->request_id;
    if (record->state == State::in_flight || record->looking_up) {
        record->waiters.add(waiter);
        decision.kind = Kind::wait;
        return decision;
    }
    if (record->answer != nullptr) {
        answers_.splice(answers_.end(), answers_, *record->in_answers);
        decision.kind = Kind::replay;
        decision.answer = record->answer;
        return decision;
    }
    if (record->state == State::executed && record->looked_up)
        return without_answer(record);
    if (record->state == State::unknown &&
        !record->other_owner.empty()) // the other replica may have settled it by now
        return ask_fleet(record);
    return look_up(record);
}

Decision Table::look_up(const RecordPtr& record) {
    Decision decision;
    decision.first_request_id = record->request_id;
    decision.kind = Kind::look_up;
    decision.record = record;
    decision.reconciled = record->reconciled;
    decision.executed = record->state == State::executed;
    record->looking_up = true;
    return decision;
}

void Table::settle(const RecordPtr& record, Settlement how, TimePoint now) noexcept {
    const std::lock_guard lock{mutex_};
    if (record->state != State::in_flight)
        return;
    try {
        settle_locked(record, std::move(how), now);
    } catch (const std::exception&) { // no memory
        if (record->state == State::in_flight)
            record->state = State::unknown;
        record->waiters.wake(claim_again());
    }
    announce(*record);
}

void Table::share(const RecordPtr& record, std::shared_ptr<ClaimHolder> holder, std::string request_id,
                  std::int64_t at_ms) noexcept {
    const std::lock_guard lock{mutex_};
    record->request_id = std::move(request_id);
    record->at_ms = at_ms;
    record->other_owner.clear();
    record->holder = std::move(holder);
}

void Table::adopt(const RecordPtr& record, const Reading& reading) {
    std::vector<std::string> fields;
    for (const graphql::RootField& field : reading.fields)
        fields.push_back(field.name);
    const std::lock_guard lock{mutex_};
    record->fields = std::move(fields);
    record->fingerprint = reading.fingerprint;
    record->header_rules = reading.header_rules;
    record->successor.reset();
    record->waiters.wake(claim_again());
}

Decision Table::take_over(const RecordPtr& record, Elsewhere elsewhere, TimePoint now) {
    const std::lock_guard lock{mutex_};
    note_elsewhere(record, std::move(elsewhere), now);
    give_up_claim(*record);
    if (record->state == State::unknown || !record->looked_up)
        return look_up(record); // those who wait learn its result
    const Decision decision = without_answer(record);
    record->waiters.wake(decision);
    return decision;
}

void Table::release(const RecordPtr& record, Elsewhere elsewhere, TimePoint now) noexcept {
    const std::lock_guard lock{mutex_};
    record->successor.reset();
    give_up_claim(*record);
    if (elsewhere.owner.empty()) {
        remove(record);
    } else {
        try {
            elsewhere.executed = Executed::unknown;
            note_elsewhere(record, std::move(elsewhere), now);
        } catch (const std::exception&) { // no memory: it is unknown, and is not forgotten
            record->state = State::unknown;
        }
    }
    record->waiters.wake(claim_again());
}

/// Changes nothing if memory runs out.
void Table::note_elsewhere(const RecordPtr& record, Elsewhere elsewhere, TimePoint now) {
    const bool executed = elsewhere.executed == Executed::yes;
    if (executed)
        execute(record, now);
    else
        may_be_forgotten(record, now);
    if (!executed)
        record->state = State::unknown;
    record->other_owner = executed ? std::string{} : std::move(elsewhere.owner);
    record->request_id = std::move(elsewhere.request_id);
    if (elsewhere.at_ms != 0)
        record->at_ms = elsewhere.at_ms;
    record->looked_up = executed && !elsewhere.reconciled.empty();
    record->reconciled = std::move(elsewhere.reconciled);
}

void Table::settle_locked(const RecordPtr& record, Settlement how, TimePoint now) {
    const bool answered = how.executed == Executed::answered;
    const bool keeps = how.keep_answer && how.answer != nullptr;
    if (how.executed == Executed::no || (answered && how.nothing_ran)) {
        free(record, answered ? Seen::State::answered : Seen::State::not_executed, now);
    } else if (how.executed == Executed::yes) {
        execute(record, now);
        if (keeps)
            static_cast<void>(keep_answer(record, how.answer));
    } else if (answered && keeps && keep_answer(record, how.answer)) {
        record->state = State::answered;
    } else {
        record->state = State::unknown;
    }
    Decision decision = without_answer(record);
    if (how.answer != nullptr && !how.app_left) {
        decision.kind = Kind::replay;
        decision.answer = std::move(how.answer);
    }
    record->waiters.wake(decision);
}

void Table::looked_up(const RecordPtr& record, LookUpResult result, TimePoint now) noexcept {
    const std::lock_guard lock{mutex_};
    record->looking_up = false;
    const bool result_found = result.found.has_value();
    try {
        learn(record, std::move(result), now);
        if (result_found)
            announce(*record);
    } catch (const std::exception&) { // no memory: it stays what it was
        record->waiters.wake(claim_again());
    }
}

/// Restores a record that a person closed as not executed during its look-up, which has found it.
/// Transactions of it that another request has claimed meanwhile stay with that request.
void Table::revive(const RecordPtr& record, const std::string& found, TimePoint now) {
    for (const Digest& identity : record->identities) {
        const auto known = records_.find(identity);
        if (known == records_.end() || known->second->state != State::unknown ||
            known->second->request_id != record->request_id)
            continue;
        execute(known->second, now); // a later reading of the journal has put it in the other one's place
        known->second->reconciled = found;
        known->second->looked_up = true;
    }
    std::erase_if(record->identities, [this](const Digest& identity) { return records_.contains(identity); });
    if (record->identities.empty()) {
        if (const auto holder = std::exchange(record->holder, nullptr))
            holder->settled(Executed::yes, found);
        return;
    }
    add(record);
    record->state = State::unknown;
}

void Table::learn(const RecordPtr& record, LookUpResult result, TimePoint now) {
    if (result.found && record->state == State::gone)
        revive(record, *result.found, now);
    if (result.found) {
        if (record->state == State::unknown)
            execute(record, now);
        record->reconciled = std::move(*result.found);
    }
    // The next repeat tries a failed look-up again.
    record->looked_up =
        record->looked_up || result.found || (record->state == State::executed && result.conclusive);
    Decision decision = without_answer(record);
    if (result.answer != nullptr) {
        decision.kind = Kind::replay;
        decision.answer = std::move(result.answer);
    }
    record->waiters.wake(decision);
}

std::optional<Decision> Table::decision_of(Waiter& waiter) {
    const std::lock_guard lock{mutex_};
    return std::exchange(waiter.decision_, std::nullopt);
}

std::size_t Table::restore(std::vector<Restored> transactions, TimePoint now) {
    const std::lock_guard lock{mutex_};
    return insert_all(std::move(transactions), now);
}

/// A look-up that is running may find its record gone.
std::size_t Table::restore_again(std::vector<Restored> transactions, TimePoint now) {
    const std::lock_guard lock{mutex_};
    for (const Restored& each : transactions)
        for (const Digest& identity : each.identities) {
            const auto known = records_.find(identity);
            if (known != records_.end() && known->second->state == State::unknown)
                remove(RecordPtr{known->second});
        }
    return insert_all(std::move(transactions), now);
}

std::size_t Table::insert_all(std::vector<Restored> transactions, TimePoint now) {
    std::size_t without_room = 0;
    for (Restored& each : transactions)
        without_room += insert(std::move(each), now) ? 0 : 1;
    return without_room;
}

/// Adds those of its identities that are not there yet.
bool Table::insert(Restored transaction, TimePoint now) {
    const bool executed = transaction.executed == Executed::yes;
    const TimePoint settled_at = now - std::max(transaction.age, Duration{0});
    for (const Digest& identity : transaction.identities)
        forget_freed(identity);
    if (executed && transaction.age >= limits_.remember)
        return true;
    std::erase_if(transaction.identities,
                  [this](const Digest& identity) { return records_.contains(identity); });
    if (transaction.executed == Executed::no) {
        const Seen seen{transaction.nothing_ran ? Seen::State::answered : Seen::State::not_executed,
                        transaction.request_id,
                        transaction.at_ms,
                        {},
                        transaction.fields};
        remember_freed(transaction.identities, seen, settled_at);
        return true;
    }
    if (transaction.identities.empty())
        return true;
    if (!make_room(transaction.identities.size(), now))
        return false;
    const auto record = std::make_shared<Record>();
    record->identities = std::move(transaction.identities);
    record->fingerprint = transaction.fingerprint;
    record->header_rules = transaction.header_rules;
    record->request_id = std::move(transaction.request_id);
    record->fields = std::move(transaction.fields);
    record->at_ms = transaction.at_ms;
    record->state = State::unknown;
    add(record);
    if (executed)
        execute(record, settled_at);
    return true;
}

bool Table::found(std::span<const Digest> identities, std::string reconciled, TimePoint now) {
    const std::lock_guard lock{mutex_};
    for (const Digest& identity : identities) {
        const RecordPtr record = record_of(identity, now);
        if (record == nullptr || record->state != State::unknown)
            continue;
        execute(record, now);
        record->reconciled = std::move(reconciled);
        record->looked_up = true;
        announce(*record);
        return true;
    }
    return false;
}

void Table::close(Restored transaction, TimePoint now) {
    const TimePoint settled_at = now - std::max(transaction.age, Duration{0});
    apply_outcome(std::move(transaction), false, settled_at, now);
}

void Table::record_outcome(Restored transaction, TimePoint now) {
    apply_outcome(std::move(transaction), true, now, now);
}

/// Applies a known outcome. `of_request`: only to what that very request has left unknown.
void Table::apply_outcome(Restored transaction, bool of_request, TimePoint settled_at, TimePoint now) {
    const std::lock_guard lock{mutex_};
    for (const Digest& identity : transaction.identities) {
        const RecordPtr record = record_of(identity, now);
        // The API's answer did not say whether it was executed. A person does, so repeats get it no more.
        if (record != nullptr && !of_request && record->state == State::answered)
            drop_answer(*record);
        if (record == nullptr || record->state != State::unknown ||
            (of_request && record->request_id != transaction.request_id))
            continue;
        if (transaction.executed == Executed::no)
            remove(record);
        else if (transaction.executed == Executed::yes)
            execute(record, settled_at);
        announce(*record);
    }
    static_cast<void>(insert(std::move(transaction), now)); // what was not there; `no` is for people only
}

std::optional<Seen> Table::find(const Digest& identity, TimePoint now) {
    const std::lock_guard lock{mutex_};
    const RecordPtr record = record_of(identity, now);
    if (record == nullptr)
        return find_freed(identity, now);
    Seen seen{seen_state(*record), record->request_id, record->at_ms, record->reconciled, {}};
    seen.fields = record->fields;
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

/// Returns the record of an identity, unless there is none; forgets it first if its time is over.
RecordPtr Table::record_of(const Digest& identity, TimePoint now) {
    const auto found = records_.find(identity);
    if (found == records_.end())
        return nullptr;
    RecordPtr record = found->second;
    if (record->in_executed && !record->looking_up && now - record->settled_at >= limits_.remember) {
        remove(record);
        return nullptr;
    }
    return record;
}

/// Forgets the oldest executed ones as far as needed. Returns false if there is no room: what must not be
/// forgotten (in flight, unknown) stays in any case.
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

/// Adds all of the record's identities or none.
void Table::add(const RecordPtr& record) {
    std::size_t added = 0;
    try {
        for (const Digest& identity : record->identities) {
            records_[identity] = record;
            ++added;
        }
    } catch (const std::exception&) {
        for (std::size_t i = 0; i < added; ++i)
            records_.erase(record->identities[i]);
        throw;
    }
    for (const Digest& identity : record->identities)
        forget_freed(identity); // its last request says more
}

void Table::remove(const RecordPtr& record) noexcept {
    record->state = State::gone;
    drop_answer(*record);
    keep(*record);
    for (const Digest& identity : record->identities) {
        const auto found = records_.find(identity);
        if (found != records_.end() && found->second == record)
            records_.erase(found);
    }
}

/// Removes a record that was not executed, so that a repeat is sent as new. If memory runs out, find() does
/// not show it.
void Table::free(const RecordPtr& record, Seen::State state, TimePoint now) noexcept {
    remove(record);
    try {
        const Seen seen{state, record->request_id, record->at_ms, {}, record->fields};
        remember_freed(record->identities, seen, now);
    } catch (const std::exception&) {
        return;
    }
}

void Table::remember_freed(std::span<const Digest> identities, const Seen& seen, TimePoint at) {
    for (const Digest& identity : identities) {
        forget_freed(identity);
        std::list<Freed> one{{identity, seen, at}};
        freed_of_[identity] = one.begin();
        freed_.splice(freed_.end(), one);
    }
    while (freed_.size() > most_freed)
        forget_freed(Digest{freed_.front().identity});
}

void Table::forget_freed(const Digest& identity) noexcept {
    const auto found = freed_of_.find(identity);
    if (found == freed_of_.end())
        return;
    freed_.erase(found->second);
    freed_of_.erase(found);
}

std::optional<Seen> Table::find_freed(const Digest& identity, TimePoint now) const {
    const auto found = freed_of_.find(identity);
    if (found == freed_of_.end() || now - found->second->at >= limits_.remember)
        return std::nullopt;
    return found->second->seen;
}

/// Marks the record as executed, and remembers it from `settled_at` on for a bounded time. Changes nothing if
/// memory runs out.
void Table::execute(const RecordPtr& record, TimePoint settled_at) {
    may_be_forgotten(record, settled_at);
    record->state = State::executed;
}

/// Lets the record be forgotten after its time. Changes nothing if memory runs out.
void Table::may_be_forgotten(const RecordPtr& record, TimePoint settled_at) {
    const auto place = executed_.insert(executed_.end(), record);
    keep(*record);
    record->in_executed = place;
    record->settled_at = settled_at;
}

/// Protects the record from being forgotten.
void Table::keep(Record& record) noexcept {
    if (record.in_executed)
        executed_.erase(*std::exchange(record.in_executed, std::nullopt));
}

/// Reports the outcome to the holder of the claim outside of this process, if there is one.
void Table::announce(Record& record) noexcept {
    if (record.holder == nullptr)
        return;
    Executed executed = Executed::unknown;
    if (record.state == State::gone)
        executed = Executed::no;
    else if (record.state == State::executed)
        executed = Executed::yes;
    record.holder->settled(executed, record.reconciled);
    const bool says_all = executed == Executed::yes && !record.reconciled.empty();
    if (says_all || (executed == Executed::no && !record.looking_up))
        record.holder.reset();
}

/// Reports to the holder that nothing was sent under its claim.
void Table::give_up_claim(Record& record) noexcept {
    if (const auto holder = std::exchange(record.holder, nullptr))
        holder->settled(Executed::no, {});
}

/// Returns false if it is too long to keep.
bool Table::keep_answer(const RecordPtr& record, AnswerPtr answer) {
    const std::size_t size = answer->size();
    if (size > longest_answer || size > limits_.replay_memory)
        return false;
    while (answer_bytes_ + size > limits_.replay_memory)
        drop_answer(*answers_.front());
    record->in_answers = answers_.insert(answers_.end(), record);
    record->answer = std::move(answer);
    answer_bytes_ += size;
    return true;
}

/// Drops the record's answer. A transaction that the API has answered without saying that it was executed is
/// unknown from then on.
void Table::drop_answer(Record& record) noexcept {
    if (record.answer == nullptr)
        return;
    if (record.state == State::answered)
        record.state = State::unknown;
    answer_bytes_ -= record.answer->size();
    record.answer = nullptr;
    answers_.erase(
        *std::exchange(record.in_answers, std::nullopt)); // may hold the last reference but the caller's
}

} // namespace bearerd::transaction
