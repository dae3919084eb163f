#include <bearerd/upstream/idle_limit.hpp>

#include <bearerd/base/ascii.hpp>

#include <algorithm>
#include <charconv>
#include <span>
#include <utility>

namespace bearerd::upstream {
namespace {

using namespace std::chrono_literals;

constexpr Duration close_is_known_for = 1h;
constexpr Duration told_counts_for = 1h; // against a greater one
constexpr Duration address_is_current_for = 1h;
constexpr Duration told_again_after = 1min;
constexpr int outlived_often = 10;              // then the close was no habit
constexpr std::uint64_t longest_told_s = 86400; // a longer one tells no more

std::optional<Duration> least_of(std::optional<Duration> a, std::optional<Duration> b) noexcept {
    return a && b ? std::min(*a, *b) : (a ? a : b);
}

} // namespace

bool may_carry_mutation(const IdleFacts& facts, Duration recent) noexcept {
    const auto& [closes_at, survived_for] = facts.limit;
    if (closes_at && facts.idle > usable_part(*closes_at))
        return false;
    if (facts.idle <= recent)
        return true;
    if (facts.through_proxy || !facts.heard || *facts.heard > recent)
        return false;
    const auto limit = closes_at ? closes_at : survived_for;
    return limit && facts.idle <= usable_part(*limit);
}

Duration usable_age(const KnownLimit& limit, Duration recent) noexcept {
    if (limit.closes_at)
        return usable_part(*limit.closes_at);
    return limit.survived_for ? std::max(recent, usable_part(*limit.survived_for)) : recent;
}

std::optional<Duration> keep_alive_timeout(std::string_view value) noexcept {
    constexpr std::string_view name = "timeout";
    while (!value.empty()) {
        const auto comma = std::min(value.find(','), value.size());
        const std::string_view parameter = trim(value.substr(0, comma));
        value.remove_prefix(std::min(comma + 1, value.size()));
        const auto equals = parameter.find('=');
        if (equals == std::string_view::npos || !equal_ignoring_case(trim(parameter.substr(0, equals)), name))
            continue;
        const std::string_view digits = trim(parameter.substr(equals + 1));
        std::uint64_t seconds = longest_told_s;
        if (!is_digits(digits))
            return std::nullopt;
        std::from_chars(digits.data(), digits.data() + digits.size(), seconds); // unchanged on overflow
        return std::chrono::seconds{std::min(seconds, longest_told_s)};
    }
    return std::nullopt;
}

bool ToldLimit::is_news(Duration limit, TimePoint now) noexcept {
    if (limit == last_ && now - at_ < told_again_after)
        return false;
    last_ = limit;
    at_ = now;
    return true;
}

void IdleLimit::told(Duration limit, TimePoint now) noexcept {
    if (told_ && limit > *told_ && now - told_at_ < told_counts_for)
        return;
    told_ = limit;
    told_at_ = now;
}

void IdleLimit::closed(Duration age, TimePoint now) noexcept {
    if (survived_) // any greater age was survived before this close
        survived_ = std::min(*survived_, age);
    const auto closes = std::span{closes_}.first(close_count_);
    for (Close& close : closes)
        if (close.age >= age)
            close.outlived = 0;
    if (close_count_ < most_closes) {
        closes_[close_count_++] = {age, now};
        return;
    }
    // Replaces the greatest age, which restricts least; a close that is forgotten anyway restricts nothing.
    const auto replaced = std::ranges::max_element(closes, {}, [now](const Close& close) {
        return std::pair{now - close.at >= close_is_known_for, close.age};
    });
    if (age <= replaced->age || now - replaced->at >= close_is_known_for)
        *replaced = {age, now};
}

void IdleLimit::survived(Duration age, Duration before) noexcept {
    survived_ = std::max(survived_.value_or(Duration{0}), age);
    for (std::size_t i = 0; i < close_count_;) {
        Close& close = closes_[i];
        if (before <= clearly_beyond(close.age) && age > clearly_beyond(close.age))
            ++close.outlived;
        if (close.outlived >= outlived_often)
            close = closes_[--close_count_];
        else
            ++i;
    }
}

KnownLimit IdleLimit::known(TimePoint now) const noexcept {
    KnownLimit known{told_, survived_};
    for (const Close& close : std::span{closes_}.first(close_count_))
        if (now - close.at < close_is_known_for)
            known.closes_at = least_of(known.closes_at, close.age);
    return known;
}

IdleLimit& IdleLimits::limit_of(const Address& address, IdleKind kind, TimePoint now) {
    auto entry = std::ranges::find(entries_, address, &Entry::address);
    if (entry == entries_.end()) {
        if (entries_.size() == most_addresses)
            entries_.erase(std::ranges::min_element(entries_, {}, &Entry::touched));
        entry = entries_.insert(entries_.end(), Entry{address, now, {}});
    }
    entry->touched = now;
    return entry->limits[static_cast<std::size_t>(kind)];
}

void IdleLimits::told(const Address& address, Duration limit, TimePoint now) {
    const std::lock_guard lock{mutex_};
    limit_of(address, IdleKind::used, now).told(limit, now);
    publish(now);
}

void IdleLimits::closed(const Address& address, IdleKind kind, Duration age, TimePoint now) {
    const std::lock_guard lock{mutex_};
    limit_of(address, kind, now).closed(age, now);
    publish(now);
}

void IdleLimits::survived(const Address& address, IdleKind kind, Duration age, Duration before,
                          TimePoint now) {
    const std::lock_guard lock{mutex_};
    limit_of(address, kind, now).survived(age, before);
    publish(now);
}

KnownLimit IdleLimits::known(const Address& address, IdleKind kind, TimePoint now) const {
    const std::lock_guard lock{mutex_};
    const auto entry = std::ranges::find(entries_, address, &Entry::address);
    return entry == entries_.end() ? KnownLimit{} : entry->limits[static_cast<std::size_t>(kind)].known(now);
}

KnownLimit IdleLimits::least(IdleKind kind, TimePoint now) const {
    const std::lock_guard lock{mutex_};
    KnownLimit least;
    for (const Entry& entry : entries_) {
        if (now - entry.touched >= address_is_current_for)
            continue;
        const KnownLimit known = entry.limits[static_cast<std::size_t>(kind)].known(now);
        least.closes_at = least_of(least.closes_at, known.closes_at);
        least.survived_for = least_of(least.survived_for, known.survived_for);
    }
    return least;
}

void IdleLimits::publish(TimePoint now) noexcept {
    Duration usable = Duration::max();
    for (const Entry& entry : entries_)
        for (const IdleLimit& limit : entry.limits)
            if (const auto closes_at = limit.known(now).closes_at)
                usable = std::min(usable, usable_part(*closes_at));
    usable_below_.store(usable.count(), std::memory_order_relaxed);
}

} // namespace bearerd::upstream
