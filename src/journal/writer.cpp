#include "writer.hpp"

#include <bearerd/base/log.hpp>

#include <boost/asio/post.hpp>

#include <algorithm>
#include <chrono>

namespace bearerd::journal {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t most_intents = 4096; ///< queued at once: a few megabytes
constexpr std::size_t most_heard = 4096;   ///< the same
constexpr std::size_t most_compared = 64;  ///< queued notes that a new one is compared with
constexpr Duration longest_write = 2s;     ///< if one takes longer, the disk hangs, and nobody waits for it
constexpr Duration retry_after = 1s;
constexpr Duration outcomes_unsynced = 1s; ///< how long they may stay so
constexpr Duration look_for_closes = 1s;

using IntentGroup = std::vector<PendingIntentPtr>;

void wake(const IntentGroup& intents, bool durable) {
    for (const PendingIntentPtr& pending : intents) {
        pending->durable = durable;
        if (pending->waiting != nullptr)
            pending->waiting->set();
    }
}

} // namespace

Journal::Writer::Writer(Settings settings, Events events)
    : events_{std::move(events)}, store_{std::move(settings)} {}

bool Journal::Writer::post(Posted posted) {
    const bool intent = posted.is_intent();
    const std::lock_guard lock{mutex};
    if (intent) {
        const bool hangs = busy_since_ != TimePoint::max() && BootClock::now() - busy_since_ > longest_write;
        if (hangs || stopping || intents_pending_ >= most_intents)
            return false;
        ++intents_pending_;
    }
    may_be_unheard_ = may_be_unheard_ || posted.may_be_unheard();
    pending_.push_back(std::move(posted));
    if (pending_.size() == 1) // else it has been woken already, or is busy
        changed.notify_all();
    return true;
}

void Journal::Writer::post_heard(Posted posted, bool joined) {
    posted.joined = joined;
    const std::lock_guard lock{mutex};
    if ((!may_be_unheard_ && !joined) || heard_pending_ >= most_heard)
        return;
    const auto latest =
        pending_.end() - static_cast<std::ptrdiff_t>(std::min(pending_.size(), most_compared));
    const auto is_same = [&posted](const Posted& other) {
        return other.heard && other.joined == posted.joined && other.about == posted.about;
    };
    if (std::any_of(latest, pending_.end(), is_same))
        return;
    ++heard_pending_;
    pending_.push_back(std::move(posted));
    if (pending_.size() == 1)
        changed.notify_all();
}

void Journal::Writer::run() {
    std::unique_lock lock{mutex};
    for (bool last = false; !last;) {
        last = stopping && pending_.empty();
        Batch batch;
        batch.swap(pending_);
        intents_pending_ = 0;
        const std::size_t heard_taken = heard_pending_; // what was left over included
        busy_since_ = BootClock::now();
        lock.unlock();
        write(std::move(batch));
        const auto when = due();
        lock.lock();
        heard_pending_ = heard_pending_ - heard_taken + left_over_heard_;
        busy_since_ = TimePoint::max();
        const auto something = [this] { return stopping || !pending_.empty(); };
        if (last || something())
            continue;
        if (when)
            changed.wait_for(lock, std::max(Duration{0}, *when - BootClock::now()), something);
        else
            changed.wait(lock, something);
    }
    if (unsynced_since_ != TimePoint::max()) {
        lock.unlock();
        sync_outcomes();
    }
}

/// Whether a person may close anything. Guarded entries may be closed too.
bool Journal::Writer::has_closable() const {
    const JournalIndex& index = store_.index();
    return index.count_unresolved() > index.count_in_flight() || index.count_answered() != 0;
}

/// Returns when there is something to do although nothing was queued.
std::optional<TimePoint> Journal::Writer::due() const {
    std::optional<TimePoint> when;
    if (unsynced_since_ != TimePoint::max())
        when = unsynced_since_ + outcomes_unsynced;
    if (!store_.is_open() || !left_over_.empty())
        when = std::min(when.value_or(TimePoint::max()), next_try_);
    if (store_.is_open() && has_closable())
        when = std::min(when.value_or(TimePoint::max()), next_look_);
    return when;
}

