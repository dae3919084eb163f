#pragma once

#include "worker.hpp"

#include <bearerd/base/secret.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bearerd::app {

/// What the guards of all threads share, made when a configuration first asks for it.
class Transactions {
public:
    /// `journal_directory`: that of the journal, which a reload does not change; empty if none is kept.
    Transactions(Shared& shared, Worker& first, std::string journal_directory)
        : shared_{shared},
          first_{first},
          directory_{std::move(journal_directory)},
          state_{directory_.empty() ? State::ours : State::unread} {
        make_events();
    }

    /// Call before a snapshot is made from the settings: prepares the secret of its HMACs, and the table.
    /// Blocks the first time.
    [[nodiscard]] const Secret& prepare(const config::Settings& settings);

    /// Applies the settings, once nothing in them can fail any more.
    void set_limits(const config::Settings& settings) const;

    /// What read_journal() has found.
    struct Found {
        enum class Extent : std::uint8_t {
            nothing_new, ///< the snapshot guards nothing, or all of it has been restored
            all,
            part, ///< some records are damaged, or there is no journal, perhaps because its disk is not there
                  ///< yet
            held, ///< another process goes on writing: nothing is restored before the journal is ours
        } extent = Extent::nothing_new;
        std::vector<journal::JournalEntry> entries = {};
    };

    /// Reads the journal for a snapshot, once for each account and set of guarded rules. Blocking. Fails if
    /// the journal can't be read: then the guard would not know what it must not send again.
    [[nodiscard]] Result<Found> read_journal(const ConfigSnapshot& snapshot);

    /// Restores what read_journal() has found, before the first guarded request and after set_limits(), which
    /// says what is too old.
    void restore_from_journal(const ConfigSnapshot& snapshot, const Found& found);

    /// Call it once the journal's writer holds the journal, with what it has read there. From then on nobody
    /// else writes it, and the guard sends. Blocking if the journal has to be read again.
    void journal_opened(const ConfigSnapshot& snapshot, const std::vector<journal::JournalEntry>& entries);

    /// Call it when the writer has failed to open the journal. `held`: another process writes it, so that
    /// what was read is not all.
    void journal_not_opened(bool held);

    /// Returns the JSON of /transactions for a key (contract 8). Any thread.
    [[nodiscard]] static std::string describe(const ConfigSnapshot& snapshot, transaction::Table& table,
                                              std::string_view key);

private:
    /// What is known of the journal.
    enum class State : std::uint8_t {
        unread, ///< or not all of it
        read,
        held,   ///< another process has written it since our start: it will have to be read again
        closed, ///< read, and our writer can't open it
        ours,   ///< our writer has it, or none is kept
    };

    void make_events();
    void remember(const ConfigSnapshot& snapshot);
    void set_history() const;
    [[nodiscard]] bool is_restored(const ConfigSnapshot& snapshot) const;

    Shared& shared_;
    Worker& first_;
    Secret secret_;
    std::string directory_;
    std::string restored_; ///< for which account and rules
    State state_;
};

} // namespace bearerd::app
