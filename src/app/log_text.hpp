#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string_view>

/// Pieces of log lines, without format strings, because every request's line is formatted by them.
namespace bearerd::app {

using LogBuffer = fmt::memory_buffer;

inline void append(LogBuffer& out, std::string_view text) {
    const std::size_t size = out.size();
    out.resize(size + text.size());
    std::copy(text.begin(), text.end(), out.data() + size);
}

inline void append(LogBuffer& out, std::int64_t number) {
    const fmt::format_int digits{number};
    append(out, std::string_view{digits.data(), digits.size()});
}

/// Appends the number with two decimals.
inline void append(LogBuffer& out, double number) {
    const std::int64_t hundredths = std::llround(std::abs(number) * 100);
    if (number < 0 && hundredths != 0)
        out.push_back('-');
    append(out, hundredths / 100);
    out.push_back('.');
    out.push_back(static_cast<char>('0' + hundredths / 10 % 10));
    out.push_back(static_cast<char>('0' + hundredths % 10));
}

} // namespace bearerd::app
