#include <bearerd/auth/login_codec.hpp>

#include "secret_echo.hpp"

#include <bearerd/base/version.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <ctime>

namespace bearerd::auth {
namespace {

using Json = nlohmann::json;

void append_escaped(std::string& out, std::string_view text) {
    constexpr std::string_view hex = "0123456789abcdef";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (byte < 0x20 || byte == 0x7f) {
            out += "\\u00";
            out += hex[byte >> 4];
            out += hex[byte & 15];
        } else {
            out += c;
        }
    }
}

bool is_ours(std::string_view name) {
    constexpr std::array<std::string_view, 9> ours{
        "Host",           "Content-Type",      "Accept",        "Accept-Encoding",
        "Content-Length", "Transfer-Encoding", "Authorization", "X-Authorization",
        "Connection"};
    return std::any_of(ours.begin(), ours.end(), [name](auto own) { return equal_ignoring_case(name, own); });
}

/// Whether a code tells of the upstream's own trouble and not of the credentials.
bool is_trouble(std::string_view code) {
    constexpr std::array<std::string_view, 6> trouble{"INTERNAL", "RATE_LIMIT",        "RATELIMIT",
                                                      "THROTTL",  "TOO_MANY_REQUESTS", "SERVICE_UNAVAILABLE"};
    std::string upper{code};
    for (char& c : upper)
        c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : (c == '-' || c == ' ' ? '_' : c);
    return std::any_of(trouble.begin(), trouble.end(),
                       [&upper](auto word) { return upper.find(word) != std::string::npos; });
}

const Json* member(const Json& object, const char* name) {
    if (!object.is_object())
        return nullptr;
    const auto it = object.find(name);
    return it == object.end() ? nullptr : &*it;
}

bool names_trouble(const Json& errors) {
    return std::any_of(errors.begin(), errors.end(), [](const Json& error) {
        const auto* extensions = member(error, "extensions");
        const auto* code = extensions != nullptr ? member(*extensions, "code") : nullptr;
        return code != nullptr && code->is_string() && is_trouble(code->get_ref<const std::string&>());
    });
}

/// The first error's message, made fit for a log line. An upstream that quotes what it was sent must not
/// bring the password or a token there, nor a part that is left of it by the cut.
std::string quote_message(const Json& errors, const Secret& password, const Secret& token) {
    const auto* message = member(errors.front(), "message");
    if (message == nullptr || !message->is_string())
        return "the upstream answered with errors";
    const auto& whole = message->get_ref<const std::string&>();
    if (may_echo(whole, password) || may_echo(whole, token))
        return "the upstream's message is not shown: it may hold the password or a token";
    auto text = whole.substr(0, 120);
    std::replace_if(text.begin(), text.end(), [](char c) { return c < ' ' || c >= '\x7f'; }, '?');
    return "the upstream says: " + text;
}

/// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110), the form that senders must use. The day of the week is not
/// compared with the date. The names are English: no part of the program sets a locale.
std::optional<std::chrono::sys_seconds> parse_date(std::string_view text) {
    const std::string date{text};
    std::tm parts{};
    const char* const end = ::strptime(date.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    const std::chrono::year_month_day day{std::chrono::year{parts.tm_year + 1900},
                                          std::chrono::month{static_cast<unsigned>(parts.tm_mon + 1)},
                                          std::chrono::day{static_cast<unsigned>(parts.tm_mday)}};
    if (end != date.c_str() + date.size() || !day.ok()) // strptime takes 31 February
        return std::nullopt;
    return std::chrono::sys_days{day} + std::chrono::hours{parts.tm_hour} +
           std::chrono::minutes{parts.tm_min} + std::chrono::seconds{parts.tm_sec};
}

/// Why a value in a token's place, not empty, is none.
std::string_view flaw_of(std::string_view value) {
    if (value.size() > max_token_size)
        return "a token that is too long (more than 16 KiB)";
    return value.find(',') != std::string_view::npos
               ? "two tokens joined by a comma in one header, of which it can't be told which one is good"
               : std::string_view{};
}

std::string_view find_flaw(const http::Fields& fields, const std::vector<std::string>& token_headers) {
    for (const auto& name : token_headers)
        for (const auto& field : fields.list)
            if (equal_ignoring_case(field.name, name))
                if (const auto flaw = flaw_of(field.value); !flaw.empty())
                    return flaw;
    return {};
}

/// Whether `data` holds anything but nulls.
bool holds_user(const Json& answer) {
    const auto* data = member(answer, "data");
    return data != nullptr && data->is_object() &&
           std::any_of(data->begin(), data->end(), [](const Json& field) { return !field.is_null(); });
}

} // namespace

LoginRequest make_login_request(const config::Upstream& upstream, const config::Credentials& credentials,
                                const std::string& login_query) {
    std::string body;
    // Six bytes is the longest escape. Without reserving, growing would leave the password behind in freed
    // memory.
    body.reserve(64 + 6 * (login_query.size() + credentials.user.size() + credentials.password.size()));
    body += R"({"query":")";
    append_escaped(body, login_query);
    body += R"(","variables":{")";
    body += credentials.by_email ? "email" : "username";
    body += R"(":")";
    append_escaped(body, credentials.user);
    body += R"(","password":")";
    append_escaped(body, credentials.password.reveal());
    body += R"("}})";

    LoginRequest request;
    request.head =
        "POST " + upstream.url.target + " HTTP/1.1\r\nHost: " + upstream.url.authority() +
        "\r\nContent-Type: application/json\r\nAccept: application/json\r\nAccept-Encoding: identity"
        "\r\nContent-Length: " +
        std::to_string(body.size()) + "\r\n";
    const auto names_agent = [](const auto& header) {
        return equal_ignoring_case(header.first, "User-Agent");
    };
    if (std::none_of(upstream.headers.begin(), upstream.headers.end(), names_agent))
        request.head.append("User-Agent: ").append(user_agent()).append("\r\n");
    for (const auto& [name, value] : upstream.headers) {
        if (!is_ours(name))
            request.head += name + ": " + value + "\r\n";
    }
    request.head += "\r\n";
    request.body = Secret{std::move(body)};
    return request;
}

