#include <bearerd/transaction/restoring.hpp>

namespace bearerd::transaction {
namespace {

/// Whether a rule replayed its repeats and it was not executed, so that its transaction is free.
bool is_free(const journal::JournalEntry& entry) noexcept {
    return entry.outcome && entry.outcome->source != journal::Source::repeat &&
           !entry.intent.fingerprint.empty() &&
           (entry.outcome->executed == outcome::Executed::no || entry.outcome->nothing_ran);
}

} // namespace

std::optional<Restored> restored_from(const journal::JournalEntry& entry, const Identifier& identifier,
                                      std::uint32_t account, const journal::Uptime& now,
                                      std::int64_t now_ms) {
    const bool counts = entry.unresolved() || entry.guarded() || entry.close.has_value() || is_free(entry);
    return counts ? outcome_from(entry, identifier, account, now, now_ms) : std::nullopt;
}

std::optional<Restored> outcome_from(const journal::JournalEntry& entry, const Identifier& identifier,
                                     std::uint32_t account, const journal::Uptime& now, std::int64_t now_ms) {
    if (entry.intent.account != account)
        return std::nullopt;
    Restored restored;
    restored.identities = identifier.identities(entry.intent.fields);
    if (restored.identities.empty())
        return std::nullopt;
    restored.fingerprint = identifier.fingerprint_of(entry.intent.fingerprint);
    restored.request_id = entry.intent.request_id;
    restored.at_ms = entry.intent.at_ms;
    restored.nothing_ran = !entry.close && entry.outcome && entry.outcome->nothing_ran;
    restored.executed = restored.nothing_ran ? outcome::Executed::no : entry.executed();
    restored.age = journal::age_of(entry, now, now_ms);
    restored.header_rules = identifier.header_rules();
    for (const journal::MutationField& field : entry.intent.fields)
        restored.fields.push_back(field.name);
    return restored;
}

} // namespace bearerd::transaction
