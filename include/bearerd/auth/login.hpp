#pragma once

#include <bearerd/auth/login_codec.hpp>
#include <bearerd/config/config.hpp>
#include <bearerd/net/task.hpp>
#include <bearerd/upstream/transport.hpp>

#include <functional>
#include <memory>

namespace bearerd::auth {

/// Logs in once, with whatever deadlines the transport has: what the token service does, and `bearerd login`.
/// `transport` goes to config::login_url(). Never throws: what fails is an outcome, whose reason never holds
/// a secret. A static token is taken as it is, and nothing is sent.
[[nodiscard]] net::Task<LoginOutcome> log_in(std::shared_ptr<upstream::Transport> transport,
                                             std::shared_ptr<const config::Settings> settings);

/// The same by other credentials than those of the settings. A refresh token that is not empty is tried
/// first, once, on a new connection. If it is answered whole, but brings no token, the credentials are tried,
/// within the same `auth.login_timeout`, unless that answer is HTTP 429 or 5xx. `still_wanted` (or empty) is
/// asked before they are sent: they are not if it says false.
[[nodiscard]] net::Task<LoginOutcome> log_in(std::shared_ptr<upstream::Transport> transport,
                                             std::shared_ptr<const config::Settings> settings,
                                             std::shared_ptr<const config::Credentials> credentials,
                                             Secret refresh_token, std::function<bool()> still_wanted = {});

} // namespace bearerd::auth