void Journal::Writer::write(Batch batch) {
    if (!left_over_.empty()) {
        batch.insert(batch.begin(), std::make_move_iterator(left_over_.begin()),
                     std::make_move_iterator(left_over_.end()));
        left_over_.clear();
        left_over_heard_ = 0;
    }
    if (!ready()) {
        keep_outcomes(batch);
        complete(batch, false);
        return;
    }
    report_opened();
    if (const Duration remember = remember_.load(std::memory_order_relaxed); remember != Duration{-1})
        store_.set_remember(remember);
    if (!batch.empty())
        put(batch);
    else if (BootClock::now() - outcomes_unsynced >= unsynced_since_)
        sync_outcomes();
    if (BootClock::now() >= next_look_ && has_closable())
        take_closes();
    count();
}

bool Journal::Writer::ready() {
    if (BootClock::now() < next_try_)
        return false;
    if (store_.is_open())
        return true;
    const auto failure = store_.open();
    open_.store(!failure);
    report(failure);
    if (failure)
        report_not_opened();
    return !failure;
}

void Journal::Writer::put(Batch& batch) {
    std::vector<Record> records;
    const std::string bytes = number_and_encode(batch, records);
    error_code failure = bytes.empty() ? error_code{} : store_.append(bytes, records);
    bool intents = false;
    for (const Posted& posted : batch) {
        intents = intents || posted.is_intent();
        if (!posted.is_intent())
            continue;
        posted.pending->on_disk = !failure;
        if (failure)
            posted.pending->intent.number = 0;
    }
    if (failure)
        keep_outcomes(batch);
    else if (!bytes.empty())
        unsynced_since_ = std::min(unsynced_since_, BootClock::now());
    if (!failure && intents) {
        failure = store_.sync();
        unsynced_since_ = TimePoint::max(); // and what failed is written again
    }
    complete(batch, !failure);
    report(failure ? std::optional{failure.message()} : std::nullopt);
    if (failure)
        return;
    report_unknown(records);
    report_outcomes(batch);
}

/// Reports outcomes for a guard that did not exist when the mutations were sent.
void Journal::Writer::report_outcomes(const Batch& batch) {
    if (!report_all_.load() || !events_.outcome_recorded)
        return;
    for (const Posted& posted : batch) {
        if (!posted.pending || !posted.outcome || posted.outcome->executed == outcome::Executed::unknown)
            continue;
        JournalEntry entry{posted.pending->intent, posted.outcome};
        // A retry that was not sent frees nothing that its first request may have executed.
        if (entry.executed() == outcome::Executed::no && has_others(entry))
            continue;
        const std::lock_guard lock{mutex};
        if (!abandoned && !stopping)
            events_.outcome_recorded(std::move(entry));
    }
}

/// A number is given once, even if its record then can't be written: a part of the record may be on the disk,
/// and would be taken for another mutation's.
std::string Journal::Writer::number_and_encode(Batch& batch, std::vector<Record>& records) {
    next_number_ = std::max(next_number_, store_.index().next_number());
    std::string bytes;
    for (Posted& posted : batch) {
        if (posted.is_intent())
            posted.pending->intent.number = next_number_++;
        else if (posted.pending)
            posted.outcome->number = posted.pending->intent.number;
        append_record(posted, bytes, records);
    }
    return bytes;
}

/// Whether the entry may be unheard. `records`: those of the batch, which may hold its outcome.
bool Journal::Writer::may_be_unheard(const JournalEntry& entry, const std::vector<Record>& records) {
    if (entry.outcome)
        return entry.outcome->unheard;
    return std::ranges::any_of(records, [&entry](const Record& record) {
        const auto* const outcome = std::get_if<Outcome>(&record);
        return outcome != nullptr && outcome->number == entry.intent.number && outcome->unheard;
    });
}

/// Writes no outcome of an intent that is not on the disk.
void Journal::Writer::append_record(const Posted& posted, std::string& bytes, std::vector<Record>& records) {
    const std::size_t before = records.size();
    if (posted.is_intent()) {
        records.emplace_back(posted.pending->intent);
    } else if (!posted.about) {
        if (posted.outcome->number != 0)
            records.emplace_back(*posted.outcome);
    } else {
        auto numbers = store_.index().of_transaction(posted.about->account, posted.about->fields);
        std::ranges::reverse(numbers); // the newest first
        for (const std::uint64_t number : numbers) {
            const JournalEntry& entry = store_.index().entries().at(number);
            if (posted.heard && !entry.heard && !entry.close &&
                (posted.joined || may_be_unheard(entry, records))) {
                records.emplace_back(Heard{number, wall_ms()});
            } else if (posted.outcome && entry.unresolved() && !store_.index().in_flight(entry)) {
                records.emplace_back(*posted.outcome);
                std::get<Outcome>(records.back()).number = number;
                break;
            }
        }
    }
    for (std::size_t i = before; i < records.size(); ++i)
        bytes += encode(records[i]);
}

