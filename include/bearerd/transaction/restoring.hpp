#pragma once

#include <bearerd/journal/book.hpp>
#include <bearerd/journal/scribe.hpp>
#include <bearerd/transaction/identifier.hpp>
#include <bearerd/transaction/table.hpp>

#include <cstdint>
#include <optional>

namespace bearerd::transaction {

/// What the guard has to know of a journal entry that another process left; nullopt: nothing. An intent
/// without an outcome is unknown, never free. `account`: journal::account_of() the identifier's. Pure.
[[nodiscard]] std::optional<Restored> restored_from(const journal::Item& item, const Identifier& identifier,
                                                    std::uint32_t account, const journal::Uptime& now,
                                                    std::int64_t now_ms);

} // namespace bearerd::transaction
