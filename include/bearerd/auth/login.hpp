#pragma once

#include <bearerd/auth/login_codec.hpp>
#include <bearerd/config/config.hpp>
#include <bearerd/net/task.hpp>
#include <bearerd/upstream/transport.hpp>

#include <memory>

namespace bearerd::auth {

/// Logs in once, with whatever deadlines the transport has: what the token service does, and `bearerd login`.
/// Never throws: what fails is an outcome, whose reason never holds the password.
[[nodiscard]] net::Task<LoginOutcome> log_in(std::shared_ptr<upstream::Transport> transport,
                                             std::shared_ptr<const config::Settings> settings);

/// The same by other credentials than those of the settings.
[[nodiscard]] net::Task<LoginOutcome> log_in(std::shared_ptr<upstream::Transport> transport,
                                             std::shared_ptr<const config::Settings> settings,
                                             std::shared_ptr<const config::Credentials> credentials);

} // namespace bearerd::auth
