#include <bearerd/transaction/restoring.hpp>

namespace bearerd::transaction {

std::optional<Restored> restored_from(const journal::Item& item, const Identifier& identifier,
                                      std::uint32_t account, const journal::Uptime& now,
                                      std::int64_t now_ms) {
    const bool counts = item.unresolved() || item.guarded() || item.close.has_value();
    if (!counts || item.intent.account != account)
        return std::nullopt;
    Restored restored;
    restored.identities = identifier.identities(item.intent.fields);
    if (restored.identities.empty())
        return std::nullopt;
    restored.fingerprint = identifier.fingerprint_of(item.intent.fingerprint);
    restored.request_id = item.intent.request_id;
    restored.at_ms = item.intent.at_ms;
    restored.executed = item.executed();
    if (item.outcome)
        restored.age = journal::age_of(*item.outcome, now, now_ms);
    for (const journal::Field& field : item.intent.fields)
        restored.fields.push_back({field.name, std::nullopt, field.key, {}, 0, {}});
    return restored;
}

} // namespace bearerd::transaction
