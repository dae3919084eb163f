#pragma once

#include <bearerd/journal/journal.hpp>
#include <bearerd/journal/journal_client.hpp>
#include <bearerd/net/deadline.hpp>
#include <bearerd/net/event.hpp>
#include <bearerd/reconcile/reconciler.hpp>
#include <bearerd/transaction/identifier.hpp>
#include <bearerd/transaction/table.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace bearerd::app {

/// Looks up what has no known outcome, in the background: what former processes left, and what becomes
/// unknown while this one runs. Sends at most one query a second, whatever the number of transactions; each
/// is looked up again, with pauses that grow to ten minutes, until it is found or `transactions.settle_for`
/// is over. What is not found stays unknown: it may still have been executed. Logs the first and the last
/// result of each. On one thread, whose loop must drain before this object is destroyed.
class BackgroundLookups {
public:
    /// What to ask with, kept alive while it is held: a reload replaces it.
    struct Asker {
        std::shared_ptr<reconcile::Reconciler> reconciler;
        const transaction::Identifier* identifier = nullptr; ///< nullptr: no rule replays repeats
        transaction::Table* table = nullptr;                 ///< the same
        std::uint32_t account = 0; ///< journal::account_of() for the upstream that it asks
        Duration settle_for{};
    };

    /// A transaction of unknown outcome.
    struct Case {
        std::uint64_t number = 0; ///< of the journal's entry; 0: not known
        std::uint32_t account = 0;
        std::vector<journal::MutationField> fields;
        std::string request_id;
        std::string operation{};
        Duration age{}; ///< since it became unknown
    };

    /// `journal`: nullptr if none is kept.
    BackgroundLookups(journal::Journal* journal, net::Executor executor, net::DeadlineClock& clock,
                      std::function<Asker()> asker);
    BackgroundLookups(const BackgroundLookups&) = delete;
    BackgroundLookups& operator=(const BackgroundLookups&) = delete;
    ~BackgroundLookups() = default;

    /// Adds what former processes left unresolved; a summary is logged once each has been looked up.
    void start(const std::vector<journal::JournalEntry>& entries);

    void add(Case unknown);

    /// Removes a transaction: its outcome is known otherwise, or a person has closed it.
    void remove(const std::vector<journal::MutationField>& fields, std::uint32_t account);

    /// Starts no further look-up. The reconciler's group ends those in progress.
    void stop() noexcept;

private:
    struct Open {
        Case what;
        TimePoint next{};
        TimePoint end{};
        Duration pause{};
        bool asked = false;
        bool former = false; ///< of a former process
    };

    struct Counts {
        std::int64_t found = 0;
        std::int64_t not_found = 0;
        std::int64_t not_asked = 0;
        std::int64_t left = 0; ///< not looked up yet
    };

    [[nodiscard]] net::Task<void> run();
    [[nodiscard]] net::Task<bool> look_up(std::string name);
    [[nodiscard]] net::Task<void> rest(TimePoint until);
    void insert(Case unknown, bool former);
    [[nodiscard]] static bool put_off(Open& open);
    void found(const Case& what, const Asker& asker, std::string text);
    void first_result(Open& open, std::int64_t& counter, std::string_view result, bool warn);
    void summarize();

    journal::Journal* journal_;
    net::Executor executor_;
    net::DeadlineClock& clock_;
    std::function<Asker()> asker_;
    std::map<std::string, Open> open_; ///< by account, fields and keys
    net::Event changed_;
    Counts counts_;
    bool running_ = false;
    bool stopped_ = false;
    bool summary_due_ = false;
};

} // namespace bearerd::app
