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

/// The journal's folder: files journal-NUMBER.log, the highest of which is written. Blocking; one thread at a
/// time; logs nothing.
class Folder {
public:
    /// Makes it (0700) if it is missing, and keeps other daemons out for as long as it lives; EWOULDBLOCK if
    /// there is one.
    [[nodiscard]] static Result<Folder> open_to_write(const std::string& path);
    [[nodiscard]] static Result<Folder> open_to_read(const std::string& path);

    /// Whether a daemon writes there.
    [[nodiscard]] bool is_written() const;

    /// The files' numbers, in order.
    [[nodiscard]] Result<std::vector<std::uint64_t>> list() const;
    /// A whole file, following no link.
    [[nodiscard]] Result<std::string> read(std::uint64_t file) const;
    /// To append to, made (0600) if it is missing.
    [[nodiscard]] Result<Descriptor> open_file(std::uint64_t file) const;
    [[nodiscard]] error_code remove(std::uint64_t file) const;
    /// Puts a close by hand where the daemon that writes there finds it. EEXIST: another one waits there
    /// already.
    [[nodiscard]] error_code request_close(const Close& close) const;
    [[nodiscard]] bool has_close_request() const;
    /// Takes this one back, if the daemon has not taken it. Returns whether it was still there.
    [[nodiscard]] bool withdraw_close(const Close& close) const;
    /// Takes it away from there; nullopt if there is none, or none that is whole.
    [[nodiscard]] std::optional<Close> take_close_request() const;
    /// Makes what was made or removed outlive a crash.
    [[nodiscard]] error_code sync() const;

private:
    [[nodiscard]] std::optional<std::string> read_close_request() const;
    [[nodiscard]] error_code give_to_owner(const Descriptor& file) const;

    explicit Folder(Descriptor descriptor) noexcept : descriptor_{std::move(descriptor)} {}

    Descriptor descriptor_;
};

/// Writes all of it at the end of the file.
[[nodiscard]] error_code append(const Descriptor& file, std::string_view bytes);

/// All files read into one book, while a daemon may write them.
struct Reading {
    JournalIndex book{JournalIndex::Keep::all};
    std::size_t damaged = 0; ///< records
    bool written = false;    ///< by a daemon that runs
};

[[nodiscard]] Result<Reading> read_journal(const std::string& path);

} // namespace bearerd::journal
