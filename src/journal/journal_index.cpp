#include <bearerd/journal/journal_index.hpp>

#include <algorithm>
#include <limits>

namespace bearerd::journal {
namespace {

using outcome::Executed;

constexpr auto last_number = std::numeric_limits<std::uint64_t>::max();

bool was_executed(const JournalEntry& entry) noexcept {
    return entry.outcome && entry.outcome->executed == Executed::yes;
}

} // namespace

std::string transaction_of(std::uint32_t account, const std::vector<MutationField>& fields) {
    std::string name;
    for (const MutationField& field : fields) {
        if (field.key.empty())
            return {};
        name.append(name.empty() ? std::to_string(account) + ";" : "")
            .append(field.name)
            .append(":")
            .append(std::to_string(field.key.size()))
            .append(":")
            .append(field.key);
    }
    return name;
}

bool JournalEntry::guarded() const noexcept {
    if (intent.fingerprint.empty())
        return false;
    const bool nothing = !close && outcome && outcome->nothing_ran;
    const bool other_entry = outcome && outcome->source == Source::repeat;
    return executed() != Executed::no && !nothing && !other_entry;
}

void JournalIndex::take(const Record& record) {
    std::visit([this](const auto& each) { take(each); }, record);
}

void JournalIndex::take(const Intent& intent) {
    if (intent.number == last_number) // nothing could follow it: none of ours
        return;
    const auto [place, fresh] = entries_.try_emplace(intent.number, JournalEntry{intent, std::nullopt});
    next_ = std::max(next_, intent.number + 1);
    if (!fresh)
        return;
    count(place->second, true);
    if (const std::string name = transaction_of(intent.account, intent.fields); !name.empty())
        by_transaction_[name].push_back(intent.number);
}

/// Changes an entry, and counts it again.
template<class Change>
void JournalIndex::change(Entries::iterator at, const Change& what) {
    JournalEntry& entry = at->second;
    count(entry, false);
    what(entry);
    count(entry, true);
}

void JournalIndex::take(const Outcome& outcome) {
    const auto found = entries_.find(outcome.number);
    if (found == entries_.end())
        return;
    const JournalEntry& entry = found->second;
    const bool by_repeat = entry.outcome && entry.outcome->source == Source::repeat;
    const bool news = entry.unresolved() || outcome.executed != Executed::unknown;
    if (by_repeat || !news)
        return;
    change(found, [&outcome](JournalEntry& changed) {
        const bool unheard = changed.outcome && changed.outcome->unheard;
        changed.outcome = outcome;
        // A look-up in the background brings no answer to an app that was gone. Any other one was made for an
        // app.
        changed.outcome->unheard = outcome.unheard || (unheard && outcome.source == Source::recovery);
    });
    if (outcome.executed == Executed::yes)
        settle_repeats(outcome.number);
    drop_if_done(outcome.number);
}

void JournalIndex::take(const Start& start) {
    start_ = start;
    if (start.number != last_number)
        next_ = std::max(next_, start.number);
    in_flight_count_ = static_cast<std::size_t>(
        std::ranges::count_if(entries_, [this](const auto& entry) { return in_flight(entry.second); }));
}

void JournalIndex::take(const Close& close) {
    const auto found = entries_.find(close.number);
    if (found != entries_.end())
        change(found, [&close](JournalEntry& entry) { entry.close = close; });
    drop_if_done(close.number);
}

void JournalIndex::take(const Heard& heard) {
    const auto found = entries_.find(heard.number);
    if (found != entries_.end())
        change(found, [](JournalEntry& entry) { entry.heard = true; });
    drop_if_done(heard.number);
}

void JournalIndex::forget(std::uint64_t number) {
    const auto found = entries_.find(number);
    if (found == entries_.end())
        return;
    count(found->second, false);
    remove(found);
}

std::vector<std::uint64_t> JournalIndex::of_transaction(std::uint32_t account,
                                                        const std::vector<MutationField>& fields) const {
    const auto found = by_transaction_.find(transaction_of(account, fields));
    return found == by_transaction_.end() ? std::vector<std::uint64_t>{} : found->second;
}

void JournalIndex::drop_if_done(std::uint64_t number) {
    const auto at = entries_.find(number);
    if (keep_ == Keep::all || at == entries_.end())
        return;
    const JournalEntry& entry = at->second;
    if (!entry.unresolved() && !entry.unheard() && !entry.guarded())
        forget(number);
}

void JournalIndex::count(const JournalEntry& entry, bool up) noexcept {
    const auto add = [up](std::size_t& counter, bool counts) {
        if (counts)
            counter = up ? counter + 1 : counter - 1;
    };
    add(in_flight_count_, in_flight(entry));
    add(unresolved_, entry.unresolved());
    add(unheard_, entry.unheard());
    add(answered_, !entry.unresolved() && entry.closable());
}

/// The request was executed. If several requests have sent one transaction, only one entry says so: the one
/// whose answer reports it, or else the first that a look-up has found.
void JournalIndex::settle_repeats(std::uint64_t number) {
    const auto self = entries_.find(number);
    const auto group =
        by_transaction_.find(transaction_of(self->second.intent.account, self->second.intent.fields));
    const auto to_repeat = [](JournalEntry& entry) {
        Outcome outcome = entry.outcome.value_or(Outcome{});
        outcome.number = entry.intent.number;
        outcome.executed = Executed::answered;
        outcome.source = Source::repeat;
        entry.outcome = std::move(outcome);
    };
    const bool answered = self->second.outcome->source == Source::answer;
    const auto numbers = group == by_transaction_.end() ? std::vector<std::uint64_t>{} : group->second;
    bool is_repeat = false;
    for (const std::uint64_t other : numbers) {
        const auto at = entries_.find(other);
        if (other == number || at == entries_.end() || in_flight(at->second))
            continue;
        const bool executed = was_executed(at->second);
        if (executed && !answered) {
            is_repeat = true;
            continue;
        }
        if ((executed && at->second.outcome->source != Source::answer) ||
            (at->second.unresolved() && other < number)) {
            change(at, to_repeat);
            drop_if_done(other);
        }
    }
    if (is_repeat)
        change(self, to_repeat);
}

void JournalIndex::remove(Entries::iterator at) {
    const auto group =
        by_transaction_.find(transaction_of(at->second.intent.account, at->second.intent.fields));
    if (group != by_transaction_.end()) {
        std::erase(group->second, at->first);
        if (group->second.empty())
            by_transaction_.erase(group);
    }
    entries_.erase(at);
}

} // namespace bearerd::journal
