#include "login_text.hpp"

#include "secret_echo.hpp"

#include <bearerd/base/ascii.hpp>
#include <bearerd/base/version.hpp>
#include <bearerd/json/pointer.hpp>
#include <bearerd/json/scan.hpp>
#include <bearerd/json/write.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <ctime>

namespace bearerd::auth {
namespace {

constexpr Duration longest_life = std::chrono::hours{24 * 30};

bool is_ours(std::string_view name) {
    constexpr std::array<std::string_view, 9> ours{
        "Host",           "Content-Type",      "Accept",        "Accept-Encoding",
        "Content-Length", "Transfer-Encoding", "Authorization", "X-Authorization",
        "Connection"};
    return std::ranges::any_of(ours, [name](auto own) { return equal_ignoring_case(name, own); });
}

std::optional<json::String> string_at(std::string_view json, std::string_view pointer) {
    json::Scan scan{json};
    json::String found;
    if (!json::go_to(scan, pointer) || scan.peek() != json::Kind::string || !scan.string(found))
        return std::nullopt;
    return found;
}

} // namespace

std::string login_head(const config::Upstream& upstream, std::string_view content_type, std::size_t body_size,
                       std::string_view authorization) {
    std::string extra;
    const auto names_agent = [](const auto& header) {
        return equal_ignoring_case(header.first, "User-Agent");
    };
    if (std::ranges::none_of(upstream.headers, names_agent))
        extra.append("User-Agent: ").append(user_agent()).append("\r\n");
    for (const auto& [name, value] : upstream.headers)
        if (!is_ours(name))
            extra += name + ": " + value + "\r\n";
    const std::string authority = upstream.url.authority();
    const std::string length = std::to_string(body_size);
    std::string head;
    // All of it at once: growing would leave a secret behind in freed memory.
    constexpr std::size_t names = 256;
    head.reserve(names + upstream.url.target.size() + authority.size() + content_type.size() + length.size() +
                 extra.size() + authorization.size());
    head.append("POST ").append(upstream.url.target).append(" HTTP/1.1\r\nHost: ").append(authority);
    head.append("\r\nContent-Type: ").append(content_type);
    head.append("\r\nAccept: application/json\r\nAccept-Encoding: identity\r\nContent-Length: ");
    head.append(length).append("\r\n").append(extra);
    if (!authorization.empty())
        head.append("Authorization: ").append(authorization).append("\r\n");
    head.append("\r\n");
    return head;
}

Secret graphql_body(std::string_view query,
                    std::initializer_list<std::pair<std::string_view, std::string_view>> variables) {
    constexpr std::size_t longest_escape = 6;
    constexpr std::size_t punctuation = 64;
    std::size_t size = query.size();
    for (const auto& [name, value] : variables)
        size += name.size() + value.size() + 2;
    std::string body;
    // Growing would leave a secret behind in freed memory.
    body.reserve(punctuation + longest_escape * size);
    body += R"({"query":)";
    json::append_string(body, query);
    body += R"(,"variables":{)";
    for (const auto& [name, value] : variables) {
        if (body.back() != '{')
            body += ',';
        json::append_string(body, name);
        body += ':';
        json::append_string(body, value);
    }
    body += "}}";
    return Secret{std::move(body)};
}

std::string quoted(const std::string& text, std::span<const Secret* const> secrets) {
    constexpr std::size_t longest = 120;
    // An upstream that quotes what it was sent must not bring a secret into the log, nor a part of one that
    // the cut leaves.
    if (std::ranges::any_of(secrets, [&text](const Secret* secret) { return may_echo(text, *secret); }))
        return "the upstream's message is not shown: it may hold the password or a token";
    std::string shown = text.substr(0, longest);
    std::ranges::replace_if(shown, [](char c) { return c < ' ' || c >= '\x7f'; }, '?');
    return "the upstream says: " + shown;
}

LoginOutcome failed_login(LoginOutcome::Kind kind, std::string reason, std::optional<Duration> retry_after) {
    LoginOutcome outcome;
    outcome.kind = kind;
    outcome.reason = std::move(reason);
    outcome.retry_after = retry_after;
    return outcome;
}

std::optional<Duration> retry_after_of(const http::ResponseHead& head) {
    return parse_retry_after(head.fields.value(http::FieldId::retry_after),
                             head.fields.value(http::FieldId::date));
}

bool may_reject(std::uint16_t status) noexcept {
    return status == 400 || status == 401 || status == 403;
}

std::string_view token_flaw(std::string_view value) noexcept {
    if (value.size() > max_token_size)
        return "a token that is too long (more than 16 KiB)";
    return value.find(',') != std::string_view::npos
               ? "two tokens joined by a comma in one header, with no way to know which one is valid"
               : std::string_view{};
}

std::optional<std::string> text_at(std::string_view json, std::string_view pointer) {
    json::Scan scan{json};
    if (pointer.empty() || !json::go_to(scan, pointer))
        return std::nullopt;
    const json::Kind kind = scan.peek();
    json::String string;
    if (kind == json::Kind::string && scan.string(string))
        return string.text();
    std::string_view raw;
    if (kind != json::Kind::number || !scan.skip(raw))
        return std::nullopt;
    return std::string{raw};
}

Secret secret_at(std::string_view json, std::string_view pointer) {
    if (pointer.empty())
        return {};
    const auto found = string_at(json, pointer);
    return found ? Secret{found->text()} : Secret{};
}

void hide_secret(std::string& json, std::string_view pointer) {
    if (pointer.empty())
        return;
    if (const auto found = string_at(json, pointer)) {
        const auto begin = found->raw.data() - json.data();
        std::fill_n(json.begin() + begin, found->raw.size(), 'x');
    }
    hide_members(json, json::key_of(pointer.substr(pointer.rfind('/') + 1)));
}

void hide_members(std::string& json, std::string_view name) {
    constexpr std::string_view blanks = " \t\r\n";
    const std::string key = '"' + std::string{name} + '"';
    for (auto at = json.find(key); at != std::string::npos; at = json.find(key, at)) {
        at = json.find_first_not_of(blanks, at + key.size());
        if (at == std::string::npos || json[at] != ':')
            continue;
        at = json.find_first_not_of(blanks, at + 1);
        if (at == std::string::npos || json[at] != '"')
            continue;
        for (++at; at < json.size() && json[at] != '"'; ++at) {
            if (json[at] == '\\' && at + 1 < json.size())
                json[at++] = 'x';
            json[at] = 'x';
        }
    }
}

std::optional<Duration> parse_life(std::string_view text, Duration unit, std::string_view date) {
    // As seconds this is 31 years, so a number that is not less is a moment.
    constexpr double first_moment = 1e9;
    double value = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    if (read.ec != std::errc{} || read.ptr != text.data() + text.size() || !std::isfinite(value))
        return std::nullopt;
    double seconds = value * std::chrono::duration<double>{unit}.count();
    if (seconds >= first_moment) {
        const auto now = parse_http_date(date);
        if (!now)
            return std::nullopt;
        seconds -= static_cast<double>(now->time_since_epoch().count());
    }
    const double longest = std::chrono::duration<double>{longest_life}.count();
    return std::chrono::duration_cast<Duration>(
        std::chrono::duration<double>{std::clamp(seconds, 0.0, longest)});
}

std::optional<std::chrono::sys_seconds> parse_http_date(std::string_view text) {
    const std::string date{text};
    std::tm parts{};
    // The names are English: no part of the program sets a locale.
    const char* const end = ::strptime(date.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    const std::chrono::year_month_day day{std::chrono::year{parts.tm_year + 1900},
                                          std::chrono::month{static_cast<unsigned>(parts.tm_mon + 1)},
                                          std::chrono::day{static_cast<unsigned>(parts.tm_mday)}};
    if (end != date.c_str() + date.size() || !day.ok()) // strptime takes 31 February
        return std::nullopt;
    return std::chrono::sys_days{day} + std::chrono::hours{parts.tm_hour} +
           std::chrono::minutes{parts.tm_min} + std::chrono::seconds{parts.tm_sec};
}

} // namespace bearerd::auth
