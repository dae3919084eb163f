#pragma once

#include <bearerd/journal/journal_client.hpp>
#include <bearerd/journal/journal_index.hpp>
#include <bearerd/transaction/identifier.hpp>
#include <bearerd/transaction/table.hpp>

#include <cstdint>
#include <optional>

namespace bearerd::transaction {

/// Returns what the guard must know about a journal entry that another process left; nullopt: nothing. An
/// intent without an outcome is unknown, never free. One that was certainly not executed is `no`, for people
/// who ask about it. `account`: journal::account_of() for the identifier's settings. Pure.
[[nodiscard]] std::optional<Restored> restored_from(const journal::JournalEntry& entry,
                                                    const Identifier& identifier, std::uint32_t account,
                                                    const journal::Uptime& now, std::int64_t now_ms);

/// Returns the same for an entry of this process that was sent before its rule was guarded, whatever its
/// outcome. An entry without a fingerprint counts like any other.
[[nodiscard]] std::optional<Restored> outcome_from(const journal::JournalEntry& entry,
                                                   const Identifier& identifier, std::uint32_t account,
                                                   const journal::Uptime& now, std::int64_t now_ms);

} // namespace bearerd::transaction