/// Reports unknown outcomes to the background look-ups, and notes whether the status page's list changes.
void Journal::Writer::report_unknown(const std::vector<Record>& records) {
    for (const Record& record : records) {
        const auto* const outcome = std::get_if<Outcome>(&record);
        const auto found = outcome != nullptr ? store_.index().entries().find(outcome->number)
                                              : store_.index().entries().end();
        const bool unheard = found != store_.index().entries().end() && found->second.unheard();
        if (unheard)
            unheard_total_.fetch_add(1, std::memory_order_relaxed);
        const bool unknown = outcome != nullptr && outcome->executed == outcome::Executed::unknown;
        list_changed_ = list_changed_ || unheard || unknown || std::holds_alternative<Heard>(record) ||
                        (outcome != nullptr && unresolved_.load(std::memory_order_relaxed) != 0);
        if (!unknown || !events_.left_unknown)
            continue;
        const std::lock_guard lock{mutex};
        if (found != store_.index().entries().end() && !abandoned && !stopping)
            events_.left_unknown(found->second);
    }
}

/// Takes what people have closed while this process runs: each close is a separate file in the folder.
void Journal::Writer::take_closes() {
    next_look_ = BootClock::now() + look_for_closes;
    for (const Close& close : store_.take_closes()) {
        const auto found = store_.index().entries().find(close.number);
        if (found == store_.index().entries().end() || !found->second.closable())
            continue;
        JournalEntry entry = found->second;
        const std::vector<Record> records{close};
        const error_code failure = store_.append(encode(close), records);
        report(failure ? std::optional{failure.message()} : std::nullopt);
        if (failure)
            continue;
        unsynced_since_ = std::min(unsynced_since_, BootClock::now());
        list_changed_ = true;
        entry.close = close;
        const bool others = has_others(entry);
        const std::lock_guard lock{mutex};
        if (!abandoned && !stopping && events_.closed)
            events_.closed(std::move(entry), others);
    }
}

/// Whether another entry holds one of its transactions, and may have been executed.
bool Journal::Writer::has_others(const JournalEntry& closed) const {
    const auto holds_one = [&closed](const JournalEntry& entry) {
        return std::ranges::any_of(closed.intent.fields, [&entry](const MutationField& field) {
            const auto is_same = [&field](const MutationField& other) {
                return other.name == field.name && other.key == field.key;
            };
            return !field.key.empty() && std::ranges::any_of(entry.intent.fields, is_same);
        });
    };
    return std::ranges::any_of(store_.index().entries(), [&](const auto& each) {
        const JournalEntry& entry = each.second;
        return each.first != closed.intent.number && entry.intent.account == closed.intent.account &&
               (entry.unresolved() || entry.guarded()) && holds_one(entry);
    });
}

void Journal::Writer::sync_outcomes() {
    const error_code failure = store_.sync();
    unsynced_since_ = TimePoint::max();
    report(failure ? std::optional{failure.message()} : std::nullopt);
}

void Journal::Writer::keep_outcomes(Batch& batch) {
    for (Posted& posted : batch)
        if (!posted.is_intent() && (!posted.pending || posted.pending->on_disk))
            left_over_.push_back(std::move(posted));
    left_over_heard_ = static_cast<std::size_t>(std::ranges::count_if(left_over_, &Posted::heard));
    std::erase_if(batch, [](const Posted& posted) { return !posted.is_intent() || !posted.pending; });
}

