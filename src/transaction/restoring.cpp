#include <bearerd/transaction/restoring.hpp>

namespace bearerd::transaction {
namespace {

/// Whether a rule replayed its repeats and it was not executed, so that its transaction is free.
bool is_free(const journal::JournalEntry& item) noexcept {
    return item.outcome && item.outcome->source != journal::Source::repeat &&
           !item.intent.fingerprint.empty() &&
           (item.outcome->executed == outcome::Executed::no || item.outcome->nothing_ran);
}

} // namespace

std::optional<Restored> restored_from(const journal::JournalEntry& item, const Identifier& identifier,
                                      std::uint32_t account, const journal::Uptime& now,
                                      std::int64_t now_ms) {
    const bool counts = item.unresolved() || item.guarded() || item.close.has_value() || is_free(item);
    return counts ? concluded_from(item, identifier, account, now, now_ms) : std::nullopt;
}

std::optional<Restored> concluded_from(const journal::JournalEntry& item, const Identifier& identifier,
                                       std::uint32_t account, const journal::Uptime& now,
                                       std::int64_t now_ms) {
    if (item.intent.account != account)
        return std::nullopt;
    Restored restored;
    restored.identities = identifier.identities(item.intent.fields);
    if (restored.identities.empty())
        return std::nullopt;
    restored.fingerprint = identifier.fingerprint_of(item.intent.fingerprint);
    restored.request_id = item.intent.request_id;
    restored.at_ms = item.intent.at_ms;
    restored.nothing_ran = !item.close && item.outcome && item.outcome->nothing_ran;
    restored.executed = restored.nothing_ran ? outcome::Executed::no : item.executed();
    restored.age = journal::age_of(item, now, now_ms);
    restored.header_rules = identifier.header_rules();
    for (const journal::Field& field : item.intent.fields)
        restored.fields.push_back(field.name);
    return restored;
}

} // namespace bearerd::transaction
