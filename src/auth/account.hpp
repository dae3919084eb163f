#pragma once

#include <bearerd/config/config.hpp>

#include <string>

namespace bearerd::auth {

[[nodiscard]] inline std::string account_of(const config::Settings& settings) {
    return config::login_account(settings);
}

/// The configured user as people know it.
[[nodiscard]] inline std::string user_in_words(const config::Settings& settings) {
    return settings.auth.kind == config::LoginKind::static_token ? "static token" : settings.credentials.user;
}

} // namespace bearerd::auth
