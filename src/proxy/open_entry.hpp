#pragma once

#include <bearerd/journal/scribe.hpp>
#include <bearerd/server/handler.hpp>
#include <bearerd/server/report.hpp>

#include <utility>

namespace bearerd::proxy {

/// A request's entry in the journal, as long as its outcome is open; or none.
class OpenEntry {
public:
    OpenEntry() noexcept = default;

    /// The scribe must outlive it.
    OpenEntry(journal::Scribe& scribe, journal::EntryPtr entry) noexcept
        : scribe_{&scribe}, entry_{std::move(entry)} {}

    /// Records what the report says, once. `app`: whether it is still there is recorded as well, if the
    /// mutation was executed.
    void conclude(const server::Report& report, journal::Source source = journal::Source::answer,
                  server::AppWatcher* app = nullptr) {
        if (!entry_)
            return;
        const bool executed = report.executed == graphql::Executed::yes;
        conclude(report, source, executed && app != nullptr && app->is_gone());
    }

    void conclude(const server::Report& report, journal::Source source, bool unheard) {
        if (!entry_)
            return;
        journal::Outcome outcome;
        outcome.executed = report.executed;
        outcome.status = report.status;
        outcome.code = server::outcome_label(report.outcome);
        outcome.source = source;
        outcome.nothing_ran = report.nothing_ran;
        outcome.unheard = unheard;
        scribe_->conclude(std::move(entry_), std::move(outcome));
        entry_.reset();
    }

private:
    journal::Scribe* scribe_ = nullptr;
    journal::EntryPtr entry_;
};

} // namespace bearerd::proxy
