#pragma once

#include <bearerd/journal/scribe.hpp>
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

    /// Records what the report says, once.
    void conclude(const server::Report& report, journal::Source source = journal::Source::answer) {
        if (!entry_)
            return;
        scribe_->conclude(std::move(entry_), report.executed, report.status,
                          server::outcome_label(report.outcome), source);
        entry_.reset();
    }

private:
    journal::Scribe* scribe_ = nullptr;
    journal::EntryPtr entry_;
};

} // namespace bearerd::proxy
