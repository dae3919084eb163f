#pragma once

#include <cstdint>
#include <string>

namespace bearerd::app {

struct JournalOptions {
    bool unresolved = false; ///< only these
    bool unheard = false;    ///< only these
    bool json = false;       ///< one object per line
    std::string key{};       ///< only transactions that have it; empty: all
};

struct CloseOptions {
    std::string request_id;
    std::string executed = "unknown"; ///< yes, no or unknown
    std::string reason;
    std::uint64_t number = 0; ///< of the entry; 0: the request id says which
};

/// `bearerd journal`: lists the mutations that the configured journal holds, while a daemon may write it.
/// Needs neither the password nor anything else that the file names. Returns the exit status.
[[nodiscard]] int journal_command(const std::string& file, const JournalOptions& options);

/// `bearerd journal close`: closes an unresolved entry by hand, whether a daemon writes the journal or not.
/// Returns the exit status.
[[nodiscard]] int close_command(const std::string& file, const CloseOptions& options);

} // namespace bearerd::app
