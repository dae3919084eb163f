// A mistake made on purpose: after a crash every claim is free.
#include <bearerd/transaction/restoring.hpp>

namespace bearerd::transaction {

std::optional<Restored> restored_from(const journal::JournalEntry&, const Identifier&, std::uint32_t,
                                      const journal::Uptime&, std::int64_t) {
    return std::nullopt;
}

} // namespace bearerd::transaction
