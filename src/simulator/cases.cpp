#include "cases.hpp"

#include <algorithm>

namespace bearerd::sim {
namespace {

using Ending = Seen::Ending;

constexpr std::string_view login_field = "loginUser";
constexpr std::string_view order_field = "createOrder";
constexpr std::string_view adjustment_field = "createBalanceAdjustment";
constexpr std::string_view reversal_field = "createReversal";

constexpr std::array all_cases{
    Case{"authorisation", "successful authorisation", login_field, Ending::executed, "", ""},
    Case{"authorisation-refused", "wrong user name or password", login_field, Ending::refused, "",
         "Invalid username or password"},
    Case{"token-refused", "invalid or expired token", "", Ending::unauthorized, "", ""},
    Case{"card-created", "creation of a physical card", order_field, Ending::executed, "card", ""},
    Case{"order-merchant", "order refused: invalid merchant_id", order_field, Ending::validation,
         "merchant_id", ""},
    Case{"order-card-reference", "order refused: missing card_reference", order_field, Ending::validation,
         "card_reference", required_sentence},
    Case{"order-product", "order refused: invalid or missing product_id", order_field, Ending::validation,
         "product_id", ""},
    Case{"order-currency", "order refused: invalid or missing currency", order_field, Ending::validation,
         "currency", ""},
    Case{"order-sales-channel", "order refused: invalid or missing sales_channel_id", order_field,
         Ending::validation, "sales_channel_id", ""},
    Case{"debit", "debit", adjustment_field, Ending::executed, "debit", ""},
    Case{"credit", "credit", adjustment_field, Ending::executed, "credit", ""},
    Case{"adjustment-merchant", "adjustment refused: wrong merchant_id", adjustment_field, Ending::validation,
         "merchant_id", ""},
    Case{"adjustment-negative-balance", "debit refused: negative balance", adjustment_field, Ending::refused,
         "", "Applying this transaction would have resulted in a negative balance. Transaction not applied."},
    Case{"adjustment-value", "adjustment refused: malformed value", adjustment_field, Ending::validation,
         "value", "The value must be an integer."},
    Case{"adjustment-duplicate", "adjustment refused: duplicate merchant_transaction_reference",
         adjustment_field, Ending::refused, "", "Duplicate reference supplied"},
    Case{"adjustment-card-reference", "adjustment refused: empty card_reference", adjustment_field,
         Ending::validation, "card_reference", required_sentence},
    Case{"adjustment-unit", "adjustment refused: wrong unit_epos_reference", adjustment_field,
         Ending::validation, "unit_epos_reference", ""},
    Case{"adjustment-currency", "adjustment refused: invalid or missing currency", adjustment_field,
         Ending::validation, "currency", ""},
    Case{"order-fulfilment-method", "order refused: invalid or missing fulfilment_method_id", order_field,
         Ending::validation, "fulfilment_method_id", ""},
    Case{"reversal-of-creation", "reversal of a card's creation", reversal_field, Ending::executed, "order",
         ""},
    Case{"reversal-of-debit", "reversal of a debit", reversal_field, Ending::executed, "debit", ""},
    Case{"reversal-of-credit", "reversal of a credit", reversal_field, Ending::executed, "credit", ""},
    Case{"reversal-line-item", "reversal refused: invalid or missing line_item_id", reversal_field,
         Ending::validation, "line_item_id", ""},
    Case{"card-found", "balance check of a card", "Cards", Ending::executed, "found", ""},
    Case{"card-unknown", "balance check of an unknown card_reference", "Cards", Ending::executed, "none", ""},
};

bool sells_a_physical_card(const Json& arguments) {
    const auto& items = member(arguments, "order_items");
    const auto names_card = [](const Json& item) { return !is_blank(member(item, "card_reference")); };
    return items.is_array() ? std::any_of(items.begin(), items.end(), names_card) : names_card(items);
}

/// What was executed, if one root field does more than one kind of thing.
std::string kind_of(const PlannedField& field, const Json& result) {
    if (field.name == order_field)
        return sells_a_physical_card(field.arguments) ? "card" : "generated";
    if (field.name == adjustment_field)
        return integer_of(member(result, "value")).value_or(0) < 0 ? "debit" : "credit";
    if (field.name == reversal_field)
        return string_of(member(result, "reversed_kind")).value_or("");
    if (field.name == "Cards" && !is_blank(member(field.arguments, "card_reference")))
        return member(result, "data").empty() ? "none" : "found";
    return {};
}

/// The only invalid input and its sentence, with "order_items.0.product_id" as "product_id".
void read_validation(const Json& validation, Seen& seen) {
    if (!validation.is_object() || validation.size() != 1)
        return;
    const auto& path = validation.begin().key();
    const auto& sentences = validation.begin().value();
    seen.ending = Ending::validation;
    seen.detail = path.substr(path.rfind('.') + 1);
    if (sentences.is_array() && !sentences.empty())
        seen.sentence = string_of(sentences.front()).value_or("");
}

bool shows(const Seen& seen, const Case& item) {
    return seen.ending == item.ending && seen.root == item.root && seen.detail == item.detail &&
           (item.sentence.empty() || seen.sentence == item.sentence);
}

} // namespace

std::span<const Case> accreditation_cases() {
    return all_cases;
}

Seen observe(const PlannedField& field, const Outcome& outcome) {
    Seen seen;
    seen.root = field.name;
    if (const auto* refusal = std::get_if<Refusal>(&outcome)) {
        if (!refusal->validation.is_null()) {
            read_validation(refusal->validation, seen);
        } else {
            seen.ending = Ending::refused;
            seen.sentence = refusal->message;
        }
        return seen;
    }
    seen.ending = Ending::executed;
    seen.detail = kind_of(field, std::get<Json>(outcome));
    return seen;
}

std::string ending_in_words(const Seen& seen) {
    switch (seen.ending) {
    case Ending::executed:
        return seen.root == login_field ? "token given" : seen.root == "Cards" ? "answered" : "executed";
    case Ending::refused:
        return "refused: " + seen.sentence;
    case Ending::validation:
        return "refused: " + seen.detail + ": " + seen.sentence;
    case Ending::unauthorized:
        return "refused: Unauthorized";
    case Ending::other:
        break;
    }
    return "other";
}

std::string_view spoiler(const std::vector<Fault>& faults) {
    using enum Fault::Kind;
    for (const auto kind :
         {close_after, half_header, half_answer, half_answer_rst, garbage, close_delimited_truncated, status,
          login_no_token, unauthorized_beside_data, deep_path, huge})
        if (find(faults, kind) != nullptr)
            return name_of(kind);
    return {};
}

void CaseTally::note(const Seen& seen, std::string_view spoilt_by) {
    for (const auto& item : all_cases) {
        if (!shows(seen, item))
            continue;
        auto& count = counts_[item.id];
        ++count.times;
        count.as_expected += spoilt_by.empty();
        count.last = ending_in_words(seen);
        if (!spoilt_by.empty())
            count.last += "; answer lost: " + std::string(spoilt_by);
    }
}

Json CaseTally::json() const {
    Json list = Json::array();
    for (const auto& item : all_cases) {
        const auto found = counts_.find(item.id);
        const Count count = found == counts_.end() ? Count{} : found->second;
        list.push_back({{"id", item.id},
                        {"title", item.title},
                        {"times", count.times},
                        {"as_expected", count.as_expected},
                        {"last", count.last}});
    }
    return list;
}

} // namespace bearerd::sim
