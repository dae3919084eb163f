#include "time_text.hpp"

#include <algorithm>
#include <array>
#include <ctime>

namespace bearerd::app {

std::string time_text(std::int64_t at_ms, char separator) {
    constexpr std::int64_t thousand = 1000;
    const std::time_t seconds = at_ms / thousand;
    std::tm parts{};
    std::array<char, 64> text{};
    if (::gmtime_r(&seconds, &parts) == nullptr) // beyond the year 2^31
        return std::to_string(at_ms);
    const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &parts);
    std::replace(text.begin(), text.end(), ' ', separator);
    const std::string milliseconds = std::to_string(thousand + at_ms % thousand).substr(1);
    return std::string{text.data(), size} + "." + milliseconds + "Z";
}

} // namespace bearerd::app
