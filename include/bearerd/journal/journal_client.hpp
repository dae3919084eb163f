#pragma once

#include <bearerd/config/config.hpp>
#include <bearerd/graphql/arguments.hpp>
#include <bearerd/journal/journal.hpp>
#include <bearerd/journal/journal_index.hpp>
#include <bearerd/net/deadline.hpp>
#include <bearerd/net/task.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bearerd::journal {

/// Reads a request's fields in place of graphql::mutation_fields(), if fingerprints are kept.
class FieldReader {
public:
    virtual ~FieldReader() = default;
    /// `fingerprint` becomes what the intent keeps of the argument values, if a rule replays repeats. Any
    /// thread.
    [[nodiscard]] virtual std::optional<std::vector<graphql::RootField>>
    read_fields(const graphql::RequestView& request, const std::vector<std::string_view>* header_keys,
                std::string& fingerprint) const = 0;
};

/// Returns a name of this start of the machine, and the seconds since: of a clock that nobody sets.
struct Uptime {
    std::string boot;
    std::uint64_t up_s = 0;
};

[[nodiscard]] Uptime uptime();

/// account_of() the upstream and the user of these settings.
[[nodiscard]] std::uint32_t account_of(const config::Settings& settings);

/// The outcome of a mutation that a look-up has found just now. Its entry's number is not filled in.
[[nodiscard]] Outcome found_outcome(Source source);

/// How long ago an outcome was learnt. Within one start of the machine that is exact, whatever the wall clock
/// was set to; else the wall clock says it, less a day, so that a clock that was set forward does not shorten
/// a window.
[[nodiscard]] Duration age_of(const Outcome& outcome, const Uptime& now, std::int64_t now_ms) noexcept;

/// The same for an entry: what a person has said of it counts from then on, whatever the age of the outcome
/// before. Zero if neither is there.
[[nodiscard]] Duration age_of(const JournalEntry& item, const Uptime& now, std::int64_t now_ms) noexcept;

/// Puts one thread's mutations into the journal. On that thread only; the journal, the executor's loop and
/// the clock must outlive the requests in flight.
class JournalClient {
public:
    /// `reader`: nullptr: no rule replays repeats.
    JournalClient(Journal& journal, const config::Settings& settings, net::Executor executor,
                  net::DeadlineClock& clock, const FieldReader* reader = nullptr);

    /// What may mutate, before it is sent. Of the request nothing is kept but what an Intent has. The entry
    /// is `durable` where it will outlive a crash; otherwise that did not come about within two seconds, it
    /// is counted, and the mutation goes without, or if that is required(), must not go.
    [[nodiscard]] net::Task<EntryPtr>
    record_intent(graphql::RequestView request, std::string_view operation, std::string_view request_id,
                  std::string_view trace_id, const std::vector<std::string_view>* header_keys = nullptr);

    /// The outcome, as soon as it is known.
    void record_outcome(EntryPtr entry, outcome::Executed executed, std::uint16_t status,
                        std::string_view code, Source source);
    /// The same. Of `outcome`, number and times are filled in here.
    void record_outcome(EntryPtr entry, Outcome outcome);

    /// The mutation must not be sent without its intent on disk: `journal.required` says so, or it has a
    /// fingerprint, so that a restart would not recognise its repeat (contract 10).
    [[nodiscard]] bool required(const Entry& entry) const noexcept {
        return required_ || !entry.intent.fingerprint.empty();
    }

private:
    Journal& journal_;
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
