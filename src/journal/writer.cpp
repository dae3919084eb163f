#include "writer.hpp"

#include <bearerd/base/log.hpp>
#include <bearerd/base/signals.hpp>

#include <boost/asio/post.hpp>

#include <algorithm>

namespace bearerd::journal {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t most_intents = 4096; ///< queued; some megabyte
constexpr Duration longest_write = 2s;     ///< from here on the disk hangs, and nobody waits for it any more
constexpr Duration retry_after = 1s;
constexpr Duration outcomes_unsynced = 1s; ///< at most
constexpr auto longest_flush = 2s;

using EntryGroup = std::vector<EntryPtr>;

void wake(const EntryGroup& entries, bool durable) {
    for (const EntryPtr& entry : entries) {
        entry->durable = durable;
        if (entry->waiting != nullptr)
            entry->waiting->set();
    }
}

} // namespace

Journal::Writer::Writer(Settings settings, Events events)
    : events_{std::move(events)}, store_{std::move(settings)} {}

bool Journal::Writer::post(Posted posted) {
    const bool intent = !posted.outcome;
    const std::lock_guard lock{mutex_};
    if (intent) {
        const bool hangs = busy_since_ != TimePoint::max() && BootClock::now() - busy_since_ > longest_write;
        if (hangs || stopping_ || intents_pending_ >= most_intents)
            return false;
        ++intents_pending_;
    }
    pending_.push_back(std::move(posted));
    if (pending_.size() == 1) // else it has been woken already, or is busy
        changed_.notify_all();
    return true;
}

bool Journal::Writer::stop() {
    std::unique_lock lock{mutex_};
    stopping_ = true;
    changed_.notify_all();
    abandoned_ = !changed_.wait_for(lock, longest_flush, [this] { return done_; });
    return !abandoned_;
}

void Journal::Writer::run() {
    block_signals();
    std::unique_lock lock{mutex_};
    for (bool last = false; !last;) {
        last = stopping_ && pending_.empty();
        Batch batch;
        batch.swap(pending_);
        intents_pending_ = 0;
        busy_since_ = BootClock::now();
        lock.unlock();
        write(std::move(batch));
        const auto when = due();
        lock.lock();
        busy_since_ = TimePoint::max();
        const auto something = [this] { return stopping_ || !pending_.empty(); };
        if (last || something())
            continue;
        if (when)
            changed_.wait_for(lock, std::max(Duration{0}, *when - BootClock::now()), something);
        else
            changed_.wait(lock, something);
    }
    if (unsynced_since_ != TimePoint::max()) {
        lock.unlock();
        sync_outcomes();
        lock.lock();
    }
    done_ = true;
    changed_.notify_all();
}

/// When there is something to do though nothing comes.
std::optional<TimePoint> Journal::Writer::due() const {
    std::optional<TimePoint> when;
    if (unsynced_since_ != TimePoint::max())
        when = unsynced_since_ + outcomes_unsynced;
    if (!store_.is_open() || !left_over_.empty())
        when = std::min(when.value_or(TimePoint::max()), next_try_);
    return when;
}

void Journal::Writer::write(Batch batch) {
    if (!left_over_.empty()) {
        batch.insert(batch.begin(), std::make_move_iterator(left_over_.begin()),
                     std::make_move_iterator(left_over_.end()));
        left_over_.clear();
    }
    if (!ready()) {
        keep_outcomes(batch);
        complete(batch, false);
        return;
    }
    tell_opened();
    if (!batch.empty())
        put(batch);
    else if (BootClock::now() - outcomes_unsynced >= unsynced_since_)
        sync_outcomes();
    count();
}

bool Journal::Writer::ready() {
    if (BootClock::now() < next_try_)
        return false;
    if (store_.is_open())
        return true;
    const auto failure = store_.open();
    report(failure);
    return !failure;
}

