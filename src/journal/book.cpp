#include <bearerd/journal/book.hpp>

#include <algorithm>
#include <limits>

namespace bearerd::journal {
namespace {

constexpr auto last_number = std::numeric_limits<std::uint64_t>::max();

} // namespace

void Book::take(const Record& record) {
    std::visit([this](const auto& each) { take(each); }, record);
}

void Book::take(const Intent& intent) {
    if (intent.number == last_number) // nothing could follow it: none of ours
        return;
    const auto [place, fresh] = items_.try_emplace(intent.number, Item{intent, std::nullopt});
    if (fresh && in_hand(place->second))
        ++in_hand_;
    next_ = std::max(next_, intent.number + 1);
}

void Book::take(const Outcome& outcome) {
    const auto found = items_.find(outcome.number);
    if (found == items_.end())
        return;
    Item& item = found->second;
    if (in_hand(item))
        --in_hand_;
    if (item.unresolved() || outcome.executed != graphql::Executed::unknown)
        item.outcome = outcome;
    if (keep_ == Keep::unresolved && !item.unresolved())
        items_.erase(found);
}

void Book::take(const Start& start) {
    start_ = start;
    if (start.number != last_number)
        next_ = std::max(next_, start.number);
    in_hand_ = static_cast<std::size_t>(
        std::ranges::count_if(items_, [this](const auto& entry) { return in_hand(entry.second); }));
}

void Book::forget(std::uint64_t number) {
    const auto found = items_.find(number);
    if (found == items_.end())
        return;
    if (in_hand(found->second))
        --in_hand_;
    items_.erase(found);
}

} // namespace bearerd::journal
