#include "cli_output.hpp"

#include <array>

namespace bearerd::app {

void print(std::FILE* stream, std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stream);
    std::fflush(stream);
}

void complain(std::string_view text) {
    print(stderr, "bearerd: " + std::string{text} + "\n");
}

std::string printable(std::string_view text, std::size_t limit) {
    const bool cut = text.size() > limit;
    std::string result{text.substr(0, limit)};
    constexpr unsigned char first_printable = 0x20;
    constexpr unsigned char delete_character = 0x7f;
    for (char& c : result)
        if (static_cast<unsigned char>(c) < first_printable ||
            static_cast<unsigned char>(c) == delete_character)
            c = ' ';
    return cut ? result + "..." : result;
}

std::string spoken_seconds(std::int64_t seconds) {
    struct Unit {
        std::int64_t length;
        std::string_view name;
    };

    constexpr std::array<Unit, 4> units{{{86'400, " d"}, {3'600, " h"}, {60, " min"}, {1, " s"}}};
    std::string text;
    int shown = 0;
    for (const Unit& unit : units) {
        const std::int64_t count = seconds / unit.length;
        seconds %= unit.length;
        if (count == 0 && (shown > 0 || unit.length > 1))
            continue;
        if (count > 0 || shown == 0)
            text += (shown > 0 ? " " : "") + std::to_string(count) + std::string{unit.name};
        if (++shown == 2)
            break;
    }
    return text;
}

std::string row(std::string_view label, std::string_view value) {
    constexpr std::size_t value_column = 16;
    std::string line{label};
    line.append(line.size() < value_column ? value_column - line.size() : 1, ' ');
    return line.append(value) + "\n";
}

} // namespace bearerd::app
