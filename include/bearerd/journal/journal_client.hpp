#pragma once

#include <bearerd/config/config.hpp>
#include <bearerd/graphql/arguments.hpp>
#include <bearerd/journal/journal.hpp>
#include <bearerd/journal/journal_index.hpp>
#include <bearerd/net/deadline.hpp>
#include <bearerd/net/task.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bearerd::journal {

/// Reads a request's fields in place of graphql::mutation_fields(), if fingerprints are kept.
class FieldReader {
public:
    virtual ~FieldReader() = default;
    /// Sets `fingerprint` to what the intent keeps of the argument values, if a rule replays repeats. Any
    /// thread.
    [[nodiscard]] virtual std::optional<std::vector<graphql::RootField>>
    read_fields(const graphql::RequestView& request, std::span<const std::string_view> header_keys,
                std::string& fingerprint) const = 0;
};

/// The boot id of the machine's present start, and the seconds since, on a clock that nobody can set.
struct Uptime {
    std::string boot;
    std::uint64_t up_s = 0;
};

[[nodiscard]] Uptime uptime();

/// Returns account_of() for the upstream and the user of these settings.
[[nodiscard]] std::uint32_t account_of(const config::Settings& settings);

/// Returns the outcome of a mutation that a look-up has just found. Its entry's number is not filled in.
[[nodiscard]] Outcome found_outcome(Source source);

/// Returns how long ago an outcome was learnt. Within one start of the machine this is exact, whatever the
/// wall clock was set to. Otherwise it is the wall clock's difference less a day, so that a clock that was
/// set forward does not shorten a window.
[[nodiscard]] Duration age_of(const Outcome& outcome, const Uptime& now, std::int64_t now_ms) noexcept;

/// The same for an entry. If a person has closed it, its age counts from the close, whatever the age of the
/// outcome. Returns zero if it has neither.
[[nodiscard]] Duration age_of(const JournalEntry& entry, const Uptime& now, std::int64_t now_ms) noexcept;

/// Records one thread's mutations in the journal. Used on that thread only; the journal, the executor's loop
/// and the clock must outlive the requests in flight.
class JournalClient {
public:
    /// `reader`: nullptr if no rule replays repeats.
    JournalClient(Journal& journal, const config::Settings& settings, net::Executor executor,
                  net::DeadlineClock& clock, const FieldReader* reader = nullptr);

    /// Records a request that may mutate, before it is sent. Keeps nothing of it except what an Intent has.
    /// The result is `durable` if it survives a crash. If it is not within two seconds, that is counted. Then
    /// may_be_sent() says whether the mutation is sent without its record.
    [[nodiscard]] net::Task<PendingIntentPtr>
    record_intent(graphql::RequestView request, std::string_view operation, std::string_view request_id,
                  std::string_view trace_id, std::span<const std::string_view> header_keys = {});

    /// Records the outcome. Call it as soon as that is known. Its number and its times are filled in here.
    void record_outcome(PendingIntentPtr pending, Outcome outcome);

    /// Whether the mutation may be sent, after record_intent().
    [[nodiscard]] bool may_be_sent(const PendingIntent& pending) const noexcept {
        return !pending.superseded && (pending.durable || !required(pending));
    }

    /// Whether the mutation must not be sent without its intent on disk: because `journal.required` says so,
    /// or because it has a fingerprint, and after a restart its repeat would not be recognised (contract 10).
    [[nodiscard]] bool required(const PendingIntent& pending) const noexcept {
        return required_ || !pending.intent.fingerprint.empty();
    }

private:
    Journal& journal_;
    std::uint64_t guards_; ///< Journal::guards() when this was made
    bool required_;
    std::uint32_t account_;
    std::vector<graphql::KeyRule> keys_;
    const FieldReader* reader_; ///< nullptr: no fingerprints are kept
    Uptime began_;
    TimePoint began_at_;
    net::Executor executor_;
    net::DeadlineClock& clock_;
};

} // namespace bearerd::journal
