#pragma once

#include <bearerd/base/ascii.hpp>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>

namespace bearerd {

/// A text of an app's as log and journal may have it: each run of 12 or more digits could be a card number,
/// and becomes as many stars.
[[nodiscard]] inline std::string masked(std::string_view text) {
    constexpr std::ptrdiff_t shortest_card_number = 12;
    std::string result{text};
    for (auto at = result.begin(); at != result.end();) {
        const auto run = std::find_if(at, result.end(), is_digit);
        at = std::find_if_not(run, result.end(), is_digit);
        if (at - run >= shortest_card_number)
            std::fill(run, at, '*');
    }
    return result;
}

} // namespace bearerd