void Journal::Writer::put(Batch& batch) {
    std::vector<Record> records;
    const std::string bytes = number_and_encode(batch, records);
    error_code failure = bytes.empty() ? error_code{} : store_.append(bytes, records);
    bool intents = false;
    for (const Posted& posted : batch) {
        intents = intents || !posted.outcome;
        if (posted.outcome)
            continue;
        posted.entry->on_disk = !failure;
        if (failure)
            posted.entry->intent.number = 0;
    }
    if (failure)
        keep_outcomes(batch);
    else if (!bytes.empty())
        unsynced_since_ = std::min(unsynced_since_, BootClock::now());
    if (!failure && intents) {
        failure = store_.sync();
        unsynced_since_ = TimePoint::max(); // and what failed is written anew
    }
    complete(batch, !failure);
    report(failure ? std::optional{failure.message()} : std::nullopt);
}

/// A number is given once, even where its record then can't be written: some of it may be on the disk all the
/// same, and would stand in for another mutation's.
std::string Journal::Writer::number_and_encode(Batch& batch, std::vector<Record>& records) {
    next_number_ = std::max(next_number_, store_.book().next_number());
    std::string bytes;
    for (Posted& posted : batch) {
        if (!posted.outcome) {
            posted.entry->intent.number = next_number_++;
            records.emplace_back(posted.entry->intent);
        } else {
            if (posted.entry)
                posted.outcome->number = posted.entry->intent.number;
            if (posted.outcome->number == 0)
                continue; // of an intent that is not there
            records.emplace_back(*posted.outcome);
        }
        bytes += encode(records.back());
    }
    return bytes;
}

void Journal::Writer::sync_outcomes() {
    const error_code failure = store_.sync();
    unsynced_since_ = TimePoint::max();
    report(failure ? std::optional{failure.message()} : std::nullopt);
}

void Journal::Writer::keep_outcomes(Batch& batch) {
    for (Posted& posted : batch)
        if (posted.outcome && (!posted.entry || posted.entry->on_disk))
            left_over_.push_back(std::move(posted));
    std::erase_if(batch, [](const Posted& posted) { return posted.outcome.has_value() || !posted.entry; });
}

/// One turn of each loop, for all of its requests.
void Journal::Writer::complete(const Batch& batch, bool durable) {
    std::vector<EntryGroup> groups;
    for (const Posted& posted : batch) {
        if (posted.outcome)
            continue;
        const auto same = [&posted](const EntryGroup& group) {
            return group.front()->executor == posted.entry->executor;
        };
        const auto found = std::ranges::find_if(groups, same);
        (found != groups.end() ? *found : groups.emplace_back()).push_back(posted.entry);
    }
    const std::lock_guard lock{mutex_};
    if (abandoned_)
        return;
    for (EntryGroup& group : groups) {
        const net::Executor executor = group.front()->executor;
        net::asio::post(executor, [entries = std::move(group), durable] { wake(entries, durable); });
    }
}

/// Once for each change, not for every mutation while a disk is full.
void Journal::Writer::report(const std::optional<std::string>& failure) {
    if (failure)
        next_try_ = BootClock::now() + retry_after;
    const bool was_working = working_.exchange(!failure, std::memory_order_relaxed);
    const std::size_t forgotten = store_.take_forgotten();
    const std::lock_guard lock{mutex_};
    if (abandoned_)
        return;
    if (failure && was_working)
        log::error("journal can't be written", {{"reason", std::string_view{*failure}}});
    if (!failure && !was_working)
        log::info("journal is written again");
    if (forgotten != 0)
        log::error("journal is too small for what is unresolved: the oldest was dropped",
                   {{"mutations", static_cast<std::int64_t>(forgotten)}});
}

void Journal::Writer::tell_opened() {
    if (told_opened_)
        return;
    told_opened_ = true;
    std::vector<Item> items;
    for (const auto& [number, item] : store_.book().items())
        items.push_back(item);
    const Damage& damage = store_.damage();
    const std::lock_guard lock{mutex_};
    if (abandoned_)
        return;
    if (damage.torn_bytes != 0)
        log::warning("journal: a record that a crash cut off was dropped",
                     {{"bytes", static_cast<std::int64_t>(damage.torn_bytes)}});
    if (damage.records != 0)
        log::warning("journal: damaged records were passed over",
                     {{"records", static_cast<std::int64_t>(damage.records)}});
    if (!stopping_)
        events_.opened(std::move(items));
}

void Journal::Writer::count() {
    const Book& book = store_.book();
    unresolved_.store(book.items().size() - book.count_in_hand(), std::memory_order_relaxed);
}

} // namespace bearerd::journal
