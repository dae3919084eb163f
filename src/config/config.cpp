#include <bearerd/config/config.hpp>

#include "text.hpp"

#include <algorithm>

namespace bearerd::config {

std::string Address::text() const {
    if (kind == Kind::systemd)
        return "systemd";
    if (kind == Kind::unix_socket)
        return "unix:" + path;
    return with_brackets(host) + ":" + std::to_string(port);
}

std::string Url::authority() const {
    const bool is_default = port == (tls ? 443 : 80);
    return with_brackets(host) + (is_default ? "" : ":" + std::to_string(port));
}

std::string_view to_string(LoginKind kind) noexcept {
    switch (kind) {
    case LoginKind::graphql:
        return "graphql";
    case LoginKind::oauth2_client_credentials:
        return "oauth2_client_credentials";
    case LoginKind::static_token:
        return "static";
    }
    return "graphql";
}

const Url& login_url(const Settings& settings) noexcept {
    const Auth& auth = settings.auth;
    if (auth.kind == LoginKind::oauth2_client_credentials)
        return auth.oauth2.token_url;
    return auth.login_url ? *auth.login_url : settings.upstream.url;
}

bool logs_in_elsewhere(const Settings& settings) noexcept {
    if (settings.auth.kind == LoginKind::static_token)
        return false;
    const Url& login = login_url(settings);
    const Url& api = settings.upstream.url;
    return login.tls != api.tls || login.host != api.host || login.port != api.port;
}

std::string login_account(const Settings& settings) {
    const Auth& auth = settings.auth;
    if (auth.kind == LoginKind::graphql && !auth.login_url)
        return settings.credentials.user;
    std::string account = settings.credentials.user;
    for (const std::string_view part :
         {to_string(auth.kind), std::string_view{login_url(settings).text},
          std::string_view{auth.oauth2.scope}, std::string_view{auth.oauth2.audience}})
        account.append("\n").append(part);
    return account;
}

Upstream login_upstream(const Settings& settings) {
    const Upstream& api = settings.upstream;
    const bool elsewhere = logs_in_elsewhere(settings);
    Upstream login;
    login.url = login_url(settings);
    login.connect_timeout = api.connect_timeout;
    login.response_timeout = api.response_timeout;
    login.max_connections = api.max_connections;
    login.idle_timeout = api.idle_timeout;
    login.reuse_for_mutations = api.reuse_for_mutations;
    login.keep_warm.connections = 0;
    if (api.proxy)
        login.proxy.emplace(
            UpstreamProxy{api.proxy->host, api.proxy->port, api.proxy->user, api.proxy->password.clone()});
    login.tls = api.tls;
    if (elsewhere) { // what is meant for the API alone
        login.tls.server_name.clear();
        login.tls.client_certificate_file.clear();
        login.tls.client_key_file.clear();
    } else {
        login.headers = api.headers;
    }
    return login;
}

bool Transactions::guard() const noexcept {
    return std::ranges::any_of(rules,
                               [](const TransactionRule& rule) { return rule.repeats == Repeats::replay; });
}

} // namespace bearerd::config
