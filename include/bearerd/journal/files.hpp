#pragma once

#include <bearerd/base/descriptor.hpp>
#include <bearerd/base/error.hpp>
#include <bearerd/journal/journal_index.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bearerd::journal {

/// The journal's folder: files journal-NUMBER.log, of which the one with the highest number is written.
/// Blocking; one thread at a time; logs nothing.
class Folder {
public:
    /// Makes the folder (0700) if it is missing, and locks it against other daemons as long as the object
    /// lives. Fails with EWOULDBLOCK if another daemon holds it.
    [[nodiscard]] static Result<Folder> open_to_write(const std::string& path);
    [[nodiscard]] static Result<Folder> open_to_read(const std::string& path);

    /// Whether a running daemon writes there.
    [[nodiscard]] bool is_written() const;

    /// Whether somebody has removed the folder since it was opened.
    [[nodiscard]] bool is_removed() const noexcept;

    /// Returns the files' numbers in ascending order.
    [[nodiscard]] Result<std::vector<std::uint64_t>> list() const;
    /// Returns the content of a file. Does not follow a symbolic link.
    [[nodiscard]] Result<std::string> read(std::uint64_t file) const;
    /// Opens a file for appending; makes it (0600) if it is missing.
    [[nodiscard]] Result<Descriptor> open_file(std::uint64_t file) const;
    [[nodiscard]] error_code remove(std::uint64_t file) const;
    /// Leaves a close by hand for the daemon that writes there. Fails with EEXIST if another one is waiting
    /// already.
    [[nodiscard]] error_code request_close(const Close& close) const;
    [[nodiscard]] bool has_close_request() const;
    /// Withdraws this request unless the daemon has taken it. Returns whether it was still there.
    [[nodiscard]] bool withdraw_close(const Close& close) const;
    /// Removes and returns the waiting request; nullopt if there is none, or it is incomplete.
    [[nodiscard]] std::optional<Close> take_close_request() const;
    /// Syncs the folder, so that files made or removed survive a crash.
    [[nodiscard]] error_code sync() const;

private:
    [[nodiscard]] std::optional<std::string> read_close_request() const;
    [[nodiscard]] error_code give_to_owner(const Descriptor& file) const;

    explicit Folder(Descriptor descriptor) noexcept : descriptor_{std::move(descriptor)} {}

    Descriptor descriptor_;
};

/// Whether a file or folder that is open has no name any more.
[[nodiscard]] bool is_removed(const Descriptor& descriptor) noexcept;

/// The content of all files; a daemon may be writing them meanwhile.
struct Reading {
    JournalIndex index{JournalIndex::Keep::all};
    std::size_t damaged = 0; ///< number of damaged records
    bool written = false;    ///< a running daemon writes the journal
};

[[nodiscard]] Result<Reading> read_journal(const std::string& path);

} // namespace bearerd::journal
