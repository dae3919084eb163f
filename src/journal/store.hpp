#pragma once

#include <bearerd/journal/files.hpp>
#include <bearerd/journal/journal.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bearerd::journal {

/// The journal's files, for the one daemon that writes them: appends, begins a new file in time, and keeps
/// what is unresolved. Blocking; one thread; logs nothing.
class Store {
public:
    explicit Store(Journal::Settings settings) : settings_{std::move(settings)} {}

    /// Reads what is there, cuts off a torn end, and records the start of a process. Returns an error if that
    /// fails; call it again then.
    [[nodiscard]] std::optional<std::string> open();

    [[nodiscard]] std::string_view directory() const noexcept { return settings_.directory; }

    [[nodiscard]] bool is_open() const noexcept { return folder_.has_value(); }

    /// Whether open() has failed because another process writes the journal.
    [[nodiscard]] bool is_held() const noexcept { return held_; }

    /// Writes the records, whose text is `bytes`, all or none of them; begins a new file first if one is due.
    /// They are durable only after sync().
    [[nodiscard]] error_code append(std::string_view bytes, const std::vector<Record>& records);

    /// Makes what was appended survive a crash of the machine. After a failure it is unknown what is on the
    /// disk (fsync(2)), so the next append() begins a new file.
    [[nodiscard]] error_code sync();

    /// Returns the entries that are unresolved, in flight, unheard or guarded, and no others.
    [[nodiscard]] const JournalIndex& index() const noexcept { return index_; }

    /// Returns what open() left out.
    [[nodiscard]] const Damage& damage() const noexcept { return damage_; }

    /// Returns what people have closed meanwhile; each close is returned once.
    [[nodiscard]] std::vector<Close> take_closes() const;

    /// Returns how many unresolved entries younger than 30 days were dropped for lack of room since the last
    /// call.
    [[nodiscard]] std::size_t take_forgotten() noexcept { return std::exchange(forgotten_, 0); }

    /// The same for guarded entries: after a restart their repeats would not be recognised.
    [[nodiscard]] std::size_t take_forgotten_guarded() noexcept {
        return std::exchange(forgotten_guarded_, 0);
    }

    /// Returns how often since the last call the file was found removed. A new one has been begun then, with
    /// all that was needed of it.
    [[nodiscard]] std::size_t take_removals() noexcept { return std::exchange(removals_, 0); }

    /// Sets how long an executed guarded entry is kept, from the next file on.
    void set_remember(Duration remember) noexcept { settings_.remember = remember; }

private:
    [[nodiscard]] error_code read(const Folder& folder);
    [[nodiscard]] error_code begin_file();
    [[nodiscard]] std::string carried();
    [[nodiscard]] std::string carried_unresolved();
    [[nodiscard]] std::string carried_resolved();
    void remove_old() const;

    Journal::Settings settings_;
    std::optional<Folder> folder_;
    bool held_ = false;
    Descriptor file_;
    std::uint64_t number_ = 1;     ///< of the file
    std::uint64_t size_ = 0;       ///< of the file: what is whole in it
    std::uint64_t begun_with_ = 0; ///< what of it was carried over
    bool spoiled_ = false;         ///< append no more to this file
    JournalIndex index_{JournalIndex::Keep::unresolved};
    Damage damage_;
    std::size_t forgotten_ = 0;
    std::size_t forgotten_guarded_ = 0;
    std::size_t removals_ = 0;
};

} // namespace bearerd::journal
