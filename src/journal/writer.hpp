#pragma once

#include "store.hpp"

#include <bearerd/journal/journal.hpp>

#include <optional>

namespace bearerd::journal {

/// The journal's thread and its queue. Once it is stopping, it calls none of the events; once it is
/// abandoned, it neither wakes those who wait nor logs, because executors and log may be gone.
class Journal::Writer : public WorkerState {
public:
    struct Transaction {
        std::uint32_t account = 0;
        std::vector<MutationField> fields;
        [[nodiscard]] bool operator==(const Transaction&) const = default;
    };

    /// An intent, or an outcome (of an entry, of a number, or of a transaction), or the note that a
    /// transaction's app has learnt of it by a repeat.
    struct Posted {
        PendingIntentPtr pending{};
        std::optional<Outcome> outcome{};
        std::optional<Transaction> about{};
        bool heard = false;
        bool joined = false; ///< the repeat has waited for the first request

        [[nodiscard]] bool is_intent() const noexcept { return !outcome && !heard; }

        /// Whether it may make an entry unheard: one without an entry of its own has been found by a look-up.
        [[nodiscard]] bool may_be_unheard() const noexcept {
            return outcome && (outcome->unheard || !pending);
        }
    };

    Writer(Settings settings, Events events);

    // Any thread:

    /// Returns false for an intent that can't be written in time.
    [[nodiscard]] bool post(Posted posted);
    /// Does nothing if nothing can be unheard, if the same is queued already, or if too many are.
    void post_heard(Posted posted, bool joined);

    void report_all() noexcept { report_all_.store(true); }

    /// Returns all but the number of those that were missed.
    [[nodiscard]] View view();

    void set_remember(Duration remember) noexcept { remember_.store(remember, std::memory_order_relaxed); }

    [[nodiscard]] bool is_open() const noexcept { return open_.load(); }

    /// The body of the thread.
    void run();

private:
    using Batch = std::vector<Posted>;

    [[nodiscard]] bool has_closable() const;
    void write(Batch batch);
    [[nodiscard]] bool ready();
    void put(Batch& batch);
    [[nodiscard]] std::string number_and_encode(Batch& batch, std::vector<Record>& records);
    void sync_outcomes();
    void keep_outcomes(Batch& batch);
    void complete(const Batch& batch, bool durable);
    void report(const std::optional<std::string>& failure);
    void report_not_opened();
    void report_opened();
    void report_outcomes(const Batch& batch);
    [[nodiscard]] bool has_others(const JournalEntry& closed) const;
    [[nodiscard]] static bool may_be_unheard(const JournalEntry& entry, const std::vector<Record>& records);
    void append_record(const Posted& posted, std::string& bytes, std::vector<Record>& records);
    void report_unknown(const std::vector<Record>& records);
    void take_closes();
    void count();
    void list();
    [[nodiscard]] std::optional<TimePoint> due() const;

    Batch pending_;
    std::size_t intents_pending_ = 0;
    std::size_t heard_pending_ = 0;           ///< includes those being written, and those left over
    bool may_be_unheard_ = true;              ///< something on the disk or in the queue may be unheard
    TimePoint busy_since_ = TimePoint::max(); ///< with one batch
    std::atomic<std::uint64_t> unresolved_{0};
    std::atomic<std::uint64_t> unheard_{0};
    std::atomic<std::uint64_t> unheard_total_{0};
    std::vector<JournalEntry> listed_; ///< guarded by `mutex`
    std::atomic<bool> open_{false};
    std::atomic<bool> working_{true};
    std::atomic<bool> report_all_{false};
    std::atomic<Duration> remember_{Duration{-1}}; ///< -1 ns: as the settings say
    const Events events_;

    // The thread's own:
    Store store_;
    Batch left_over_; ///< outcomes that could not be written: of what is on the disk, so a bounded number
    std::size_t left_over_heard_ = 0;
    std::uint64_t next_number_ = 1; ///< not given to any intent yet
    TimePoint next_try_{};
    TimePoint unsynced_since_ = TimePoint::max();
    bool opened_reported_ = false;
    bool list_changed_ = true; ///< what is listed may have changed
    TimePoint next_look_{};    ///< for closes by hand
};

} // namespace bearerd::journal
