#pragma once

#include <bearerd/base/clock.hpp>
#include <bearerd/outcome/error_reply.hpp>
#include <bearerd/outcome/request_outcome.hpp>
#include <bearerd/transaction/identifier.hpp>

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bearerd::transaction {

/// A reply that can be given to more than one app.
struct Answer {
    std::string head; ///< http::head_to_keep()
    std::string body;
    outcome::Executed executed = outcome::Executed::unknown;
    std::uint16_t status = 0;
    outcome::RequestOutcome outcome;

    [[nodiscard]] std::size_t size() const noexcept { return head.size() + body.size(); }
};

using AnswerPtr = std::shared_ptr<const Answer>;

struct Record;
using RecordPtr = std::shared_ptr<Record>;

/// What happens to a request (the table of contract 10).
struct Decision {
    enum class Kind : std::uint8_t {
        first,            ///< nobody here knows it: forward it, then call settle() with `record`
        ask_fleet,        ///< another replica has sent it: as `first` if that has freed it, see `other_owner`
        wait,             ///< the first one is in flight: the waiter is woken when it is settled
        replay,           ///< `answer` is its answer
        look_up,          ///< look the transaction up, then call looked_up() with `record`
        already_executed, ///< it was executed, and its answer is gone
        unknown,          ///< nobody knows whether it was executed
        key_reused,       ///< the key belongs to another request
        full,             ///< no room for another key that must not be forgotten
        wait_for_journal, ///< not in the table, whose history is not complete: the waiter is woken when it is
        no_history,       ///< the same, but there is no point in waiting
        again,            ///< of a waiter only: call claim() again
    };
    Kind kind = Kind::full;
    RecordPtr record{};
    AnswerPtr answer{};
    std::string first_request_id{};
    std::string reconciled{};     ///< JSON text of what a look-up found; empty: nothing was found
    bool executed = false;        ///< look_up: it was executed, and only what was found is missing
    bool not_sent_before = false; ///< wait_for_journal, no_history: no former process has sent it
    /// ask_fleet: this owner in another replica sent the transaction, and its outcome was unknown (contract
    /// 12). Forward the request only if the fleet's store says that the owner has freed it.
    std::string other_owner{};
    /// ask_fleet: that owner has sent another request under the same keys. Call adopt() if it has freed them;
    /// otherwise the key is reused.
    bool replaces = false;
};

/// What another replica did with a transaction (contract 12).
struct Elsewhere {
    std::string owner; ///< of its claim in the store; empty: no other replica has it
    outcome::Executed executed = outcome::Executed::unknown; ///< yes or unknown
    std::string request_id{};
    std::int64_t at_ms = 0;   ///< when its request came, since the epoch
    std::string reconciled{}; ///< as Decision::reconciled
};

/// Holds the claim of a transaction outside of this process too.
class ClaimHolder {
public:
    ClaimHolder() = default;
    ClaimHolder(const ClaimHolder&) = delete;
    ClaimHolder& operator=(const ClaimHolder&) = delete;
    virtual ~ClaimHolder() = default;

    /// Receives the outcome of the transaction: no, yes or unknown. Called once, and after unknown perhaps
    /// again. Called on any thread, under the table's lock: it must only post work elsewhere.
    virtual void settled(outcome::Executed executed, std::string_view reconciled) noexcept = 0;
};

/// A request that waits for the first one of its transaction, or for the table's history. Shared with the
/// table.
class Waiter {
public:
    Waiter() = default;
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;
    virtual ~Waiter() = default;

    /// Called once, on any thread, under the table's lock: it must only post work elsewhere.
    virtual void wake() noexcept = 0;

private:
    friend class Table;
    friend class Waiters;
    std::optional<Decision> decision_; ///< guarded by the table's lock
};

/// Waiters for one event. Guarded by the table's lock.
class Waiters {
public:
    /// Takes amortised constant time.
    void add(const std::shared_ptr<Waiter>& waiter);

    /// Wakes all, and forgets them.
    void wake(const Decision& decision) noexcept;

private:
    std::vector<std::weak_ptr<Waiter>> waiters_;
    std::size_t compact_at_ = 0; ///< at this number, those that are gone are removed
};

/// How the first request of a transaction ended.
struct Settlement {
    outcome::Executed executed = outcome::Executed::unknown;
    bool nothing_ran =
        false;             ///< answered with the field null: status below 500, no error below the root field
    bool app_left = false; ///< nothing was sent, because its app had gone
    AnswerPtr answer{};    ///< for waiting repeats; nullptr: it can't be given twice
    bool keep_answer = false; ///< also for repeats that arrive later
};

/// How the look-up of a transaction ended.
struct LookUpResult {
    bool conclusive = false;            ///< the upstream has answered, or there is nobody to ask
    std::optional<std::string> found{}; ///< JSON text; nullopt: not found
    AnswerPtr answer{};                 ///< for waiting repeats
};

/// The state of a transaction, for people.
struct Seen {
    enum class State : std::uint8_t { in_flight, executed, answered, unknown, not_executed };
    State state = State::in_flight;
    std::string request_id;
    std::int64_t at_ms = 0; ///< when the first request arrived, in milliseconds since the epoch
    std::string reconciled;
    std::vector<std::string> fields;
};

[[nodiscard]] std::string_view to_string(Seen::State state) noexcept;

/// A transaction of a former process, or one that was closed by hand.
struct Restored {
    std::vector<Digest> identities;
    std::optional<Digest> fingerprint;
    std::string request_id;
    std::vector<std::string> fields{}; ///< names
    outcome::Executed executed = outcome::Executed::unknown;
    std::int64_t at_ms = 0;
    Duration age{};                 ///< since it was settled, or closed by hand
    std::uint64_t header_rules = 0; ///< Reading::header_rules
    bool nothing_ran = false;       ///< Settlement::nothing_ran; then `executed` is `no`
};

/// Remembers transactions. One for all threads; each call is atomic. Pure: the time is an argument. A request
/// with several transactions claims all or none, because one lock guards them all, and they share one record.
class Table {
public:
    struct Limits {
        Duration remember{};
        std::uint64_t replay_memory = 0; ///< bytes of answers
        std::size_t records = most_records;
    };

    static constexpr std::size_t most_records = std::size_t{1} << 18U;
    static constexpr std::size_t longest_answer = std::size_t{64} << 10U;
    static constexpr std::size_t most_freed = 1024; ///< transactions that people may still ask about

    explicit Table(Limits limits) : limits_{limits} {}

    Table(const Table&) = delete;
    Table& operator=(const Table&) = delete;

    void set_limits(Limits limits);

    /// What the table holds of what former processes have sent.
    enum class History : std::uint8_t {
        complete, ///< all of it, and nobody else sends anything
        read,     ///< all that there was in the journal, which can't be written
        unread,   ///< perhaps not all
    };

    /// Unless it is complete, as it is at first, claim() calls no transaction the first one.
    void set_history(History history);

    /// Ends all waits for the history, and lets none begin from now on.
    void stop_waiting();

    /// Returns what to do with a request. `reading` must not be doubled. `at_ms`: the wall clock in
    /// milliseconds since the epoch, for people. `waiter` is kept, and woken, only with Decision::Kind::wait
    /// and wait_for_journal.
    [[nodiscard]] Decision claim(const Reading& reading, std::string_view request_id, std::int64_t at_ms,
                                 TimePoint now, const std::shared_ptr<Waiter>& waiter);

    /// Call exactly once after Decision::Kind::first or ask_fleet. If memory runs out, the transaction is
    /// unknown, and the waiting requests claim again.
    void settle(const RecordPtr& record, Settlement how, TimePoint now) noexcept;

    /// Call exactly once after Decision::Kind::look_up.
    void looked_up(const RecordPtr& record, LookUpResult result, TimePoint now) noexcept;

    /// Call after Decision::Kind::first or ask_fleet, before the request is forwarded, if its transaction is
    /// shared with other replicas. `holder` learns what becomes of it.
    void share(const RecordPtr& record, std::shared_ptr<ClaimHolder> holder, std::string request_id,
               std::int64_t at_ms) noexcept;

    /// After Decision::replaces, before share(), take_over() or release(): the other owner has freed the
    /// former request, so that the record is of this one from now on. Those who wait claim again. Changes
    /// nothing if memory runs out, and throws then.
    void adopt(const RecordPtr& record, const Reading& reading);

    /// After Decision::Kind::first or ask_fleet, instead of settle(), and perhaps after share(): another
    /// replica has sent the transaction, and this one has not. A holder learns `no`. Returns what happens to
    /// the request: look_up or already_executed.
    [[nodiscard]] Decision take_over(const RecordPtr& record, Elsewhere elsewhere, TimePoint now);

    /// After Decision::Kind::first or ask_fleet, instead of settle(), and perhaps after share(): this request
    /// sends nothing. A holder learns `no`. If another replica has sent the transaction, its outcome is
    /// unknown here; otherwise it is free. Those who wait claim again.
    void release(const RecordPtr& record, Elsewhere elsewhere, TimePoint now) noexcept;

    /// What a waiter was woken for; nullopt: it was not.
    [[nodiscard]] std::optional<Decision> decision_of(Waiter& waiter);

    /// Adds what a former process left; identities that the table has already stay as they are. Returns how
    /// many there was no room for.
    std::size_t restore(std::vector<Restored> transactions, TimePoint now);

    /// The same for all of a journal that is read once more: what was unknown is now what it says there. What
    /// it does not name stays. Returns how many there was no room for. Call it only before the history is
    /// complete, when nothing is in flight.
    std::size_t restore_again(std::vector<Restored> transactions, TimePoint now);

    /// Records that a look-up in the background found the transaction. Returns false if it was not unknown.
    bool found(std::span<const Digest> identities, std::string reconciled, TimePoint now);

    /// Records that a person has closed it: `no` frees it, `yes` makes it executed, `unknown` leaves it
    /// unknown. What is in flight or executed stays: the table knows better than the person. Only if the API
    /// has answered without saying whether it was executed, repeats no longer get that answer.
    void close(Restored transaction, TimePoint now);

    /// Records what the journal has learnt about a request that was sent before its rule was guarded. If the
    /// transaction is unknown because of that very request, it is settled; if it is not in the table, it is
    /// added.
    void record_outcome(Restored transaction, TimePoint now);

    /// Returns what is known, for people, also about a transaction that was not executed and is free, as long
    /// as it is among the last `most_freed` of these and `remember` is not over. Returns nullopt if it is not
    /// known.
    [[nodiscard]] std::optional<Seen> find(const Digest& identity, TimePoint now);

    [[nodiscard]] std::size_t size() const;
    [[nodiscard]] std::uint64_t answer_bytes() const;

private:
    using Age = std::list<RecordPtr>;

    /// A transaction that is free again. For people only: no claim looks at it.
    struct Freed {
        Digest identity;
        Seen seen;
        TimePoint at{};
    };

    [[nodiscard]] Decision decide(const RecordPtr& record, const std::shared_ptr<Waiter>& waiter);
    [[nodiscard]] static Decision look_up(const RecordPtr& record);
    [[nodiscard]] Decision ask_fleet(const RecordPtr& record);
    [[nodiscard]] Decision succeed(const RecordPtr& record, const Reading& reading);
    [[nodiscard]] static bool may_succeed(const Record& record, const Reading& reading);
    [[nodiscard]] static bool is_same(const Record& record, const Reading& reading);
    [[nodiscard]] RecordPtr record_of(const Digest& identity, TimePoint now);
    [[nodiscard]] bool make_room(std::size_t records, TimePoint now);
    void settle_locked(const RecordPtr& record, Settlement how, TimePoint now);
    void revive(const RecordPtr& record, const std::string& found, TimePoint now);
    void learn(const RecordPtr& record, LookUpResult result, TimePoint now);
    [[nodiscard]] bool insert(Restored transaction, TimePoint now);
    [[nodiscard]] std::size_t insert_all(std::vector<Restored> transactions, TimePoint now);
    void apply_outcome(Restored transaction, bool of_request, TimePoint settled_at, TimePoint now);
    void add(const RecordPtr& record);
    void remove(const RecordPtr& record) noexcept;
    void free(const RecordPtr& record, Seen::State state, TimePoint now) noexcept;
    void remember_freed(std::span<const Digest> identities, const Seen& seen, TimePoint at);
    void forget_freed(const Digest& identity) noexcept;
    [[nodiscard]] std::optional<Seen> find_freed(const Digest& identity, TimePoint now) const;
    void execute(const RecordPtr& record, TimePoint settled_at);
    void keep(Record& record) noexcept;
    void may_be_forgotten(const RecordPtr& record, TimePoint settled_at);
    void note_elsewhere(const RecordPtr& record, Elsewhere elsewhere, TimePoint now);
    [[nodiscard]] Decision without_history() const;
    static void announce(Record& record) noexcept;
    static void give_up_claim(Record& record) noexcept;
    [[nodiscard]] bool keep_answer(const RecordPtr& record, AnswerPtr answer);
    void drop_answer(Record& record) noexcept;

    mutable std::mutex mutex_;
    Limits limits_;
    History history_ = History::complete;
    bool stops_ = false; ///< see stop_waiting()
    Waiters newcomers_;  ///< wait for the history
    std::map<Digest, RecordPtr> records_;
    /// Those that may be forgotten, the oldest first: executed, or sent by another replica.
    Age executed_;
    Age answers_; ///< those with an answer, the least recently used first
    std::uint64_t answer_bytes_ = 0;
    std::list<Freed> freed_; ///< in the order in which they became free; one for each identity
    std::map<Digest, std::list<Freed>::iterator> freed_of_;
};

} // namespace bearerd::transaction
