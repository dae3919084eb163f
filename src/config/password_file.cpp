#include <bearerd/config/password_file.hpp>

#include <bearerd/base/ascii.hpp>
#include <bearerd/base/token_text.hpp>
#include <bearerd/base/utf8.hpp>

#include "environment.hpp"

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace bearerd::config {
namespace {

constexpr std::size_t longest_password_file = 64 * 1024;

bool is_blank(char c) noexcept {
    return c == ' ' || c == '\t';
}

/// Returns what is wrong, or "". Each of these comes from an editor or a copy, and would otherwise only show
/// as a rejected login.
/// `remedy`: what to do about an intended blank.
std::string flaw_of(std::string_view secret, std::string_view name, std::string_view remedy) {
    const std::string what{name};
    if (secret.empty())
        return "holds no " + what + ": the file is empty";
    if (!is_utf8(secret))
        return "must be UTF-8";
    if (secret.find_first_of("\r\n") != std::string_view::npos)
        return "must hold one line: the " + what + ", with nothing below it; an empty second line counts too";
    if (is_blank(secret.front()))
        return "begins with a blank: remove it" + std::string{remedy};
    if (is_blank(secret.back()))
        return "ends with a blank: remove it" + std::string{remedy};
    if (std::ranges::any_of(secret, is_control))
        return "holds a control character: write the " + what + " as plain text in UTF-8";
    return {};
}

std::variant<Secret, std::string> read(const Secret& content, std::string_view name,
                                       std::string_view remedy) {
    const std::string_view secret = content_of_secret_file(content.reveal());
    if (std::string flaw = flaw_of(secret, name, remedy); !flaw.empty())
        return flaw;
    return Secret{secret};
}

} // namespace

std::string_view content_of_secret_file(std::string_view text) noexcept {
    text = without_bom(text); // which some editors write
    if (!text.ends_with('\n'))
        return text;
    text.remove_suffix(1);
    if (text.ends_with('\r'))
        text.remove_suffix(1);
    return text;
}

std::variant<Secret, std::string> password_in(const Secret& content) {
    return read(content, "password",
                ", or, if it is part of the password, write password: ${VARIABLE} instead");
}

std::variant<Secret, std::string> secret_in(const Secret& content, std::string_view name) {
    return read(content, name, {});
}

std::variant<Secret, std::string> token_in(const Secret& content) {
    auto token = read(content, "token", {});
    const auto* const secret = std::get_if<Secret>(&token);
    if (secret == nullptr || is_sendable_token(secret->reveal()))
        return token;
    if (secret->size() > max_token_size)
        return "holds a token that is too long: more than 16 KiB";
    return "must hold the token alone, in visible ASCII without a comma, and not null or undefined: a scheme "
           "such as Bearer belongs to auth.send.scheme";
}

Secret unread_secret() {
    return Secret{std::string_view{"this-secret-was-not-read"}};
}

std::variant<Secret, std::string> read_password_file(const std::string& path) {
    auto content = read_small_file(path, longest_password_file);
    if (auto* const reason = std::get_if<std::string>(&content))
        return "can't be read: " + *reason;
    return password_in(std::get<Secret>(content));
}

} // namespace bearerd::config
