#include <bearerd/base/token_text.hpp>

#include <bearerd/base/ascii.hpp>
#include <bearerd/base/find.hpp>

namespace bearerd {
namespace {

/// Whether all of it is visible ASCII.
bool is_visible(std::string_view text) noexcept {
    // Bytes beyond ASCII are below 0.
    return find_first(text, [](auto c) { return (c <= ' ') | (c == '\x7f'); }) == text.size();
}

bool starts_with_bearer(std::string_view text) noexcept {
    return equal_ignoring_case(text.substr(0, 6), "bearer");
}

/// What a program without a token writes.
bool is_placeholder(std::string_view text) noexcept {
    return equal_ignoring_case(text, "null") || equal_ignoring_case(text, "undefined");
}

} // namespace

std::string_view token_in_header(std::string_view value) noexcept {
    auto token = trim(value);
    if (starts_with_bearer(token) && (token.size() == 6 || token[6] == ' '))
        token = trim(token.substr(6));
    if (starts_with_bearer(token) && token.size() == 6) // the scheme's name twice is no token either
        return {};
    if (is_placeholder(token) || token.size() > max_token_size)
        return {};
    return is_visible(token) && token.find(',') == std::string_view::npos ? token : std::string_view{};
}

bool is_sendable_token(std::string_view text) noexcept {
    return !text.empty() && token_in_header(text) == text;
}

} // namespace bearerd
