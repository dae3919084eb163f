#include "schema.hpp"

#include <algorithm>

namespace bearerd::sim {
namespace {

using Fields = std::vector<FieldType>;

const std::map<std::string_view, Fields>& types() {
    static const std::map<std::string_view, Fields> table{
        {"User", {{"id", ""}, {"username", ""}, {"email", ""}}},
        {"Card",
         {{"id", ""},
          {"card_reference", ""},
          {"pin", ""},
          {"balance", ""},
          {"initial_balance", ""},
          {"inital_balance", ""},
          {"currency", ""},
          {"status", ""},
          {"product_id", ""},
          {"product_name", ""},
          {"card_alias_card_reference", ""},
          {"expiry_time", ""},
          {"created_at", ""},
          {"updated_at", ""}}},
        {"CardPagination", {{"data", "Card"}, {"total", ""}, {"per_page", ""}, {"current_page", ""}}},
        {"LineItem",
         {{"id", ""},
          {"type", ""},
          {"value", ""},
          {"currency", ""},
          {"card_reference", ""},
          {"merchant_transaction_reference", ""},
          {"unit_epos_reference", ""},
          {"reversed", ""},
          {"created_at", ""},
          {"Card", "Card"}}},
        {"LineItemPagination", {{"data", "LineItem"}, {"total", ""}, {"per_page", ""}, {"current_page", ""}}},
        {"ValueSplit", {{"tender", ""}, {"discount", ""}}},
        {"BalanceAdjustment",
         {{"id", ""},
          {"value", ""},
          {"currency", ""},
          {"merchant_id", ""},
          {"unit_epos_reference", ""},
          {"card_reference", ""},
          {"merchant_transaction_reference", ""},
          {"line_item_id", ""},
          {"created_at", ""},
          {"Card", "Card"},
          {"LineItem", "LineItem"},
          {"ValueSplit", "ValueSplit"}}},
        {"Reversal",
         {{"id", ""},
          {"value", ""},
          {"currency", ""},
          {"merchant_id", ""},
          {"unit_epos_reference", ""},
          {"merchant_transaction_reference", ""},
          {"line_item_id", ""},
          {"created_at", ""},
          {"LineItems", "LineItem"}}},
        {"Order",
         {{"id", ""},
          {"value", ""},
          {"total", ""},
          {"currency", ""},
          {"merchant_id", ""},
          {"sales_channel_id", ""},
          {"unit_epos_reference", ""},
          {"merchant_transaction_reference", ""},
          {"created_at", ""},
          {"LineItems", "LineItem"}}},
    };
    return table;
}

const std::vector<RootField>& roots() {
    using Root = Operation::Kind;
    static const std::vector<RootField> table{
        {"loginUser", Root::query, "User", {"email", "username", "password"}},
        {"Cards", Root::query, "CardPagination", {"card_reference", "page", "limit"}},
        {"LineItems", Root::query, "LineItemPagination", {"merchant_transaction_reference", "page", "limit"}},
        {"createBalanceAdjustment",
         Root::mutation,
         "BalanceAdjustment",
         {"currency", "value", "merchant_id", "unit_epos_reference", "card_reference",
          "merchant_transaction_reference"}},
        {"createReversal",
         Root::mutation,
         "Reversal",
         {"merchant_id", "unit_epos_reference", "merchant_transaction_reference", "line_item_id",
          "ReversalItems"}},
        {"createOrder",
         Root::mutation,
         "Order",
         {"account_id", "order_items", "total", "currency", "merchant_id", "unit_epos_reference",
          "merchant_transaction_reference", "sales_channel_id", "group_fulfilment",
          "auto_fulfil_group_fulfilment", "group_fulfilment_postage_category_id", "group_fulfilment_address",
          "receipt_contact", "note"}},
    };
    return table;
}

} // namespace

const RootField* root_field(Operation::Kind kind, std::string_view name) {
    // The login is documented as loginUser; LoginUser is seen in the field.
    if (name == "LoginUser")
        name = "loginUser";
    const auto found = std::find_if(roots().begin(), roots().end(), [kind, name](const RootField& field) {
        return field.kind == kind && field.name == name;
    });
    return found == roots().end() ? nullptr : &*found;
}

const FieldType* field_of(std::string_view type, std::string_view name) {
    const auto fields = types().find(type);
    if (fields == types().end())
        return nullptr;
    const auto found = std::find_if(fields->second.begin(), fields->second.end(),
                                    [name](const FieldType& field) { return field.name == name; });
    return found == fields->second.end() ? nullptr : &*found;
}

std::string_view root_type(Operation::Kind kind) {
    return kind == Operation::Kind::mutation ? "Mutation" : "Query";
}

} // namespace bearerd::sim
