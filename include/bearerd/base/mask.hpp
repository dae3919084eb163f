#pragma once

#include <bearerd/base/ascii.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace bearerd {

/// Returns an app's text in the form that log and journal may show: each run of 12 or more digits, which
/// could be a card number, is replaced by as many stars (contract 2). Returns `text` itself if it has no such
/// run, else a view of `scratch`. `scratch` is written only in the second case.
[[nodiscard]] inline std::string_view masked(std::string_view text, std::string& scratch) {
    constexpr std::size_t shortest_card_number = 12;
    bool found = false;
    for (std::size_t begin = 0; text.size() - begin >= shortest_card_number;) {
        // No run begins at or before a byte that is not a digit, so the next window begins after the last
        // such byte.
        std::size_t digits = 0;
        while (digits != shortest_card_number && is_digit(text[begin + shortest_card_number - 1 - digits]))
            ++digits;
        if (digits != shortest_card_number) {
            begin += shortest_card_number - digits;
            continue;
        }
        const auto* const run = text.begin() + begin;
        const auto* const end = std::find_if_not(run, text.end(), is_digit);
        if (!std::exchange(found, true))
            scratch.assign(text);
        std::fill_n(scratch.begin() + static_cast<std::ptrdiff_t>(begin), end - run, '*');
        begin += static_cast<std::size_t>(end - run);
    }
    return found ? std::string_view{scratch} : text;
}

} // namespace bearerd
