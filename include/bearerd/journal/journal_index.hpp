#pragma once

#include <bearerd/journal/record.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace bearerd::journal {

/// A mutation and what is known about its outcome.
struct JournalEntry {
    Intent intent;
    std::optional<Outcome> outcome;
    std::optional<Close> close{};
    bool heard = false; ///< its app has learnt of it by a repeat

    /// Whether nobody knows yet if it was executed, and nobody has closed it.
    [[nodiscard]] bool unresolved() const noexcept {
        return !close && (!outcome || outcome->executed == outcome::Executed::unknown);
    }

    /// Whether it was executed, but its app was gone before the answer was written, and has not repeated it.
    [[nodiscard]] bool unheard() const noexcept {
        return outcome && outcome->executed == outcome::Executed::yes && outcome->unheard && !heard && !close;
    }

    /// Returns what is known; a person's close takes precedence.
    [[nodiscard]] outcome::Executed executed() const noexcept {
        if (close)
            return close->executed;
        return outcome ? outcome->executed : outcome::Executed::unknown;
    }

    /// Whether a person may close it: nobody knows whether it was executed, or the API's answer leaves the
    /// transaction unknown once that answer is no longer kept (contract 10).
    [[nodiscard]] bool closable() const noexcept {
        return unresolved() || (!close && guarded() && executed() == outcome::Executed::answered);
    }

    /// Whether its transaction must not be executed again: a rule replays its repeats, and it may have been
    /// executed.
    [[nodiscard]] bool guarded() const noexcept;
};

/// Builds the entries from records, taken one after the other. A record may come twice: a new file begins
/// with what the one before left unresolved. Pure.
///
/// A transaction that was executed once is shown as executed once: if one request of it was executed, others
/// of the same account, root fields and keys whose outcome was unknown, or known from a look-up only, are
/// resolved by Source::repeat.
class JournalIndex {
public:
    enum class Keep : std::uint8_t {
        all,
        unresolved, ///< and what is unheard or guarded
    };

    explicit JournalIndex(Keep keep) noexcept : keep_{keep} {}

    void take(const Record& record);
    void take(const Intent& intent);
    void take(const Outcome& outcome);
    void take(const Start& start);
    void take(const Close& close);
    void take(const Heard& heard);

    void forget(std::uint64_t number);

    /// Returns the entries, ordered by number and so by time.
    [[nodiscard]] const std::map<std::uint64_t, JournalEntry>& entries() const noexcept { return entries_; }

    /// Returns the numbers of the entries of one transaction: one account, and all fields with their keys.
    [[nodiscard]] std::vector<std::uint64_t> of_transaction(std::uint32_t account,
                                                            const std::vector<MutationField>& fields) const;

    /// Returns the start of the last process: intents from its number on belong to that process.
    [[nodiscard]] const Start& start() const noexcept { return start_; }

    /// Returns a number that is greater than all so far.
    [[nodiscard]] std::uint64_t next_number() const noexcept { return next_; }

    /// Whether the last process has sent it, or is about to, and has not recorded how it ended.
    [[nodiscard]] bool in_flight(const JournalEntry& entry) const noexcept {
        return !entry.outcome && !entry.close && entry.intent.number >= start_.number;
    }

    [[nodiscard]] std::size_t count_in_flight() const noexcept { return in_flight_count_; }

    /// Includes those in flight.
    [[nodiscard]] std::size_t count_unresolved() const noexcept { return unresolved_; }

    [[nodiscard]] std::size_t count_unheard() const noexcept { return unheard_; }

    /// Counts those that are closable(), but not unresolved().
    [[nodiscard]] std::size_t count_answered() const noexcept { return answered_; }

private:
    using Entries = std::map<std::uint64_t, JournalEntry>;

    template<class Change>
    void change(Entries::iterator at, const Change& what);
    void count(const JournalEntry& entry, bool up) noexcept;
    void settle_repeats(std::uint64_t number);
    void drop_if_done(std::uint64_t number);
    void remove(Entries::iterator at);

    Keep keep_;
    Entries entries_;
    std::map<std::string, std::vector<std::uint64_t>> by_transaction_;
    Start start_;
    std::uint64_t next_ = 1;
    std::size_t in_flight_count_ = 0;
    std::size_t unresolved_ = 0;
    std::size_t unheard_ = 0;
    std::size_t answered_ = 0;
};

/// Names a transaction. Returns "" if a field has no key, or if there are no fields.
[[nodiscard]] std::string transaction_of(std::uint32_t account, const std::vector<MutationField>& fields);

} // namespace bearerd::journal