/// Wakes the requests that wait for these intents, all requests of a loop in one turn.
void Journal::Writer::complete(const Batch& batch, bool durable) {
    std::vector<IntentGroup> groups;
    for (const Posted& posted : batch) {
        if (!posted.is_intent())
            continue;
        const auto same = [&posted](const IntentGroup& group) {
            return group.front()->executor == posted.pending->executor;
        };
        const auto found = std::ranges::find_if(groups, same);
        (found != groups.end() ? *found : groups.emplace_back()).push_back(posted.pending);
    }
    const std::lock_guard lock{mutex};
    if (abandoned)
        return;
    for (IntentGroup& group : groups) {
        const net::Executor executor = group.front()->executor;
        net::asio::post(executor, [intents = std::move(group), durable] { wake(intents, durable); });
    }
}

/// Logs once for each change between failure and success, not for every mutation while a disk is full.
void Journal::Writer::report(const std::optional<std::string>& failure) {
    if (failure)
        next_try_ = BootClock::now() + retry_after;
    const bool was_working = working_.exchange(!failure, std::memory_order_relaxed);
    const std::size_t forgotten = store_.take_forgotten();
    const std::size_t guarded = store_.take_forgotten_guarded();
    const std::size_t removals = store_.take_removals();
    const std::lock_guard lock{mutex};
    if (abandoned)
        return;
    if (failure && was_working)
        log::error("journal can't be written",
                   {{"reason", std::string_view{*failure}}, {"directory", store_.directory()}});
    if (!failure && !was_working)
        log::info("journal is written again");
    if (removals != 0)
        log::error(
            "the journal's file was removed while bearerd runs: what is needed of it was written again",
            {{"directory", store_.directory()}});
    if (forgotten != 0)
        log::error("journal is too small for what is unresolved: the oldest was dropped",
                   {{"mutations", static_cast<std::int64_t>(forgotten)}});
    if (guarded != 0)
        log::error("journal is too small for transactions.remember: a restart does not recognise the oldest",
                   {{"transactions", static_cast<std::int64_t>(guarded)}});
}

void Journal::Writer::report_not_opened() {
    const std::lock_guard lock{mutex};
    if (!abandoned && !stopping && events_.not_opened)
        events_.not_opened(store_.is_held());
}

void Journal::Writer::report_opened() {
    if (opened_reported_)
        return;
    opened_reported_ = true;
    std::vector<JournalEntry> entries;
    for (const auto& [number, entry] : store_.index().entries())
        entries.push_back(entry);
    const Damage& damage = store_.damage();
    const std::lock_guard lock{mutex};
    if (abandoned)
        return;
    if (damage.torn_bytes != 0)
        log::warning("journal: a record that a crash cut off was dropped",
                     {{"bytes", static_cast<std::int64_t>(damage.torn_bytes)}});
    if (damage.records != 0)
        log::warning("journal: damaged records were skipped",
                     {{"records", static_cast<std::int64_t>(damage.records)}});
    if (!stopping)
        events_.opened(std::move(entries));
}

void Journal::Writer::count() {
    const JournalIndex& index = store_.index();
    unresolved_.store(index.count_unresolved() - index.count_in_flight(), std::memory_order_relaxed);
    unheard_.store(index.count_unheard(), std::memory_order_relaxed);
    if (store_.is_open()) {
        const std::lock_guard lock{mutex};
        may_be_unheard_ = index.count_unheard() != 0 || !left_over_.empty() ||
                          std::ranges::any_of(pending_, &Posted::may_be_unheard);
    }
    list();
}

/// Collects the entries that the status page lists.
void Journal::Writer::list() {
    if (!list_changed_)
        return;
    list_changed_ = false;
    std::vector<JournalEntry> newest;
    const JournalIndex& index = store_.index();
    for (auto at = index.entries().rbegin();
         at != index.entries().rend() && newest.size() < View::most_listed; ++at) {
        const JournalEntry& entry = at->second;
        if (entry.unheard() || (entry.unresolved() && !index.in_flight(entry)))
            newest.push_back(entry);
    }
    const std::lock_guard lock{mutex};
    listed_ = std::move(newest);
}

View Journal::Writer::view() {
    const std::lock_guard lock{mutex};
    View view;
    view.unresolved = unresolved_.load(std::memory_order_relaxed);
    view.working = working_.load(std::memory_order_relaxed);
    view.unheard = unheard_.load(std::memory_order_relaxed);
    view.unheard_total = unheard_total_.load(std::memory_order_relaxed);
    view.listed = listed_;
    return view;
}

} // namespace bearerd::journal
