#include "shop.hpp"

#include <gtest/gtest.h>

namespace bearerd::sim {
namespace {

constexpr auto card = "6301190019990640662";

Json adjustment(std::int64_t value, std::string_view reference) {
    return {{"currency", "GBP"},      {"value", value},
            {"merchant_id", 26},      {"unit_epos_reference", "2251799825000010"},
            {"card_reference", card}, {"merchant_transaction_reference", reference}};
}

Json order(std::string_view reference) {
    return {{"account_id", 1},
            {"currency", "GBP"},
            {"merchant_id", 26},
            {"sales_channel_id", 3},
            {"total", 2000},
            {"merchant_transaction_reference", reference},
            {"unit_epos_reference", "2251799825000010"},
            {"order_items", Json::array({{{"product_id", 3983},
                                          {"custom_price_modifier_value", 2000},
                                          {"fulfilment_method_id", 3},
                                          {"card_reference", "6301190019995550001"}}})}};
}

Json reversal(const Json& line_item, std::string_view reference) {
    return {{"merchant_id", 26},
            {"unit_epos_reference", "2251799825000010"},
            {"merchant_transaction_reference", reference},
            {"ReversalItems", {{"line_item_id", line_item}, {"shipping_refund", false}}}};
}

Json done(const Outcome& outcome) {
    if (const auto* refusal = std::get_if<Refusal>(&outcome)) {
        ADD_FAILURE() << refusal->message << refusal->validation;
        return {};
    }
    return std::get<Json>(outcome);
}

Refusal refused(const Outcome& outcome) {
    if (const auto* refusal = std::get_if<Refusal>(&outcome))
        return *refusal;
    ADD_FAILURE() << "not refused: " << std::get<Json>(outcome);
    return {};
}

class ShopTest : public testing::Test {
protected:
    std::int64_t balance(std::string_view reference = card) const {
        const auto answer = done(shop.cards({{"card_reference", reference}}));
        return integer_of(member(member(answer, "data").front(), "balance")).value_or(-1);
    }

    std::int64_t line_item(std::string_view reference) const {
        const auto answer = done(shop.line_items({{"merchant_transaction_reference", reference}}));
        return integer_of(member(member(answer, "data").front(), "id")).value_or(-1);
    }

