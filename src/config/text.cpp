#include "text.hpp"

#include <bearerd/base/ascii.hpp>
#include <bearerd/base/utf8.hpp>
#include <bearerd/config/nearest.hpp>

#include <algorithm>
#include <array>

namespace bearerd::config {
namespace {

constexpr std::size_t longest_compared = 64;

} // namespace

std::string to_lower(std::string_view text) {
    std::string lower{text};
    for (char& c : lower)
        c = bearerd::to_lower(c);
    return lower;
}

bool is_name(std::string_view text) noexcept {
    const auto fits = [](char c) { return c == '_' || is_digit(c) || is_letter(c); };
    return !text.empty() && !is_digit(text.front()) && std::ranges::all_of(text, fits);
}

std::size_t edit_distance(std::string_view a, std::string_view b) noexcept {
    a = a.substr(0, longest_compared);
    b = b.substr(0, longest_compared);
    std::array<std::size_t, longest_compared + 1> row{};
    for (std::size_t j = 0; j <= b.size(); ++j)
        row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
        }
    }
    return row[b.size()];
}

std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates) {
    std::string_view best;
    std::size_t least = word.size() / 3 + 2; // a third of the letters may differ, and one more
    for (const std::string_view candidate : candidates)
        if (const std::size_t distance = edit_distance(word, candidate); distance < least) {
            least = distance;
            best = candidate;
        }
    return best;
}

std::string with_brackets(std::string_view host) {
    if (host.find(':') == std::string_view::npos)
        return std::string{host};
    return "[" + std::string{host} + "]";
}

std::string printable(std::string_view text) {
    std::string result{text.substr(0, longest_compared)};
    // Not in the middle of a character.
    if (const auto cut = find_invalid_utf8(result))
        result.resize(*cut);
    std::replace_if(result.begin(), result.end(), is_control, '?');
    return result;
}

} // namespace bearerd::config
