#pragma once

#include <bearerd/base/ascii.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace bearerd {

/// An app's text as log and journal may show it: a run of 12 or more digits could be a card number, and
/// becomes as many stars (contract 2). Returns `text` itself if it has no such run, else a view of `scratch`,
/// to which nothing is written otherwise.
[[nodiscard]] inline std::string_view masked(std::string_view text, std::string& scratch) {
    constexpr std::ptrdiff_t shortest_card_number = 12;
    bool found = false;
    for (const auto* at = text.begin(); at != text.end();) {
        const auto* const run = std::find_if(at, text.end(), is_digit);
        at = std::find_if_not(run, text.end(), is_digit);
        if (at - run < shortest_card_number)
            continue;
        if (!std::exchange(found, true))
            scratch.assign(text);
        std::fill_n(scratch.begin() + (run - text.begin()), at - run, '*');
    }
    return found ? std::string_view{scratch} : text;
}

} // namespace bearerd
