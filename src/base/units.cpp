#include <bearerd/base/units.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <span>
#include <utility>

namespace bearerd {
namespace {

struct Unit {
    std::string_view name;
    std::uint64_t factor;
};

constexpr Unit duration_units[] = {{"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}};
constexpr Unit size_units[] = {{"B", 1}, {"KiB", 1ULL << 10}, {"MiB", 1ULL << 20}, {"GiB", 1ULL << 30}};

std::optional<std::uint64_t> parse_scaled(std::string_view text, std::span<const Unit> units,
                                          std::uint64_t limit) noexcept {
    std::uint64_t number = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failure != std::errc{} || end == text.data())
        return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    for (const Unit& unit : units)
        if (text == unit.name)
            return number <= limit / unit.factor ? std::optional{number * unit.factor} : std::nullopt;
    return std::nullopt;
}

} // namespace

std::optional<Duration> parse_duration(std::string_view text) noexcept {
    constexpr std::uint64_t century_ms = 100ULL * 365 * 24 * 3'600'000;
    const auto milliseconds = parse_scaled(text, duration_units, century_ms);
    if (!milliseconds)
        return std::nullopt;
    return std::chrono::milliseconds{static_cast<std::int64_t>(*milliseconds)};
}

std::optional<std::uint64_t> parse_size(std::string_view text) noexcept {
    return parse_scaled(text, size_units, std::numeric_limits<std::uint64_t>::max());
}

std::string format_duration(Duration value) {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(value).count();
    if (ms == 0)
        return "0s";
    if (ms % 3'600'000 == 0)
        return std::to_string(ms / 3'600'000) + "h";
    if (ms % 60'000 == 0)
        return std::to_string(ms / 60'000) + "m";
    if (ms % 1'000 == 0)
        return std::to_string(ms / 1'000) + "s";
    return std::to_string(ms) + "ms";
}

std::string duration_in_words(std::chrono::seconds value) {
    constexpr std::array<std::pair<std::int64_t, std::string_view>, 4> units{
        {{86'400, " d"}, {3'600, " h"}, {60, " min"}, {1, " s"}}};
    std::int64_t left = std::max<std::int64_t>(0, value.count());
    std::string words;
    int parts = 0;
    for (const auto& [size, name] : units) {
        const std::int64_t here = left / size;
        left %= size;
        if (here == 0 && (parts != 0 || size != 1)) {
            parts += parts != 0 ? 1 : 0; // "2 h", not "2 h 7 s"
            continue;
        }
        if (parts == 2)
            break;
        words.append(words.empty() ? "" : " ").append(std::to_string(here)).append(name);
        ++parts;
    }
    return words;
}

} // namespace bearerd
