#pragma once

#include <bearerd/auth/login_codec.hpp>
#include <bearerd/config/config.hpp>
#include <bearerd/net/task.hpp>
#include <bearerd/upstream/transport.hpp>

#include <functional>
#include <memory>

namespace bearerd::auth {

/// Logs in once, within the transport's deadlines, for the token service and for `bearerd login`. `transport`
/// must lead to config::login_url(). Never throws: a failure is an outcome, whose reason never holds a
/// secret. A static token is taken as it is, and nothing is sent.
[[nodiscard]] net::Task<LoginOutcome> log_in(std::shared_ptr<upstream::Transport> transport,
                                             std::shared_ptr<const config::Settings> settings);

/// The same with other credentials than those of the settings. A refresh token that is not empty is tried
/// first, once, on a new connection. If its answer arrives whole but brings no token, the credentials are
/// tried within the same `auth.login_timeout`, unless that answer is HTTP 429 or 5xx. Before they are sent,
/// `still_wanted` (may be empty) is called; they are not sent if it returns false.
[[nodiscard]] net::Task<LoginOutcome> log_in(std::shared_ptr<upstream::Transport> transport,
                                             std::shared_ptr<const config::Settings> settings,
                                             std::shared_ptr<const config::Credentials> credentials,
                                             Secret refresh_token, std::function<bool()> still_wanted = {});

} // namespace bearerd::auth