std::string_view find_token(const http::Fields& fields, const std::vector<std::string>& token_headers) {
    for (const auto& name : token_headers) {
        for (const auto& field : fields.list) {
            if (field.name.size() != name.size() || // nearly all
                (field.name != name && !equal_ignoring_case(field.name, name)))
                continue;
            if (const auto token = token_in_header(field.value); !token.empty())
                return token;
        }
    }
    return {};
}

LoginHead read_login_head(const http::ResponseHead& head, const std::vector<std::string>& token_headers) {
    LoginHead result;
    result.status = head.status;
    result.token = Secret{find_token(head.fields, token_headers)};
    if (result.token.empty())
        result.flaw = find_flaw(head.fields, token_headers);
    result.retry_after = parse_retry_after(head.fields.value(http::FieldId::retry_after),
                                           head.fields.value(http::FieldId::date));
    return result;
}

LoginOutcome judge_login(LoginHead head, std::string_view body, const Secret& password) {
    using Kind = LoginOutcome::Kind;
    const auto status = "HTTP status " + std::to_string(head.status);
    const auto fail = [&head](Kind kind, std::string reason) {
        LoginOutcome outcome;
        outcome.kind = kind;
        outcome.reason = std::move(reason);
        outcome.retry_after = head.retry_after;
        return outcome;
    };
    if (head.status != 200 && head.status != 400 && head.status != 401 && head.status != 403)
        return fail(Kind::unavailable, status);
    const auto answer =
        body.size() > max_login_answer ? Json(Json::value_t::discarded) : Json::parse(body, nullptr, false);
    if (!answer.is_object())
        return fail(Kind::unavailable, status + " without a JSON object");
    const auto* errors = member(answer, "errors");
    if (errors != nullptr && !errors->is_null() && !errors->is_array())
        return fail(Kind::unavailable, "the answer's errors are not a list");
    const bool has_errors = errors != nullptr && errors->is_array() && !errors->empty();
    if (has_errors && names_trouble(*errors))
        return fail(Kind::unavailable, quote_message(*errors, password, head.token));
    const bool has_token = head.status == 200 && !head.token.empty();
    if (has_errors && (!has_token || !holds_user(answer)))
        return fail(Kind::rejected, quote_message(*errors, password, head.token));
    if (!has_token && !head.flaw.empty())
        return fail(Kind::unavailable, status + " with " + std::string{head.flaw});
    if (!has_token)
        return fail(Kind::unavailable, status + " with neither a token nor errors");
    LoginOutcome outcome;
    outcome.kind = Kind::accepted;
    outcome.token = std::move(head.token);
    return outcome;
}

std::optional<Duration> parse_retry_after(std::string_view value, std::string_view date) {
    constexpr std::int64_t longest = 86'400;
    const bool digits = !value.empty() &&
                        std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
    std::int64_t seconds = 0;
    if (!digits) {
        const auto until = parse_date(value);
        const auto sent = parse_date(date);
        if (!until || !sent || *until < *sent)
            return std::nullopt;
        return std::min(*until - *sent, std::chrono::seconds{longest});
    }
    const auto [end, code] = std::from_chars(value.data(), value.data() + value.size(), seconds);
    return std::chrono::seconds{code == std::errc{} ? std::min(seconds, longest) : longest};
}

} // namespace bearerd::auth
