#pragma once

#include <bearerd/base/clock.hpp>
#include <bearerd/journal/journal.hpp>

#include <optional>
#include <string>

namespace bearerd::journal {

/// Closes an entry by hand, whether a daemon writes the journal or not: a running daemon gets the request and
/// has `patience` to write it. Blocking. Returns nullopt if it was closed, else the reason why not.
[[nodiscard]] std::optional<std::string> close_entry(const Journal::Settings& settings, const Close& close,
                                                     Duration patience);

} // namespace bearerd::journal
