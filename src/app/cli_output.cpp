#include "cli_output.hpp"

#include <bearerd/base/utf8.hpp>

#include <cstddef>
#include <cstdint>

namespace bearerd::app {
namespace {

struct Character {
    std::uint32_t code = 0;
    std::size_t size = 1;
    bool valid = false;
};

/// Returns the first character of UTF-8 text, which is not empty.
Character first_of(std::string_view text) noexcept {
    const std::size_t size = utf8_length(text.data(), text.data() + text.size());
    if (size == 0)
        return {};
    const auto byte = [text](std::size_t i) { return static_cast<std::uint32_t>(text[i]) & 0xFFU; };
    if (size == 1)
        return {byte(0), 1, true};
    std::uint32_t code = byte(0) & (0x7FU >> size);
    for (std::size_t i = 1; i < size; ++i)
        code = code << 6U | (byte(i) & 0x3FU);
    return {code, size, true};
}

/// C0 and C1, which a terminal may interpret.
bool is_control(std::uint32_t code) noexcept {
    return code < 0x20 || (code >= 0x7F && code <= 0x9F);
}

/// Marks that change the direction of the following text, so that it reads as something else.
bool turns_direction(std::uint32_t code) noexcept {
    return code == 0x061C || code == 0x200E || code == 0x200F || (code >= 0x202A && code <= 0x202E) ||
           (code >= 0x2066 && code <= 0x2069);
}

std::string harmless(std::string_view text, bool keep_lines) {
    std::string result;
    result.reserve(text.size());
    while (!text.empty()) {
        const Character next = first_of(text);
        if (keep_lines && next.valid && next.code == '\n')
            result += '\n';
        else if (next.valid && is_control(next.code))
            result += ' ';
        else if (!next.valid || turns_direction(next.code))
            result += '?';
        else
            result += text.substr(0, next.size);
        text.remove_prefix(next.size);
    }
    return result;
}

/// Returns the end of the last character that is complete within the limit.
std::size_t whole_within(std::string_view text, std::size_t limit) noexcept {
    constexpr std::size_t longest_tail = 3;
    std::size_t end = limit;
    while (end > 0 && limit - end < longest_tail && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80)
        --end;
    return end;
}

} // namespace

void print(std::FILE* stream, std::string_view text) {
    const std::string shown = harmless(text, true);
    std::fwrite(shown.data(), 1, shown.size(), stream);
    std::fflush(stream);
}

void print_errors(const std::string& file, const std::vector<config::ConfigError>& errors) {
    for (const config::ConfigError& error : errors)
        print(stderr, config::format_error(file, error) + "\n");
}

void complain(std::string_view text) {
    print(stderr, "bearerd: " + std::string{text} + "\n");
}

std::string printable(std::string_view text, std::size_t limit) {
    const bool cut = text.size() > limit;
    const std::string result = harmless(cut ? text.substr(0, whole_within(text, limit)) : text, false);
    return cut ? result + "..." : result;
}

std::string row(std::string_view label, std::string_view value) {
    constexpr std::size_t value_column = 16;
    std::string line{label};
    line.append(line.size() < value_column ? value_column - line.size() : 1, ' ');
    return line.append(value) + "\n";
}

} // namespace bearerd::app
