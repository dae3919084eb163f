#include <bearerd/journal/journal_index.hpp>

#include <algorithm>
#include <limits>

namespace bearerd::journal {
namespace {

using outcome::Executed;

constexpr auto last_number = std::numeric_limits<std::uint64_t>::max();

bool was_executed(const JournalEntry& item) noexcept {
    return item.outcome && item.outcome->executed == Executed::yes;
}

} // namespace

std::string transaction_of(std::uint32_t account, const std::vector<Field>& fields) {
    std::string name;
    for (const Field& field : fields) {
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
    const auto [place, fresh] = items_.try_emplace(intent.number, JournalEntry{intent, std::nullopt});
    next_ = std::max(next_, intent.number + 1);
    if (!fresh)
        return;
    count(place->second, true);
    if (const std::string name = transaction_of(intent.account, intent.fields); !name.empty())
        by_transaction_[name].push_back(intent.number);
}

/// Changes an item, and counts it again.
template<class Change>
void JournalIndex::change(Items::iterator at, const Change& what) {
    JournalEntry& item = at->second;
    count(item, false);
    what(item);
    count(item, true);
}

void JournalIndex::take(const Outcome& outcome) {
    const auto found = items_.find(outcome.number);
    if (found == items_.end())
        return;
    const JournalEntry& item = found->second;
    const bool by_repeat = item.outcome && item.outcome->source == Source::repeat;
    const bool news = item.unresolved() || outcome.executed != Executed::unknown;
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
        std::ranges::count_if(items_, [this](const auto& entry) { return in_flight(entry.second); }));
}

void JournalIndex::take(const Close& close) {
    const auto found = items_.find(close.number);
    if (found != items_.end())
        change(found, [&close](JournalEntry& item) { item.close = close; });
    drop_if_done(close.number);
}

void JournalIndex::take(const Heard& heard) {
    const auto found = items_.find(heard.number);
    if (found != items_.end())
        change(found, [](JournalEntry& item) { item.heard = true; });
    drop_if_done(heard.number);
}

void JournalIndex::forget(std::uint64_t number) {
    const auto found = items_.find(number);
    if (found == items_.end())
        return;
    count(found->second, false);
    remove(found);
}

std::vector<std::uint64_t> JournalIndex::of_transaction(std::uint32_t account,
                                                        const std::vector<Field>& fields) const {
    const auto found = by_transaction_.find(transaction_of(account, fields));
    return found == by_transaction_.end() ? std::vector<std::uint64_t>{} : found->second;
}

void JournalIndex::drop_if_done(std::uint64_t number) {
    const auto at = items_.find(number);
    if (keep_ == Keep::all || at == items_.end())
        return;
    const JournalEntry& item = at->second;
    if (!item.unresolved() && !item.unheard() && !item.guarded())
        forget(number);
}

void JournalIndex::count(const JournalEntry& item, bool up) noexcept {
    const auto add = [up](std::size_t& counter, bool counts) {
        if (counts)
            counter = up ? counter + 1 : counter - 1;
    };
    add(in_flight_count_, in_flight(item));
    add(unresolved_, item.unresolved());
    add(unheard_, item.unheard());
    add(answered_, !item.unresolved() && item.closable());
}

/// The request was executed. If several requests have sent one transaction, only one entry says so: the one
/// whose answer reports it, or else the first that a look-up has found.
void JournalIndex::settle_repeats(std::uint64_t number) {
    const auto self = items_.find(number);
    const auto group =
        by_transaction_.find(transaction_of(self->second.intent.account, self->second.intent.fields));
    const auto to_repeat = [](JournalEntry& item) {
        Outcome outcome = item.outcome.value_or(Outcome{});
        outcome.number = item.intent.number;
        outcome.executed = Executed::answered;
        outcome.source = Source::repeat;
        item.outcome = std::move(outcome);
    };
    const bool answered = self->second.outcome->source == Source::answer;
    const auto numbers = group == by_transaction_.end() ? std::vector<std::uint64_t>{} : group->second;
    bool is_repeat = false;
    for (const std::uint64_t other : numbers) {
        const auto at = items_.find(other);
        if (other == number || at == items_.end() || in_flight(at->second))
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

void JournalIndex::remove(Items::iterator at) {
    const auto group =
        by_transaction_.find(transaction_of(at->second.intent.account, at->second.intent.fields));
    if (group != by_transaction_.end()) {
        std::erase(group->second, at->first);
        if (group->second.empty())
            by_transaction_.erase(group);
    }
    items_.erase(at);
}

} // namespace bearerd::journal
