#pragma once

#include "value.hpp"

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

namespace bearerd::sim {

/// The caller, for the ledger.
struct Caller {
    std::string request_id;
    std::uint64_t connection = 0;
    std::uint64_t token_generation = 0;
    std::chrono::milliseconds time{0}; ///< Since the simulator's start.
    std::string date;                  ///< "2026-01-31 12:00:00", as the API writes time.
};

/// One executed mutation. What is listed here happened; nothing else did.
struct LedgerEntry {
    std::string kind; ///< createBalanceAdjustment, createReversal or createOrder.
    std::string reference;
    std::string card;
    std::int64_t value = 0;
    bool duplicate = false; ///< The reference had been used before (only with allow_duplicate_references).
    Caller caller;
};

/// Why the shop says no: a sentence, or "validation" with the sentences by field.
struct Refusal {
    std::string message;
    Json validation;
};

using Outcome = std::variant<Json, Refusal>;

struct ShopOptions {
    int cards = 50; ///< Besides 6301190019990640662.
    bool allow_duplicate_references = false;
};

/// The gift-card business: cards, line items, references, and the rules that the API documents. Money is in
/// pence.
class Shop {
public:
    explicit Shop(ShopOptions options);

    Outcome cards(const Json& arguments) const;
    Outcome line_items(const Json& arguments) const;
    Outcome create_balance_adjustment(const Json& arguments, const Caller& caller);
    Outcome create_reversal(const Json& arguments, const Caller& caller);
    Outcome create_order(const Json& arguments, const Caller& caller);

    [[nodiscard]] const std::vector<LedgerEntry>& ledger() const noexcept { return ledger_; }

private:
    struct Card {
        std::int64_t id = 0;
        std::string reference;
        std::int64_t balance = 0;
        std::int64_t initial_balance = 0;
        std::int64_t discount_percent = 0; ///< The share of its value that was given, not bought.
        std::int64_t product_id = 0;
        std::string pin;
        std::string created_at;
        std::string updated_at;
        bool cancelled = false;
    };

    struct LineItem {
        std::int64_t id = 0;
        std::string kind; ///< order, adjustment or reversal.
        std::string card;
        std::int64_t value = 0;
        std::string reference;
        std::string unit;
        std::string created_at;
        bool reversed = false;
    };

    Card& add_card(std::string reference, std::int64_t balance, std::int64_t product, std::string date);
    LineItem& add_line_item(std::string kind, const Card& card, std::int64_t value, const Json& arguments,
                            const Caller& caller);
    void record(std::string kind, const LineItem& item, const Caller& caller);
    std::optional<Refusal> check_common(const Json& arguments, Json& faults, bool unit_required) const;
    bool is_duplicate(const Json& arguments) const;
    Json card_json(const Card& card) const;
    Json line_item_json(const LineItem& item) const;
    std::string unused_reference();
    void check_order_item(const Json& item, const std::string& path, std::set<std::string>& seen,
                          Json& faults) const;

    ShopOptions options_;
    std::map<std::string, Card, std::less<>> cards_;
    std::map<std::int64_t, LineItem> line_items_;
    std::set<std::string> references_;
    std::vector<LedgerEntry> ledger_;
    std::int64_t next_card_ = 529113;
    std::int64_t next_line_item_ = 11001614;
    std::int64_t next_adjustment_ = 988008;
    std::int64_t next_order_ = 412001;
    std::int64_t next_reversal_ = 77001;
    std::int64_t next_generated_ = 0;
};

/// Adds a sentence to a validation object.
void refuse_field(Json& faults, const std::string& field, std::string sentence);

/// Refuses every currency but the shop's.
void check_currency(Json& faults, const Json& arguments);

inline constexpr std::string_view required_sentence = "This field is required";

} // namespace bearerd::sim
