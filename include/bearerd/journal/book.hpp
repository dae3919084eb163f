#pragma once

#include <bearerd/journal/record.hpp>

#include <cstdint>
#include <map>
#include <optional>

namespace bearerd::journal {

/// A mutation and what is known of its outcome.
struct Item {
    Intent intent;
    std::optional<Outcome> outcome;

    /// Nobody knows yet whether it was executed.
    [[nodiscard]] bool unresolved() const noexcept {
        return !outcome || outcome->executed == graphql::Executed::unknown;
    }
};

/// What records say, one after the other. A record may come twice, as it does where a new file begins with
/// what the one before left unresolved. Pure.
class Book {
public:
    enum class Keep : std::uint8_t { all, unresolved };

    explicit Book(Keep keep) noexcept : keep_{keep} {}

    void take(const Record& record);
    void take(const Intent& intent);
    void take(const Outcome& outcome);
    void take(const Start& start);

    void forget(std::uint64_t number);

    /// By number, and so by time.
    [[nodiscard]] const std::map<std::uint64_t, Item>& items() const noexcept { return items_; }

    /// Of the last process that began: intents from here on are its own.
    [[nodiscard]] const Start& start() const noexcept { return start_; }

    /// Greater than all before.
    [[nodiscard]] std::uint64_t next_number() const noexcept { return next_; }

    /// The last process has sent it, or is about to, and has not said how it ended.
    [[nodiscard]] bool in_hand(const Item& item) const noexcept {
        return !item.outcome && item.intent.number >= start_.number;
    }

    [[nodiscard]] std::size_t count_in_hand() const noexcept { return in_hand_; }

private:
    Keep keep_;
    std::map<std::uint64_t, Item> items_;
    Start start_;
    std::uint64_t next_ = 1;
    std::size_t in_hand_ = 0;
};

} // namespace bearerd::journal
