#pragma once

#include <bearerd/base/clock.hpp>
#include <bearerd/base/worker_thread.hpp>
#include <bearerd/journal/journal_index.hpp>
#include <bearerd/net/event.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace bearerd::journal {

/// An intent on its way to the disk, shared by the request and the writer.
struct PendingIntent {
    PendingIntent(Intent what, net::Executor whose) : intent{std::move(what)}, executor{std::move(whose)} {}

    Intent intent; ///< belongs to the writer, which assigns the number, once it is handed over

    // Used by the writer:
    bool on_disk = false; ///< it may be on the disk, so its outcome must be written too

    // Used by the request's thread:
    net::Executor executor;
    net::Event* waiting = nullptr; ///< set once it is known whether the intent survives a crash
    bool durable = false;
    bool refused = false;    ///< add() did not take it
    bool superseded = false; ///< see Journal::begin_guard()
};

using PendingIntentPtr = std::shared_ptr<PendingIntent>;

/// What the journal has to show, read at one moment.
struct View {
    std::uint64_t unresolved = 0; ///< mutations whose outcome is unknown, not counting those in flight
    std::uint64_t missed = 0;     ///< mutations without a record
    bool working = true;          ///< whether the last attempt to write succeeded
    /// Mutations that were executed, but whose apps were gone before their answers were written and have not
    /// repeated them; unheard_total: how many there have been since the start.
    std::uint64_t unheard = 0;
    std::uint64_t unheard_total = 0;
    std::vector<JournalEntry> listed{}; ///< the newest that are unresolved or unheard, newest first

    static constexpr std::size_t most_listed = 20;
};

/// Writes the journal on a thread of its own, so that no disk holds up a loop: what has gathered during one
/// write is written and synced together by the next. Any thread; the writer logs.
///
/// The files together hold at most `max_size` plus what is queued. At half of that a new file is begun with a
/// copy of what is unresolved, and all but the last file before it are removed.
class Journal {
public:
    struct Settings {
        std::string directory;
        std::uint64_t max_size = 0; ///< bytes
        Duration remember{};        ///< how long an executed guarded mutation is kept
    };

    /// Called under a lock on the writer's thread, so they must only post work elsewhere. Not called after
    /// the destructor has begun.
    struct Events {
        /// Called once, as soon as the folder is locked, with what former processes left unresolved, unheard
        /// or guarded.
        std::function<void(std::vector<JournalEntry>)> opened{};
        /// Called after each failed attempt to lock, read or write the folder. `held`: another process writes
        /// the journal. May be empty.
        std::function<void(bool held)> not_opened{};
        /// Called after an unknown outcome was written. May be empty.
        std::function<void(JournalEntry)> left_unknown{};
        /// Called after any other outcome was written, but not before begin_guard() was called. May be empty.
        std::function<void(JournalEntry)> outcome_recorded{};
        /// Called after a person has closed an entry. `others`: another entry of one of its transactions may
        /// have been executed all the same. May be empty.
        std::function<void(JournalEntry, bool others)> closed{};
    };

    Journal(Settings settings, Events events);
    Journal(const Journal&) = delete;
    Journal& operator=(const Journal&) = delete;
    /// Writes what is pending and waits for that at most two seconds. The executors of all entries must still
    /// exist.
    ~Journal();

    /// Queues an intent. Returns false if the queue is full or the disk has just failed; otherwise the
    /// intent's event will be set.
    [[nodiscard]] bool add(PendingIntentPtr pending);

    /// Writes the outcome of an intent; the number is filled in. Nothing is written for an intent that did
    /// not reach the disk.
    void record_outcome(PendingIntentPtr pending, Outcome outcome);

    /// Writes the outcome of an intent of a former process.
    void resolve(Outcome outcome);

    /// Records that a transaction of unknown outcome was found: its newest unresolved entry gets this
    /// outcome.
    void settle(std::uint32_t account, std::vector<MutationField> fields, Outcome outcome);

    /// Records that the app of a transaction has learnt of it by a repeat, so that its entries are no longer
    /// unheard. `joined`: the repeat waited for the first request, whose app may turn out to be gone only
    /// later. The queue for these is bounded; more are dropped.
    void heard(std::uint32_t account, std::vector<MutationField> fields, bool joined);

    /// Call it before the journal is read for a guard that begins. From now on Events::outcome_recorded is
    /// called, and a JournalClient that was made before lets nothing more be sent: the reading might not show
    /// it, and its repeat would be taken for the first. Any thread.
    void begin_guard() noexcept;

    /// Returns how often begin_guard() has been called.
    [[nodiscard]] std::uint64_t guards() const noexcept { return guards_.load(); }

    /// Changes Settings::remember, from the next file on.
    void set_remember(Duration remember) noexcept;

    /// Counts a mutation that is sent without its intent on disk, or (`refused`) was refused because of that.
    /// Warns at most once a minute.
    void miss(bool refused);

    [[nodiscard]] View view() const;

    /// Whether the folder is locked by this process. Events::opened may still be on its way.
    [[nodiscard]] bool is_open() const noexcept;

private:
    class Writer;
    std::shared_ptr<Writer> writer_; ///< shared with the thread, which a hung disk may make outlive us
    std::atomic<std::uint64_t> missed_{0};
    std::atomic<std::uint64_t> guards_{0};
    std::atomic<std::int64_t> last_warning_s_;
    WorkerThread thread_;
};

} // namespace bearerd::journal
