#include "shop.hpp"

#include <algorithm>
#include <array>

namespace bearerd::sim {
namespace {

constexpr std::array<std::int64_t, 2> merchants{24, 26};
constexpr std::array<std::string_view, 3> units{"2251799825000010", "2251799825000011", "Epos01"};
constexpr std::int64_t largest_value = 10'000'000; // a hundred thousand pounds

/// 6301190019990640662, then ...663, and so on.
std::string reference_of(int index) {
    constexpr std::int64_t first = 6301190019990640662LL;
    return std::to_string(first + index);
}

} // namespace

void refuse_field(Json& faults, const std::string& field, std::string sentence) {
    faults[field].push_back(std::move(sentence));
}

void check_currency(Json& faults, const Json& arguments) {
    const auto& currency = member(arguments, "currency");
    if (is_blank(currency))
        refuse_field(faults, "currency", std::string(required_sentence));
    else if (string_of(currency) != "GBP")
        refuse_field(faults, "currency", "The selected currency is invalid.");
}

Shop::Shop(ShopOptions options) : options_(options) {
    const std::string date = "2021-06-05 16:19:52";
    for (int i = 0; i <= options_.cards; ++i)
        add_card(reference_of(i), 10'000, 3983, date).discount_percent = i == 0 ? 20 : 0;
}

Shop::Card& Shop::add_card(std::string reference, std::int64_t balance, std::int64_t product,
                           std::string date) {
    Card card;
    card.id = next_card_++;
    card.reference = reference;
    card.balance = card.initial_balance = balance;
    card.product_id = product;
    card.pin = std::to_string(1000 + card.id % 9000);
    card.created_at = card.updated_at = std::move(date);
    return cards_.insert_or_assign(std::move(reference), std::move(card)).first->second;
}

Shop::LineItem& Shop::add_line_item(std::string kind, const Card& card, std::int64_t value,
                                    const Json& arguments, const Caller& caller) {
    LineItem item;
    item.id = next_line_item_++;
    item.kind = std::move(kind);
    item.card = card.reference;
    item.value = value;
    item.reference = string_of(member(arguments, "merchant_transaction_reference")).value_or("");
    item.unit = string_of(member(arguments, "unit_epos_reference")).value_or("");
    item.created_at = caller.date;
    return line_items_.emplace(item.id, std::move(item)).first->second;
}

void Shop::record(std::string kind, const LineItem& item, const Caller& caller) {
    LedgerEntry entry;
    entry.kind = std::move(kind);
    entry.reference = item.reference;
    entry.card = item.card;
    entry.value = item.value;
    entry.duplicate = !item.reference.empty() && !references_.insert(item.reference).second;
    entry.caller = caller;
    ledger_.push_back(std::move(entry));
}

bool Shop::is_duplicate(const Json& arguments) const {
    const auto reference = string_of(member(arguments, "merchant_transaction_reference")).value_or("");
    return !options_.allow_duplicate_references && !reference.empty() && references_.contains(reference);
}

/// What all three mutations require. `faults` collects; a Refusal is only for what isn't a field's
/// fault.
std::optional<Refusal> Shop::check_common(const Json& arguments, Json& faults, bool unit_required) const {
    const auto& merchant = member(arguments, "merchant_id");
    const auto merchant_id = integer_of(merchant);
    if (is_blank(merchant))
        refuse_field(faults, "merchant_id", std::string(required_sentence));
    else if (!merchant_id || std::find(merchants.begin(), merchants.end(), *merchant_id) == merchants.end())
        refuse_field(faults, "merchant_id", "The selected merchant id is invalid.");
    const auto& unit = member(arguments, "unit_epos_reference");
    const auto unit_name = string_of(unit);
    if (is_blank(unit)) {
        if (unit_required)
            refuse_field(faults, "unit_epos_reference", std::string(required_sentence));
    } else if (!unit_name || std::find(units.begin(), units.end(), *unit_name) == units.end()) {
        refuse_field(faults, "unit_epos_reference",
                     "The unit epos reference is not configured for this account.");
    }
    if (!faults.empty())
        return Refusal{"validation", faults};
    if (is_duplicate(arguments))
        return Refusal{"Duplicate reference supplied", {}};
    return std::nullopt;
}

Json Shop::card_json(const Card& card) const {
    return {{"id", card.id},
            {"card_reference", card.reference},
            {"pin", card.pin},
            {"balance", card.balance},
            {"initial_balance", card.initial_balance},
            {"inital_balance", card.initial_balance}, // as the documentation's example spells it
            {"currency", "GBP"},
            {"status", card.cancelled ? "cancelled" : "active"},
            {"product_id", card.product_id},
            {"product_name", "In-store Gift"},
            {"card_alias_card_reference", nullptr},
            {"expiry_time", nullptr},
            {"created_at", card.created_at},
            {"updated_at", card.updated_at}};
}

Json Shop::line_item_json(const LineItem& item) const {
    return {{"id", item.id},
            {"type", item.kind},
            {"value", item.value},
            {"currency", "GBP"},
            {"card_reference", item.card},
            {"merchant_transaction_reference", item.reference},
            {"unit_epos_reference", item.unit},
            {"reversed", item.reversed},
            {"created_at", item.created_at},
            {"Card", card_json(cards_.find(item.card)->second)}};
}

Outcome Shop::cards(const Json& arguments) const {
    const auto limit = std::clamp<std::int64_t>(integer_of(member(arguments, "limit")).value_or(25), 1, 1000);
    const auto page =
        std::clamp<std::int64_t>(integer_of(member(arguments, "page")).value_or(1), 1, 1'000'000);
    const auto wanted = string_of(member(arguments, "card_reference"));
    Json data = Json::array();
    std::int64_t total = 0;
    for (const auto& [reference, card] : cards_) {
        if (wanted && *wanted != reference)
            continue;
        if (total >= (page - 1) * limit && total < page * limit)
            data.push_back(card_json(card));
        ++total;
    }
    return Json{{"data", data}, {"total", total}, {"per_page", limit}, {"current_page", page}};
}

Outcome Shop::line_items(const Json& arguments) const {
    const auto wanted = string_of(member(arguments, "merchant_transaction_reference"));
    const auto limit = std::clamp<std::int64_t>(integer_of(member(arguments, "limit")).value_or(25), 1, 1000);
    const auto page =
        std::clamp<std::int64_t>(integer_of(member(arguments, "page")).value_or(1), 1, 1'000'000);
    Json data = Json::array();
    std::int64_t total = 0;
    for (const auto& [id, item] : line_items_) {
        if (wanted && *wanted != item.reference)
            continue;
        if (total >= (page - 1) * limit && total < page * limit)
            data.push_back(line_item_json(item));
        ++total;
    }
    return Json{{"data", data}, {"total", total}, {"per_page", limit}, {"current_page", page}};
}

Outcome Shop::create_balance_adjustment(const Json& arguments, const Caller& caller) {
    Json faults = Json::object();
    check_currency(faults, arguments);
    const auto& value = member(arguments, "value");
    const auto pence = integer_of(value);
    if (is_blank(value))
        refuse_field(faults, "value", std::string(required_sentence));
    else if (!pence)
        refuse_field(faults, "value", "The value must be an integer.");
    else if (*pence > largest_value || *pence < -largest_value || *pence == 0)
        refuse_field(faults, "value", "The value is out of range.");
    const auto& reference = member(arguments, "card_reference");
    if (is_blank(reference))
        refuse_field(faults, "card_reference", std::string(required_sentence));
    if (auto refusal = check_common(arguments, faults, true))
        return std::move(*refusal);
    const auto found = cards_.find(string_of(reference).value_or(""));
    if (found == cards_.end() || found->second.cancelled)
        return Refusal{
            "No card has been found for this account for the card ref supplied. Transaction not applied.",
            {}};
    Card& card = found->second;
    if (card.balance + *pence < 0)
        return Refusal{
            "Applying this transaction would have resulted in a negative balance. Transaction not applied.",
            {}};
    card.balance += *pence;
    card.updated_at = caller.date;
    const LineItem& item = add_line_item("adjustment", card, *pence, arguments, caller);
    record("createBalanceAdjustment", item, caller);
    const std::int64_t size = *pence < 0 ? -*pence : *pence;
    const std::int64_t discount = *pence < 0 ? size * card.discount_percent / 100 : 0;
    return Json{{"id", next_adjustment_++},
                {"value", *pence},
                {"currency", "GBP"},
                {"merchant_id", member(arguments, "merchant_id")},
                {"unit_epos_reference", item.unit},
                {"card_reference", card.reference},
                {"merchant_transaction_reference", item.reference},
                {"line_item_id", item.id},
                {"created_at", item.created_at},
                {"Card", card_json(card)},
                {"LineItem", line_item_json(item)},
                {"ValueSplit", {{"tender", size - discount}, {"discount", discount}}}};
}

Outcome Shop::create_reversal(const Json& arguments, const Caller& caller) {
    static constexpr auto field = "ReversalItems.0.line_item_id";
    Json faults = Json::object();
    // The documentation writes one object; a list of one is the same by GraphQL's coercion.
    const auto& given = member(arguments, "ReversalItems");
    const Json& item_input = given.is_array() && given.size() == 1 ? given.front() : given;
    const auto& line_item =
        item_input.is_object() ? member(item_input, "line_item_id") : member(arguments, "line_item_id");
    if (is_blank(line_item))
        refuse_field(faults, field, std::string(required_sentence));
    const auto found = line_items_.find(integer_of(line_item).value_or(-1));
    if (!is_blank(line_item) && (found == line_items_.end() || found->second.kind == "reversal"))
        refuse_field(faults, field, "The selected line item id is invalid.");
    else if (found != line_items_.end() && found->second.reversed)
        refuse_field(faults, field, "This line item has already been reversed.");
    if (auto refusal = check_common(arguments, faults, false))
        return std::move(*refusal);
    LineItem& original = found->second;
    Card& card = cards_.find(original.card)->second;
    if (card.balance - original.value < 0)
        return Refusal{
            "Applying this transaction would have resulted in a negative balance. Transaction not applied.",
            {}};
    card.balance -= original.value;
    card.updated_at = caller.date;
    card.cancelled = card.cancelled || original.kind == "order";
    original.reversed = true;
    const LineItem& item = add_line_item("reversal", card, -original.value, arguments, caller);
    record("createReversal", item, caller);
    return Json{{"id", next_reversal_++},
                {"value", item.value},
                {"currency", "GBP"},
                {"merchant_id", member(arguments, "merchant_id")},
                {"unit_epos_reference", item.unit},
                {"merchant_transaction_reference", item.reference},
                {"line_item_id", item.id},
                {"created_at", item.created_at},
                {"LineItems", Json::array({line_item_json(item)})},
                // Of no type in the schema, so that it is in no answer: what kind of thing was reversed.
                {"reversed_kind", original.kind == "order" ? "order"
                                  : original.value < 0     ? "debit"
                                                           : "credit"}};
}

} // namespace bearerd::sim
