#pragma once

#include <bearerd/config/config.hpp>

#include <string>
#include <string_view>

namespace bearerd::auth {

/// Returns whose token it is, and by which login: what the token store is bound to besides the upstream. It
/// is only the user if the login is that of contract 1, since older stores know no other.
[[nodiscard]] inline std::string account_of(const config::Settings& settings) {
    const config::Auth& auth = settings.auth;
    if (auth.kind == config::LoginKind::graphql && !auth.login_url)
        return settings.credentials.user;
    std::string account = settings.credentials.user;
    for (const std::string_view part :
         {config::to_string(auth.kind), std::string_view{login_url(settings).text},
          std::string_view{auth.oauth2.scope}, std::string_view{auth.oauth2.audience}})
        account.append("\n").append(part);
    return account;
}

/// Returns the configured user as people know it.
[[nodiscard]] inline std::string user_in_words(const config::Settings& settings) {
    return settings.auth.kind == config::LoginKind::static_token ? "static token" : settings.credentials.user;
}

/// Returns what must be corrected after a rejected login.
[[nodiscard]] constexpr std::string_view credential_in_words(config::LoginKind kind) noexcept {
    switch (kind) {
    case config::LoginKind::oauth2_client_credentials:
        return "client id or client secret";
    case config::LoginKind::static_token:
        return "token";
    case config::LoginKind::graphql:
        break;
    }
    return "user name or password";
}

} // namespace bearerd::auth
