#pragma once

#include <string>

namespace bearerd::app {

struct JournalOptions {
    bool unresolved = false; ///< these only
    bool json = false;       ///< an object a line
};

/// `bearerd journal`: lists the mutations that the configured journal holds, while a daemon may write it.
/// Needs neither the password nor what else the file names. Gives back the exit status.
[[nodiscard]] int journal_command(const std::string& file, JournalOptions options);

} // namespace bearerd::app
