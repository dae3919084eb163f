#pragma once

#include <string>

namespace bearerd::app {

struct JournalOptions {
    bool unresolved = false; ///< these only
    bool unheard = false;    ///< these only
    bool json = false;       ///< an object a line
    std::string key{};       ///< only transactions that have it; empty: all
};

struct CloseOptions {
    std::string request_id;
    std::string executed = "unknown"; ///< yes, no or unknown
    std::string reason;
};

/// `bearerd journal`: lists the mutations that the configured journal holds, while a daemon may write it.
/// Needs neither the password nor what else the file names. Gives back the exit status.
[[nodiscard]] int journal_command(const std::string& file, const JournalOptions& options);

/// `bearerd journal close`: closes an unresolved entry by hand, whether a daemon writes the journal or not.
/// Gives back the exit status.
[[nodiscard]] int close_command(const std::string& file, const CloseOptions& options);

} // namespace bearerd::app
