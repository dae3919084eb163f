#include "literal.hpp"

#include <bearerd/base/ascii.hpp>
#include <bearerd/base/utf8.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <vector>

namespace bearerd::graphql {
namespace {

/// Takes `XXXX` of `\uXXXX` off the front.
bool take_code_unit(std::string_view& rest, std::string& out) {
    constexpr std::size_t digits = 4;
    const auto code = parse_integer<std::uint32_t>(rest.substr(0, digits), 16);
    if (rest.size() < digits || !code || *code == 0 || (*code >= 0xD800 && *code < 0xE000))
        return false;
    std::array<char, 4> bytes{};
    out.append(bytes.data(), append_utf8(bytes.data(), *code));
    rest.remove_prefix(digits);
    return true;
}

std::optional<std::string> plain_string(std::string_view rest) {
    constexpr std::string_view escapes = "\"\\/bfnrt";
    constexpr std::string_view meanings = "\"\\/\b\f\n\r\t";
    std::string value;
    while (!rest.empty()) {
        const auto plain = std::min(rest.find('\\'), rest.size());
        value += rest.substr(0, plain);
        rest.remove_prefix(plain);
        if (rest.size() < 2)
            break;
        const char escape = rest[1];
        rest.remove_prefix(2);
        if (escape == 'u') {
            if (!take_code_unit(rest, value))
                return std::nullopt;
            continue;
        }
        const auto known = escapes.find(escape);
        if (known == std::string_view::npos) // can't be: the lexer knows no other
            return std::nullopt;
        value += meanings[known];
    }
    return value;
}

std::string unescaped_block(std::string_view raw) {
    constexpr std::string_view escape = R"(\""")";
    std::string value;
    while (true) {
        const auto at = raw.find(escape);
        value += raw.substr(0, at);
        if (at == std::string_view::npos)
            return value;
        value += escape.substr(1);
        raw.remove_prefix(at + escape.size());
    }
}

std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> lines;
    while (true) {
        const auto end = text.find_first_of("\r\n");
        lines.push_back(text.substr(0, end));
        if (end == std::string_view::npos)
            return lines;
        text.remove_prefix(end + (text.substr(end).starts_with("\r\n") ? 2 : 1));
    }
}

std::size_t indent_of(std::string_view line) noexcept {
    return std::min(line.find_first_not_of(" \t"), line.size());
}

bool is_blank(std::string_view line) noexcept {
    return indent_of(line) == line.size();
}

/// BlockStringValue() of section 2.9.4.
std::string block_string(std::string_view raw) {
    const std::string text = unescaped_block(raw);
    auto lines = lines_of(text);
    std::size_t common = std::numeric_limits<std::size_t>::max();
    for (std::size_t i = 1; i < lines.size(); ++i)
        if (!is_blank(lines[i]))
            common = std::min(common, indent_of(lines[i]));
    for (std::size_t i = 1; i < lines.size(); ++i)
        lines[i].remove_prefix(std::min(common, lines[i].size()));
    const auto first = std::ranges::find_if_not(lines, is_blank);
    std::string value;
    auto last = lines.end();
    while (last != first && is_blank(*(last - 1)))
        --last;
    for (auto line = first; line != last; ++line) {
        if (line != first)
            value += '\n';
        value += *line;
    }
    return value;
}

} // namespace

std::optional<std::string> string_value(std::string_view token) {
    constexpr std::string_view block = R"(""")";
    if (token.size() >= 2 * block.size() && token.starts_with(block))
        return block_string(token.substr(block.size(), token.size() - 2 * block.size()));
    if (token.size() < 2)
        return std::nullopt;
    return plain_string(token.substr(1, token.size() - 2));
}

bool is_integer(std::string_view number) noexcept {
    const bool negative = number.starts_with('-');
    const std::string_view digits = number.substr(negative ? 1 : 0);
    return !digits.empty() && digits.find_first_not_of("0123456789") == std::string_view::npos &&
           !(negative && digits == "0");
}

} // namespace bearerd::graphql
