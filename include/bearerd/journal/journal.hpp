#pragma once

#include <bearerd/base/clock.hpp>
#include <bearerd/base/worker_thread.hpp>
#include <bearerd/journal/journal_index.hpp>
#include <bearerd/net/event.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace bearerd::journal {

/// An intent on its way to the disk, shared by the request and the writer.
struct Entry {
    Entry(Intent what, net::Executor whose) : intent{std::move(what)}, executor{std::move(whose)} {}

    Intent intent; ///< the writer's, once it is handed over; it gives the number

    // The writer's:
    bool on_disk = false; ///< it may be found there, so that its outcome belongs there too

    // The request's thread's:
    net::Executor executor;
    net::Event* waiting = nullptr; ///< set when it is known whether the intent will outlive a crash
    bool durable = false;
    bool refused = false; ///< add() did not take it
};

using EntryPtr = std::shared_ptr<Entry>;

/// Keeps the journal on a thread of its own, so that no disk holds up a loop: what has gathered while one
/// write was under way is written and synced together by the next. Any thread; the writer logs.
///
/// Its files together hold at most `max_size`, and what is queued: at half of that a new one is begun, with a
/// copy of what is unresolved, and those but the last before it are removed.
class Journal {
public:
    struct Settings {
        std::string directory;
        std::uint64_t max_size = 0; ///< bytes
        Duration remember{};        ///< how long a guarded one that was executed is kept
    };

    /// Called under a lock, on the writer's thread: must only hand on. Not called any more once the
    /// destructor has begun.
    struct Events {
        /// Once, as soon as the folder is ours: what former processes left unresolved, unheard or guarded.
        std::function<void(std::vector<JournalEntry>)> opened{};
        /// An outcome was written that is unknown. May be empty.
        std::function<void(JournalEntry)> left_unknown{};
        /// Another outcome was written, since tell_all() was called. May be empty.
        std::function<void(JournalEntry)> concluded{};
        /// A person has closed an entry. `others`: another entry of one of its transactions may have been
        /// executed all the same. May be empty.
        std::function<void(JournalEntry, bool others)> closed{};
    };

    Journal(Settings settings, Events events);
    Journal(const Journal&) = delete;
    Journal& operator=(const Journal&) = delete;
    /// Writes what is pending and waits for that at most two seconds. The executors of all entries must still
    /// be there.
    ~Journal();

    /// False: the queue is full, or the disk has failed just now. Else the entry's event will be set.
    [[nodiscard]] bool add(EntryPtr entry);

    /// The outcome of an entry; the number is filled in. Of one that did not get to the disk, nothing is
    /// written.
    void record_outcome(EntryPtr entry, Outcome outcome);

    /// The outcome of an intent of a former process.
    void resolve(Outcome outcome);

    /// A transaction whose outcome was unknown was found: the newest entry of it that is unresolved gets this
    /// outcome.
    void settle(std::uint32_t account, std::vector<Field> fields, Outcome outcome);

    /// The app of a transaction has learnt of it by a repeat: entries of it are no longer unheard. `joined`:
    /// the repeat has waited for the first request, of which it may be learnt later only that its app was
    /// gone. What is queued of that is bounded; more is dropped.
    void heard(std::uint32_t account, std::vector<Field> fields, bool joined);

    /// From now on, Events::concluded is called.
    void tell_all() noexcept;

    /// Changes Settings::remember, from the next file on.
    void set_remember(Duration remember) noexcept;

    /// A mutation goes without its intent on disk, or was refused because of that: counts, and warns at most
    /// once a minute.
    void miss(bool refused);

    /// Mutations whose outcome is unknown, those in flight left out.
    [[nodiscard]] std::uint64_t unresolved() const noexcept;

    /// Mutations that were executed, but whose apps were gone before their answers were written, and have not
    /// asked again; and how many there have been since the start.
    [[nodiscard]] std::uint64_t unheard() const noexcept;
    [[nodiscard]] std::uint64_t unheard_total() const noexcept;

    /// The newest of those that are unresolved or unheard, at most `most_listed`, the newest first.
    [[nodiscard]] std::vector<JournalEntry> listed() const;
    static constexpr std::size_t most_listed = 20;

    [[nodiscard]] std::uint64_t missed() const noexcept { return missed_.load(std::memory_order_relaxed); }

    /// Whether it could be written when last tried.
    [[nodiscard]] bool working() const noexcept;

private:
    class Writer;
    std::shared_ptr<Writer> writer_; ///< shared with the thread, which a hung disk may make outlive us
    std::atomic<std::uint64_t> missed_{0};
    std::atomic<std::int64_t> last_warning_s_;
    WorkerThread thread_;
};

} // namespace bearerd::journal
