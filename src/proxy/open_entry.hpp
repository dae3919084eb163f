#pragma once

#include <bearerd/journal/journal_client.hpp>
#include <bearerd/server/handler.hpp>
#include <bearerd/server/report.hpp>

#include <exception>
#include <memory>
#include <utility>

namespace bearerd::proxy {

/// A request's entry in the journal, as long as its outcome is open; or none.
class OpenEntry {
public:
    OpenEntry() noexcept = default;

    /// The journal must outlive it.
    OpenEntry(journal::JournalClient& journal, journal::PendingIntentPtr entry) noexcept
        : journal_{&journal}, entry_{std::move(entry)} {}

    OpenEntry(OpenEntry&&) noexcept = default;

    OpenEntry& operator=(OpenEntry&& other) noexcept {
        std::swap(journal_, other.journal_);
        std::swap(entry_, other.entry_);
        return *this;
    }

    /// If an exception ends the request, records that its outcome is unknown. A request that ends with the
    /// process leaves only its intent, which means the same; the journal may be gone by then.
    ~OpenEntry() {
        if (std::uncaught_exceptions() != 0)
            abandon();
    }

    explicit operator bool() const noexcept { return entry_ != nullptr; }

    /// Records what the report says, once.
    void record_outcome(const server::Report& report, journal::Source source = journal::Source::answer,
                        bool unheard = false) {
        if (entry_)
            record_outcome(outcome_of(report, source, unheard));
    }

    /// Records an outcome, once.
    void record_outcome(journal::Outcome outcome) {
        if (const journal::PendingIntentPtr entry = std::exchange(entry_, nullptr))
            journal_->record_outcome(entry, std::move(outcome));
    }

    /// Records that the outcome is unknown, unless one was recorded.
    void abandon() noexcept {
        try {
            server::Report report;
            report.set_error(outcome::ErrorCode::outcome_unknown, outcome::Executed::unknown);
            record_outcome(report);
        } catch (...) { // no memory: an intent without an outcome means the same
            entry_.reset();
        }
    }

    [[nodiscard]] static journal::Outcome outcome_of(const server::Report& report, journal::Source source,
                                                     bool unheard) {
        journal::Outcome outcome;
        outcome.executed = report.executed_here();
        outcome.status = report.status;
        outcome.code = report.outcome.label();
        outcome.source = source;
        outcome.nothing_ran = report.nothing_ran;
        outcome.unheard = unheard;
        return outcome;
    }

private:
    journal::JournalClient* journal_ = nullptr;
    journal::PendingIntentPtr entry_;
};

/// Whether somebody has to act if the app does not learn the outcome. An unknown one counts: a look-up may
/// find later that the mutation was executed.
[[nodiscard]] inline bool may_have_been_executed(outcome::Executed executed) noexcept {
    return executed == outcome::Executed::yes || executed == outcome::Executed::unknown;
}

/// Records the outcome of a mutation that may have been executed, once it is known whether its app has heard
/// of it.
class Hearing final : public server::Delivery {
public:
    Hearing(OpenEntry entry, journal::Outcome outcome) noexcept
        : entry_{std::move(entry)}, outcome_{std::move(outcome)} {}

    Hearing(const Hearing&) = delete;
    Hearing& operator=(const Hearing&) = delete;

    /// If an exception has taken the answer, the app did not get it.
    ~Hearing() override {
        if (std::uncaught_exceptions() != 0)
            ended(false);
    }

    void ended(bool whole) noexcept override {
        outcome_.unheard = outcome_.unheard || !whole;
        try {
            entry_.record_outcome(std::move(outcome_));
        } catch (...) { // no memory: an intent without an outcome is unknown
            entry_ = OpenEntry{};
        }
    }

private:
    OpenEntry entry_;
    journal::Outcome outcome_;
};

/// Records the outcome of a request whose answer has arrived whole: at once, or, if the mutation may have
/// been executed, by the returned object once it is known whether the app has heard of it.
[[nodiscard]] inline std::unique_ptr<server::Delivery> record_outcome_when_heard(OpenEntry& entry,
                                                                                 const server::Report& report,
                                                                                 journal::Source source,
                                                                                 server::AppWatcher& app) {
    if (!entry || report.kind == OperationKind::subscription ||
        !may_have_been_executed(report.executed_here())) {
        entry.record_outcome(report, source);
        return nullptr;
    }
    return std::make_unique<Hearing>(std::move(entry), OpenEntry::outcome_of(report, source, app.is_gone()));
}

} // namespace bearerd::proxy
