#pragma once

#include <bearerd/config/config.hpp>

#include <string>
#include <string_view>

namespace bearerd::auth {

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
