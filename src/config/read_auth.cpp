#include "read_auth.hpp"

#include "addresses.hpp"
#include "named_files.hpp"
#include "permissions.hpp"
#include "text.hpp"
#include "values.hpp"

#include <bearerd/base/ascii.hpp>
#include <bearerd/base/units.hpp>
#include <bearerd/config/password_file.hpp>
#include <bearerd/graphql/login_document.hpp>

#include <algorithm>
#include <array>
#include <span>

namespace bearerd::config {
namespace {

const Parser<std::string> some_text = parse_some_text;

/// Headers that bearerd, the app or HTTP itself needs for something other than a token.
constexpr std::array<std::string_view, 14> not_for_tokens{"accept",
                                                          "accept-charset",
                                                          "accept-language",
                                                          "content-encoding",
                                                          "content-language",
                                                          "content-type",
                                                          "date",
                                                          "forwarded",
                                                          "origin",
                                                          "referer",
                                                          "traceparent",
                                                          "tracestate",
                                                          "user-agent",
                                                          "via"};

constexpr std::array<std::string_view, 9> graphql_keys{"expires_unit",    "login_url",        "login_query",
                                                       "login_field",     "token_headers",    "token_pointer",
                                                       "expires_pointer", "identity_pointer", "refresh"};
constexpr std::array<std::string_view, 6> oauth2_keys{"token_url", "client_id", "client_secret_file",
                                                      "scope",     "audience",  "client_auth"};
constexpr std::array<std::string_view, 1> static_keys{"secret_file"};

/// Adds an error for each of these keys that is present, since they belong to another kind.
void refuse_keys_of(Section& in, LoginKind theirs, LoginKind kind, std::span<const std::string_view> keys) {
    for (const std::string_view key : keys)
        if (in.has(key) && theirs != kind)
            in.error(key, "belongs to auth.kind: " + std::string{to_string(theirs)} + ", and the kind is " +
                              std::string{to_string(kind)} + ": remove it, or change the kind");
}

Parsed<std::string> parse_pointer_or_none(std::string_view text) {
    return text.empty() ? Parsed<std::string>{std::string{}} : parse_json_pointer(text);
}

/// Everything else in an answer, such as its errors, has other rules.
Parsed<std::string> parse_data_pointer(std::string_view text) {
    if (!text.starts_with("/data/"))
        return Problem{"must be a JSON pointer that begins with /data/, such as /data/me/errors"};
    return parse_json_pointer(text);
}

Parsed<std::string> parse_scheme(std::string_view text) {
    if (text.empty() || is_token(text))
        return std::string{text};
    return Problem{"must be one word such as Bearer, or \"\" for the bare token"};
}

Parsed<std::string> parse_token_header(std::string_view text) {
    if (std::ranges::find(not_for_tokens, to_lower(text)) != not_for_tokens.end())
        return Problem{"must not be a header that means something else: name the one that the API documents "
                       "for its token"};
    return parse_header_name(text);
}

void read_login_query(Section& in, Auth& out) {
    const bool has_query = in.read_document("login_query", out.login_query);
    in.read<std::string>("login_field", out.login_field, parse_graphql_name);
    if (!has_query)
        return;
    if (out.login_query.find_first_not_of(" \t\r\n") == std::string::npos)
        return in.error("login_query", "must be a GraphQL document, such as the default");
    if (const auto flaw = graphql::login_document_flaw(out.login_query); !flaw.empty())
        return in.error("login_query", flaw);
    if (!graphql::logs_in_by(out.login_query, out.login_field))
        in.warn("login_query",
                "has no field " + out.login_field +
                    " at its root: set auth.login_field to the field by which it logs in, so that "
                    "logins of an app's own are recognised");
}

void read_refresh(Section in, Refresh& out) {
    if (in.read_document("query", out.query)) {
        if (const auto flaw = graphql::login_document_flaw(out.query, "refresh_token"); !flaw.empty()) {
            in.error("query", flaw);
            out.query.clear();
        }
    } else if (!in.has("query")) {
        in.error("query", "is missing: a refresh has query and token_pointer");
    }
    if (in.has("token_pointer"))
        in.read<std::string>("token_pointer", out.token_pointer, parse_json_pointer);
    else
        in.error("token_pointer", "is missing: a refresh has query and token_pointer");
}

/// The key in `data` that a pointer goes through; empty if it goes elsewhere.
std::string_view data_key(std::string_view pointer) noexcept {
    constexpr std::string_view data = "/data/";
    if (!pointer.starts_with(data))
        return {};
    pointer.remove_prefix(data.size());
    return pointer.substr(0, pointer.find('/'));
}

void check_pointer(Section& in, std::string_view name, const std::string& pointer, const Auth& auth) {
    const std::string_view key = data_key(pointer);
    if (key.empty() || !graphql::login_document_flaw(auth.login_query).empty())
        return;
    const std::string field{key};
    if (!graphql::answers_with(auth.login_query, key))
        in.error(name, "points into /data/" + field + ", but login_query has no field or alias " + field +
                           " at its root");
    else if (auth.refresh && !auth.refresh->query.empty() && !graphql::answers_with(auth.refresh->query, key))
        in.error(name, "points into /data/" + field + ", but refresh.query has no field or alias " + field +
                           " at its root: write " + field + ": before its field");
}

void read_graphql(Section& in, Auth& out) {
    if (in.has("login_url")) {
        Url url;
        in.read<Url>("login_url", url, parse_upstream_url);
        out.login_url = std::move(url);
    }
    read_login_query(in, out);
    in.read<std::string>("token_pointer", out.token_pointer, parse_pointer_or_none);
    in.read_some_list<std::string>("token_headers", out.token_headers, parse_header_name);
    if (!out.token_pointer.empty() && in.has("token_headers"))
        in.error("token_headers", "stands next to token_pointer: leave one of the two");
    if (!out.token_pointer.empty())
        out.token_headers.clear();
    in.read<std::string>("expires_pointer", out.expires_pointer, parse_pointer_or_none);
    in.read("expires_unit", out.expires_unit, one_of<Duration>({{"s", 1s}, {"ms", 1ms}}));
    in.read<std::string>("identity_pointer", out.identity_pointer, parse_pointer_or_none);
    if (in.has("refresh"))
        read_refresh(in.section("refresh"), out.refresh.emplace());
    check_pointer(in, "token_pointer", out.token_pointer, out);
    check_pointer(in, "expires_pointer", out.expires_pointer, out);
    if (out.refresh) {
        Section refresh = in.section("refresh");
        check_pointer(refresh, "token_pointer", out.refresh->token_pointer, out);
    }
}

void read_oauth2(Section& in, Auth& out) {
    OAuth2& oauth2 = out.oauth2;
    if (in.has("token_url"))
        in.read<Url>("token_url", oauth2.token_url, parse_upstream_url);
    else
        in.error("token_url", "is missing: write the address of the OAuth2 token endpoint");
    in.read("scope", oauth2.scope, Parser<std::string>{parse_any_text});
    in.read("audience", oauth2.audience, Parser<std::string>{parse_any_text});
    in.read("client_auth", oauth2.client_auth,
            one_of<OAuth2::ClientAuth>(
                {{"basic", OAuth2::ClientAuth::basic}, {"post", OAuth2::ClientAuth::post}}));
}

/// The keys of other kinds are errors, so each kind has a reader of its own.
void read_kind(Section& in, Auth& out) {
    in.read("kind", out.kind,
            one_of<LoginKind>({{"graphql", LoginKind::graphql},
                               {"oauth2_client_credentials", LoginKind::oauth2_client_credentials},
                               {"static", LoginKind::static_token}}));
    refuse_keys_of(in, LoginKind::graphql, out.kind, graphql_keys);
    refuse_keys_of(in, LoginKind::oauth2_client_credentials, out.kind, oauth2_keys);
    refuse_keys_of(in, LoginKind::static_token, out.kind, static_keys);
    if (out.kind == LoginKind::graphql)
        return read_graphql(in, out);
    out.token_headers.clear();
    if (out.kind == LoginKind::oauth2_client_credentials)
        read_oauth2(in, out);
}

void read_send(Section in, Send& out) {
    in.read<std::string>("header", out.header, parse_token_header);
    in.read<std::string>("scheme", out.scheme, parse_scheme);
}

void read_unauthorized(Section in, Unauthorized& out) {
    in.read_list("messages", out.messages, some_text);
    in.read_list("codes", out.codes, some_text);
    in.read_list<std::uint16_t>("statuses", out.statuses, parse_rejected_status);
    in.read("inspect_limit", out.inspect_limit, size_between(1ULL << 10, 1ULL << 20));
    in.read<bool>("resend_mutations", out.resend_mutations, parse_bool);
}

void read_backoff(Section in, Backoff& out) {
    in.read<Duration>("rejected", out.rejected, parse_timeout);
    in.read<Duration>("unavailable", out.unavailable, parse_timeout);
    in.read<Duration>("max", out.max, parse_timeout);
    if (out.max < out.rejected)
        in.error("max", "must not be less than rejected (" + format_duration(out.rejected) + ")");
}

/// Reads the secret in the file that the key names.
void read_named_secret(Section& in, const Environment& environment, std::string_view key,
                       const SecretIn& secret_in, Credentials& out) {
    std::string path;
    in.read(key, path, path_by(environment, some_text));
    if (path.empty())
        return;
    warn_of_rights(in, key, path, environment);
    read_secret_file(in, environment, key, path, {}, secret_in, out);
}

/// The same for a required key of `auth`.
void read_required_secret(Section& in, const Environment& environment, std::string_view key,
                          const SecretIn& secret_in, Credentials& out) {
    if (!in.has(key))
        return in.error(key, "is missing: write the path of a file that holds the secret and nothing else");
    read_named_secret(in, environment, key, secret_in, out);
}

void read_password(Section& in, const Environment& environment, Credentials& out) {
    const bool in_place = in.has("password");
    const bool in_file = in.has("password_file");
    if (in_place && in_file)
        return in.error("password_file", "stands next to password: leave one of the two");
    if (in_place) {
        const bool faultless = in.read_secret("password", out.password);
        if (faultless && out.password.empty())
            in.error("password", "must not be empty");
        return;
    }
    if (in_file)
        return read_named_secret(in, environment, "password_file", password_in, out);
    if (const auto directory = environment.environment("CREDENTIALS_DIRECTORY");
        directory && !directory->empty()) {
        const std::string path = *directory + "/" + environment.password_credential;
        warn_of_rights(in, "password", path, environment);
        return read_secret_file(in, environment, "password", path,
                                "is missing, and the systemd credential \"password\" in ", password_in, out);
    }
    in.error(
        "password",
        "is missing: write password_file: PATH, or password: ${VARIABLE}, or give the systemd "
        "credential \"password\"; by hand, as root, bearerd check and bearerd login take it as the service "
        "would with --service bearerd, or --service bearerd@NAME for /etc/bearerd/NAME.yaml (without "
        "systemd: "
        "CREDENTIALS_DIRECTORY=/etc/bearerd)");
}

void read_user_and_password(Section in, const Environment& environment, Credentials& out) {
    const bool by_name = in.has("username");
    out.by_email = in.has("email");
    if (by_name && out.by_email)
        in.error("email", "stands next to username: leave one of the two");
    else if (!by_name && !out.by_email)
        in.error("username", "is missing: write the user's name, or email: and the user's address");
    else
        in.read(out.by_email ? "email" : "username", out.user, some_text);
    read_password(in, environment, out);
}

void refuse_credentials(Section in, LoginKind kind) {
    for (const std::string_view key : {"username", "email", "password", "password_file"})
        if (in.has(key))
            in.error(key, "belongs to auth.kind: graphql, and the kind is " + std::string{to_string(kind)} +
                              ": remove it");
}

} // namespace

void read_auth(Section in, Auth& out) {
    read_kind(in, out);
    read_send(in.section("send"), out.send);
    in.read_list<std::string>("rejected_at", out.rejected_at, parse_data_pointer);
    read_unauthorized(in.section("unauthorized"), out.unauthorized);
    in.read("refresh_before", out.refresh_before, duration_between(0ms, 24h));
    in.read("fresh_for", out.fresh_for, duration_between(0ms, 24h));
    in.read("denied_for", out.denied_for, duration_between(0ms, 24h));
    in.read<Duration>("login_timeout", out.login_timeout, parse_timeout);
    read_backoff(in.section("backoff"), out.backoff);
}

void read_credentials(Section root, const Environment& environment, const Auth& auth, Credentials& out) {
    if (auth.kind == LoginKind::graphql)
        return read_user_and_password(root.section("credentials"), environment, out);
    refuse_credentials(root.section("credentials"), auth.kind);
    Section in = root.section("auth");
    if (auth.kind == LoginKind::static_token)
        return read_required_secret(in, environment, "secret_file", token_in, out);
    if (in.has("client_id"))
        in.read("client_id", out.user, some_text);
    else
        in.error("client_id", "is missing: write the id that the API gave this client");
    read_required_secret(
        in, environment, "client_secret_file",
        [](const Secret& content) { return secret_in(content, "secret"); }, out);
}

} // namespace bearerd::config