    Shop shop{ShopOptions{}};
    Caller caller;
};

TEST_F(ShopTest, ADebitTakesFromTheBalanceAndSplitsItsValue) {
    const auto answer = done(shop.create_balance_adjustment(adjustment(-1000, "a"), caller));
    EXPECT_EQ(member(answer, "value"), -1000);
    EXPECT_EQ(member(answer, "ValueSplit").dump(), R"({"tender":800,"discount":200})");
    EXPECT_EQ(balance(), 9000);
    ASSERT_EQ(shop.ledger().size(), 1U);
    EXPECT_EQ(shop.ledger().front().reference, "a");
}

TEST_F(ShopTest, ACreditAddsToTheBalance) {
    done(shop.create_balance_adjustment(adjustment(500, "a"), caller));
    EXPECT_EQ(balance(), 10'500);
}

struct Refused {
    std::string_view field; ///< Of the argument that is changed.
    Json value;
    std::string_view message;
    std::string_view sentence;
};

void PrintTo(const Refused& refused, std::ostream* out) {
    *out << refused.field << "=" << refused.value;
}

class AdjustmentRefused : public testing::TestWithParam<Refused> {};

TEST_P(AdjustmentRefused, AndNothingIsExecuted) {
    Shop shop{ShopOptions{}};
    auto arguments = adjustment(-1000, "a");
    arguments[std::string(GetParam().field)] = GetParam().value;
    const auto refusal = refused(shop.create_balance_adjustment(arguments, {}));
    EXPECT_EQ(refusal.message, GetParam().message);
    EXPECT_EQ(string_of(member(refusal.validation, GetParam().field).is_array()
                            ? member(refusal.validation, GetParam().field).front()
                            : Json())
                  .value_or(""),
              GetParam().sentence);
    EXPECT_TRUE(shop.ledger().empty());
}

INSTANTIATE_TEST_SUITE_P(
    Accreditation, AdjustmentRefused,
    testing::Values(
        Refused{"merchant_id", 1, "validation", "The selected merchant id is invalid."},
        Refused{"merchant_id", nullptr, "validation", "This field is required"},
        Refused{"value", -10'001,
                "Applying this transaction would have resulted in a negative balance. Transaction not "
                "applied.",
                ""},
        Refused{"value", "ten", "validation", "The value must be an integer."},
        Refused{"value", 10.5, "validation", "The value must be an integer."},
        Refused{"card_reference", "", "validation", "This field is required"},
        Refused{"card_reference", "1",
                "No card has been found for this account for the card ref supplied. Transaction not "
                "applied.",
                ""},
        Refused{"unit_epos_reference", "elsewhere", "validation",
                "The unit epos reference is not configured for this account."},
        Refused{"currency", nullptr, "validation", "This field is required"},
        Refused{"currency", "XXX", "validation", "The selected currency is invalid."}));

TEST_F(ShopTest, ADuplicateReferenceIsRefusedUnlessAllowed) {
    done(shop.create_balance_adjustment(adjustment(-1, "a"), caller));
    EXPECT_EQ(refused(shop.create_balance_adjustment(adjustment(-1, "a"), caller)).message,
              "Duplicate reference supplied");
    EXPECT_EQ(shop.ledger().size(), 1U);

    Shop open{ShopOptions{0, true}};
    done(open.create_balance_adjustment(adjustment(-1, "a"), caller));
    done(open.create_balance_adjustment(adjustment(-1, "a"), caller));
    ASSERT_EQ(open.ledger().size(), 2U);
    EXPECT_FALSE(open.ledger()[0].duplicate);
    EXPECT_TRUE(open.ledger()[1].duplicate);
}

TEST_F(ShopTest, ARefusedReferenceMayBeUsedAgain) {
    refused(shop.create_balance_adjustment(adjustment(-1'000'000, "a"), caller));
    done(shop.create_balance_adjustment(adjustment(-1, "a"), caller));
}

TEST_F(ShopTest, ReversesADebitACreditAndACreation) {
    done(shop.create_balance_adjustment(adjustment(-1000, "debit"), caller));
    done(shop.create_balance_adjustment(adjustment(700, "credit"), caller));
    done(shop.create_order(order("sale"), caller));
    EXPECT_EQ(balance("6301190019995550001"), 2000);
    EXPECT_EQ(member(done(shop.create_reversal(reversal(line_item("debit"), "r1"), caller)), "value"), 1000);
    EXPECT_EQ(member(done(shop.create_reversal(reversal(line_item("credit"), "r2"), caller)), "value"), -700);
    done(shop.create_reversal(reversal(line_item("sale"), "r3"), caller));
    EXPECT_EQ(balance(), 10'000);
    EXPECT_EQ(balance("6301190019995550001"), 0);
    EXPECT_EQ(shop.ledger().size(), 6U);
}

TEST_F(ShopTest, RefusesAReversalOfNothingOrOfWhatIsReversed) {
    done(shop.create_balance_adjustment(adjustment(-1000, "debit"), caller));
    const auto sentence = [this](const Json& item) {
        return refused(shop.create_reversal(reversal(item, "x"), caller)).validation.dump();
    };
    EXPECT_EQ(sentence(nullptr), R"({"ReversalItems.0.line_item_id":["This field is required"]})");
    EXPECT_EQ(sentence(5), R"({"ReversalItems.0.line_item_id":["The selected line item id is invalid."]})");
    done(shop.create_reversal(reversal(line_item("debit"), "r"), caller));
    EXPECT_EQ(sentence(line_item("debit")),
              R"({"ReversalItems.0.line_item_id":["This line item has already been reversed."]})");
    EXPECT_EQ(shop.ledger().size(), 2U);
}

struct OrderRefused {
    std::string_view field;
    bool in_item;
    Json value;
};

void PrintTo(const OrderRefused& refused, std::ostream* out) {
    *out << refused.field << "=" << refused.value;
}

class OrderRefusedTest : public testing::TestWithParam<OrderRefused> {};

TEST_P(OrderRefusedTest, NamesTheFieldAndCreatesNothing) {
    Shop shop{ShopOptions{}};
    auto arguments = order("sale");
    const std::string field(GetParam().field);
    (GetParam().in_item ? arguments["order_items"][0] : arguments)[field] = GetParam().value;
    const auto refusal = refused(shop.create_order(arguments, {}));
    EXPECT_EQ(refusal.message, "validation");
    EXPECT_TRUE(refusal.validation.contains((GetParam().in_item ? "order_items.0." : "") + field))
        << refusal.validation;
    EXPECT_TRUE(shop.ledger().empty());
}

INSTANTIATE_TEST_SUITE_P(
    Accreditation, OrderRefusedTest,
    testing::Values(OrderRefused{"merchant_id", false, 1}, OrderRefused{"card_reference", true, nullptr},
                    OrderRefused{"card_reference", true, card}, OrderRefused{"product_id", true, nullptr},
                    OrderRefused{"product_id", true, 1}, OrderRefused{"currency", false, nullptr},
                    OrderRefused{"currency", false, "EUR"}, OrderRefused{"sales_channel_id", false, nullptr},
                    OrderRefused{"sales_channel_id", false, 99},
                    OrderRefused{"fulfilment_method_id", true, nullptr},
                    OrderRefused{"fulfilment_method_id", true, 99},
                    OrderRefused{"order_items", false, Json::array()}));

TEST_F(ShopTest, AnUnknownCardIsAnEmptyPage) {
    EXPECT_EQ(done(shop.cards({{"card_reference", "1"}})).dump(),
              R"({"data":[],"total":0,"per_page":25,"current_page":1})");
}

} // namespace
} // namespace bearerd::sim
