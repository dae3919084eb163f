#include <bearerd/config/password_file.hpp>

#include "surroundings.hpp"
#include "text.hpp"
#include "values.hpp"

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace bearerd::config {
namespace {

constexpr std::size_t longest_password_file = 64 * 1024;

bool is_blank(char c) noexcept {
    return c == ' ' || c == '\t';
}

/// Empty for none. Each of these comes from an editor or a copy, and would only show as a rejected login.
std::string_view flaw_of(std::string_view password) noexcept {
    if (password.empty())
        return "holds no password: the file is empty";
    if (find_invalid_utf8(password))
        return "must be UTF-8";
    if (password.find_first_of("\r\n") != std::string_view::npos)
        return "must hold one line: the password, with nothing below it; an empty second line counts too";
    if (is_blank(password.front()))
        return "begins with a blank: remove it, or, if it is part of the password, write password: "
               "${VARIABLE} "
               "instead";
    if (is_blank(password.back()))
        return "ends with a blank: remove it, or, if it is part of the password, write password: ${VARIABLE} "
               "instead";
    if (std::ranges::any_of(password, is_control))
        return "holds a control character: write the password as plain text in UTF-8";
    return {};
}

} // namespace

std::variant<Secret, std::string> password_in(const Secret& content) {
    const std::string_view password = content_of_secret_file(content.reveal());
    if (const std::string_view flaw = flaw_of(password); !flaw.empty())
        return std::string{flaw};
    return Secret{password};
}

std::variant<Secret, std::string> read_password_file(const std::string& path) {
    auto content = read_small_file(path, longest_password_file);
    if (auto* const reason = std::get_if<std::string>(&content))
        return "can't be read: " + *reason;
    return password_in(std::get<Secret>(content));
}

} // namespace bearerd::config
