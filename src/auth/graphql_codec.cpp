#include "graphql_codec.hpp"

#include "login_text.hpp"

#include <array>

namespace bearerd::auth {
namespace {

/// A token in the body replaces the one in the header.
void take_token(LoginHead& read, const Secret& found) {
    read.token = Secret{token_in_header(found.reveal())};
    read.flaw = read.token.empty() ? token_flaw(found.reveal()) : std::string_view{};
}

} // namespace

LoginRequest GraphqlCodec::request(const Attempt& attempt) const {
    const config::Upstream to = config::login_upstream(attempt.settings);
    const config::Auth& auth = attempt.settings.auth;
    if (attempt.refresh_token.empty() || !auth.refresh)
        return make_login_request(to, attempt.credentials, auth.login_query);
    LoginRequest request;
    request.body = graphql_body(auth.refresh->query, {{"refresh_token", attempt.refresh_token.reveal()}});
    request.head = login_head(to, "application/json", request.body.size(), {});
    return request;
}

LoginOutcome GraphqlCodec::read(const Attempt& attempt, const http::ResponseHead& head,
                                std::string& body) const {
    const config::Auth& auth = attempt.settings.auth;
    LoginHead read = read_login_head(head, auth.token_headers);
    if (!auth.token_pointer.empty())
        take_token(read, secret_at(body, auth.token_pointer));
    const std::string_view next_pointer = auth.refresh ? auth.refresh->token_pointer : std::string_view{};
    Secret next = secret_at(body, next_pointer);
    hide_secret(body, auth.token_pointer);
    hide_secret(body, next_pointer);
    for (const std::string_view name : {"refresh_token", "refreshToken"}) // whether it is used or not
        hide_members(body, name);
    const std::array<const Secret*, 3> secrets{&attempt.credentials.password, &attempt.refresh_token, &next};
    LoginOutcome outcome = judge_login(std::move(read), body, secrets, auth.rejected_at);
    if (outcome.kind != LoginOutcome::Kind::accepted)
        return outcome;
    outcome.source =
        attempt.refresh_token.empty() ? LoginOutcome::Source::login : LoginOutcome::Source::refresh;
    if (const auto life = text_at(body, auth.expires_pointer))
        outcome.life = parse_life(*life, auth.expires_unit, head.fields.value(http::FieldId::date));
    outcome.identity = text_at(body, auth.identity_pointer).value_or("");
    outcome.refresh_token = std::move(next);
    return outcome;
}

} // namespace bearerd::auth
