#pragma once

#include <bearerd/base/clock.hpp>
#include <bearerd/journal/journal.hpp>

#include <optional>
#include <string>

namespace bearerd::journal {

/// Closes an entry by hand, whether a daemon writes the journal or not: one that does is handed the close,
/// and is given `patience` to write it. Blocking. Returns why it was not closed; nullopt: it was.
[[nodiscard]] std::optional<std::string> close_entry(const Journal::Settings& settings, const Close& close,
                                                     Duration patience);

} // namespace bearerd::journal
