#pragma once

#include <bearerd/auth/login_codec.hpp>
#include <bearerd/auth/token_service.hpp>
#include <bearerd/base/cause.hpp>
#include <bearerd/config/config.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace bearerd::auth {

/// What people learn of the logins: the result of the last one, and lines of the log. Not thread safe.
class LoginHistory {
public:
    /// A login of this replica or another one has brought a token. Logs nothing.
    void succeeded() noexcept;

    /// A login has failed, and the next may be tried after `next_try`.
    void failed(const config::Settings& settings, const LoginOutcome& outcome, Duration next_try);

    /// No login was tried, since another replica was rejected with these credentials.
    void locked_out(const config::Settings& settings, Duration next_try);

    /// The last login of a former process was rejected, and the next may be tried after `next_try`.
    void rejected_before(const config::Settings& settings, Duration next_try);

    /// Returns why the last login could not be carried out, or nullptr if it could.
    [[nodiscard]] const Cause* cause() const noexcept;

    /// Fills in what the status says of the last login.
    void show(AuthStatus& status) const;

private:
    std::string_view last_result_ = "none";
    std::string last_reason_;
    error_code last_code_;
    std::uint64_t failures_ = 0; ///< with the same result in a row
};

/// Logs a successful login. `renewed`: the token before it was still good.
void log_login(const config::Settings& settings, LoginOutcome::Source source, bool renewed, Duration left);

/// Logs that the file of a password, a client secret or a static token has new content.
void log_new_secret(const config::Settings& settings, const config::Credentials& before,
                    const Secret& secret);

} // namespace bearerd::auth
