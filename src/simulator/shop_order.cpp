// createOrder: the sale of cards. Apart from shop.cpp only because its input is the longest.
#include "shop.hpp"

#include <algorithm>
#include <array>

namespace bearerd::sim {
namespace {

constexpr std::array<std::int64_t, 3> products{3983, 3532, 3984};
constexpr std::array<std::int64_t, 3> sales_channels{3, 5, 7};
constexpr std::array<std::int64_t, 5> fulfilment_methods{1, 2, 3, 7, 8};
constexpr std::int64_t by_email = 1;
constexpr std::int64_t default_price = 5'000;
constexpr std::int64_t largest_price = 10'000'000;

template<std::size_t N>
void check_choice(const Json& value, const std::array<std::int64_t, N>& choices, const std::string& field,
                  const std::string& words, Json& faults) {
    const auto number = integer_of(value);
    if (is_blank(value))
        refuse_field(faults, field, std::string(required_sentence));
    else if (!number || std::find(choices.begin(), choices.end(), *number) == choices.end())
        refuse_field(faults, field, "The selected " + words + " is invalid.");
}

std::int64_t price_of(const Json& item) {
    return integer_of(member(item, "custom_price_modifier_value")).value_or(default_price);
}

std::int64_t discount_of(const Json& item) {
    std::int64_t sum = 0;
    const auto& discounts = member(item, "discounts");
    if (discounts.is_array())
        for (const auto& discount : discounts)
            sum +=
                std::clamp<std::int64_t>(integer_of(member(discount, "value")).value_or(0), 0, largest_price);
    return std::min(sum, price_of(item));
}

/// GraphQL takes one object where a list is wanted.
Json as_list(const Json& value) {
    return value.is_object() ? Json::array({value}) : value;
}

} // namespace

std::string Shop::unused_reference() {
    std::string reference;
    do {
        reference = std::to_string(6301190019991000000LL + next_generated_++);
    } while (cards_.contains(reference));
    return reference;
}

void Shop::check_order_item(const Json& item, const std::string& path, std::set<std::string>& seen,
                            Json& faults) const {
    check_choice(member(item, "product_id"), products, path + "product_id", "product id", faults);
    const auto& method = member(item, "fulfilment_method_id");
    check_choice(method, fulfilment_methods, path + "fulfilment_method_id", "fulfilment method id", faults);
    if (const auto price = price_of(item); price <= 0 || price > largest_price)
        refuse_field(faults, path + "custom_price_modifier_value", "The value is out of range.");
    if (integer_of(method) == by_email && is_blank(member(item, "fulfilment_email")))
        refuse_field(faults, path + "fulfilment_email", std::string(required_sentence));
    if (is_true(member(item, "generate_card_reference")) || integer_of(method) == by_email ||
        integer_of(method) == 2)
        return;
    const auto reference = string_of(member(item, "card_reference")).value_or("");
    if (reference.empty())
        refuse_field(faults, path + "card_reference", std::string(required_sentence));
    else if (reference.size() < 8 || reference.size() > 20 ||
             reference.find_first_not_of("0123456789") != std::string::npos)
        refuse_field(faults, path + "card_reference", "The card reference format is invalid.");
    else if (cards_.contains(reference) || !seen.insert(reference).second)
        refuse_field(faults, path + "card_reference", "The card reference has already been taken.");
}

Outcome Shop::create_order(const Json& arguments, const Caller& caller) {
    Json faults = Json::object();
    check_currency(faults, arguments);
    check_choice(member(arguments, "sales_channel_id"), sales_channels, "sales_channel_id",
                 "sales channel id", faults);
    const Json items = as_list(member(arguments, "order_items"));
    if (!items.is_array() || items.empty())
        refuse_field(faults, "order_items", std::string(required_sentence));
    std::set<std::string> seen;
    for (std::size_t i = 0; items.is_array() && i < items.size(); ++i)
        check_order_item(items[i], "order_items." + std::to_string(i) + ".", seen, faults);
    if (auto refusal = check_common(arguments, faults, false))
        return std::move(*refusal);
    Json line_items = Json::array();
    std::int64_t sum = 0;
    for (const auto& item : items) {
        auto reference = string_of(member(item, "card_reference")).value_or("");
        if (reference.empty())
            reference = unused_reference();
        const auto price = price_of(item);
        Card& card = add_card(reference, price, *integer_of(member(item, "product_id")), caller.date);
        card.discount_percent = discount_of(item) * 100 / price;
        const LineItem& sold = add_line_item("order", card, price, arguments, caller);
        // One entry an order: the reference is the order's, so the further cards aren't duplicates of it.
        if (line_items.empty())
            record("createOrder", sold, caller);
        else
            ledger_.back().value += price;
        line_items.push_back(line_item_json(sold));
        sum += price;
    }
    return Json{{"id", next_order_++},
                {"value", sum},
                {"total", member(arguments, "total")},
                {"currency", "GBP"},
                {"merchant_id", member(arguments, "merchant_id")},
                {"sales_channel_id", member(arguments, "sales_channel_id")},
                {"unit_epos_reference", member(arguments, "unit_epos_reference")},
                {"merchant_transaction_reference", member(arguments, "merchant_transaction_reference")},
                {"created_at", caller.date},
                {"LineItems", line_items}};
}

} // namespace bearerd::sim
