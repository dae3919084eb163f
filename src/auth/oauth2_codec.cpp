#include "oauth2_codec.hpp"

#include "login_text.hpp"

#include <bearerd/base/ascii.hpp>
#include <bearerd/crypto/crypto.hpp>

#include <nlohmann/json.hpp>

#include <array>

namespace bearerd::auth {
namespace {

using Json = nlohmann::json;
using Kind = LoginOutcome::Kind;

/// Returns the room for a value of that size, whatever its characters.
constexpr std::size_t form_room(std::size_t size) noexcept {
    return 3 * size;
}

/// application/x-www-form-urlencoded (RFC 6749 appendix B). The caller has reserved room.
void append_form(std::string& out, std::string_view text) {
    constexpr std::string_view hex = "0123456789ABCDEF";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        const bool plain = is_digit(c) || is_letter(c) || c == '-' || c == '.' || c == '_' || c == '*';
        if (plain)
            out += c;
        else if (c == ' ')
            out += '+';
        else
            (out += '%').append({hex[byte >> 4U], hex[byte & 15U]});
    }
}

void append_parameter(std::string& out, std::string_view name, std::string_view value) {
    out.append(out.empty() ? "" : "&").append(name).append("=");
    append_form(out, value);
}

Secret form_encoded(const Secret& secret) {
    std::string text;
    text.reserve(form_room(secret.size()));
    append_form(text, secret.reveal());
    return Secret{std::move(text)};
}

/// The credentials of Authorization, after its scheme: id and secret are encoded as in a form first
/// (RFC 6749 section 2.3.1).
Secret basic(const config::Credentials& client) {
    std::string pair;
    pair.reserve(form_room(client.user.size() + client.password.size()) + 1);
    append_form(pair, client.user);
    pair += ':';
    append_form(pair, client.password.reveal());
    const Secret plain{std::move(pair)};
    return crypto::base64(plain.reveal());
}

std::string text_of(const Json& answer, const char* name) {
    const auto member = answer.find(name);
    return member != answer.end() && member->is_string() ? member->get<std::string>() : std::string{};
}

/// An error response (RFC 6749 section 5.2) in words.
std::string describe(std::uint16_t status, const std::string& error, const Json& answer,
                     std::span<const Secret* const> secrets) {
    if (error.empty())
        return "HTTP status " + std::to_string(status) + " without an OAuth2 error";
    const std::string description = text_of(answer, "error_description");
    return quoted(description.empty() ? error : error + ": " + description, secrets);
}

/// Whether an error is about a failure of the server itself. All others last until somebody changes
/// something, so frequent attempts would be useless.
bool is_server_error(std::string_view error) noexcept {
    return error == "temporarily_unavailable" || error == "server_error" || error == "slow_down";
}

LoginOutcome read_error(std::uint16_t status, const Json& answer, std::span<const Secret* const> secrets,
                        std::optional<Duration> retry_after) {
    const std::string error = answer.is_object() ? text_of(answer, "error") : std::string{};
    if (!may_reject(status))
        return failed_login(Kind::unavailable, "HTTP status " + std::to_string(status), retry_after);
    const bool rejected = !is_server_error(error) && (status == 401 || !error.empty());
    return failed_login(rejected ? Kind::rejected : Kind::unavailable,
                        describe(status, error, answer, secrets), retry_after);
}

/// Whether the token is sent as the configuration says (RFC 6749 section 7.1). Shops leave the type out.
bool is_usable(const std::string& type, const config::Send& send) noexcept {
    return type.empty() || equal_ignoring_case(type, "bearer") || equal_ignoring_case(type, send.scheme);
}

} // namespace

LoginRequest OAuth2Codec::request(const Attempt& attempt) const {
    const config::OAuth2& oauth2 = attempt.settings.auth.oauth2;
    const config::Credentials& client = attempt.credentials;
    constexpr std::size_t names = 128;
    std::string body;
    body.reserve(names + form_room(oauth2.scope.size() + oauth2.audience.size() + client.user.size() +
                                   client.password.size()));
    append_parameter(body, "grant_type", "client_credentials");
    if (!oauth2.scope.empty())
        append_parameter(body, "scope", oauth2.scope);
    if (!oauth2.audience.empty())
        append_parameter(body, "audience", oauth2.audience);
    std::string authorization;
    const Wiped wiped{authorization};
    if (oauth2.client_auth == config::OAuth2::ClientAuth::post) {
        append_parameter(body, "client_id", client.user);
        append_parameter(body, "client_secret", client.password.reveal());
    } else {
        const Secret credentials = basic(client);
        constexpr std::string_view scheme = "Basic ";
        authorization.reserve(scheme.size() + credentials.size());
        authorization.append(scheme).append(credentials.reveal());
    }
    LoginRequest request;
    request.head = login_head(config::login_upstream(attempt.settings), "application/x-www-form-urlencoded",
                              body.size(), authorization);
    request.body = Secret{std::move(body)};
    return request;
}

LoginOutcome OAuth2Codec::read(const Attempt& attempt, const http::ResponseHead& head,
                               std::string& body) const {
    const config::Auth& auth = attempt.settings.auth;
    const auto retry_after = retry_after_of(head);
    constexpr std::string_view token_pointer = "/access_token";
    const Secret found = secret_at(body, token_pointer);
    hide_secret(body, token_pointer);
    // A gateway that quotes a request quotes the secret as it was sent.
    const Secret in_form = form_encoded(attempt.credentials.password);
    const Secret in_head = basic(attempt.credentials);
    const std::array<const Secret*, 4> secrets{&attempt.credentials.password, &found, &in_form, &in_head};
    for (const std::string_view name : {"refresh_token", "id_token"}) // no use here (RFC 6749 section 4.4.3)
        hide_members(body, name);
    const Json answer = Json::parse(body, nullptr, false);
    if (head.status != 200)
        return read_error(head.status, answer, secrets, retry_after);
    const auto broken = [&](std::string reason) {
        return failed_login(Kind::unavailable, std::move(reason), retry_after);
    };
    if (!answer.is_object())
        return broken("HTTP status 200 without a JSON object");
    LoginOutcome outcome;
    outcome.token = Secret{token_in_header(found.reveal())};
    if (outcome.token.empty())
        return broken("HTTP status 200 without an access_token that can be sent");
    if (!is_usable(text_of(answer, "token_type"), auth.send))
        return broken("the token's token_type is neither Bearer nor that of auth.send.scheme");
    if (const auto life = text_at(body, "/expires_in"))
        outcome.life = parse_life(*life, std::chrono::seconds{1}, {});
    outcome.kind = Kind::accepted;
    outcome.retry_after = retry_after;
    return outcome;
}

} // namespace bearerd::auth
