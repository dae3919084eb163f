#pragma once

#include <bearerd/auth/token.hpp>
#include <bearerd/base/cause.hpp>
#include <bearerd/net/task.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace bearerd::auth {

/// Why there is no token at present (contract 3.8).
struct NoToken {
    enum class Reason : std::uint8_t { login_rejected, login_unavailable, overloaded, shutting_down };
    Reason reason = Reason::login_unavailable;
    Duration retry_after{}; ///< until the next login may be tried, for Retry-After; never negative
    /// login_unavailable: why the last login could not be carried out, or nullptr. Never dangles: causes live
    /// as long as the process.
    const Cause* cause = nullptr;
};

using TokenResult = std::variant<TokenPtr, NoToken>;

/// What to do with a request whose token was rejected (contract 3.6 and 3.7).
struct Advice {
    enum class Kind : std::uint8_t {
        resend, ///< once, with `token`
        pass,   ///< a denied permission, not a stale token: the answer goes to the app as it is
        fail,   ///< the login that was needed failed: the app gets `failure`
    };
    Kind kind = Kind::pass;
    TokenPtr token;
    bool after_login = false; ///< a login brought `token`: if that is rejected too, report it by denied()
    NoToken failure;
};

/// One thread's access to the token. Used on that thread only; all threads share the state that it reads.
class TokenSource {
public:
    virtual ~TokenSource() = default;

    /// Returns the current token if it is valid at `now`, else nullptr. The path of nearly every request,
    /// without a lock or a suspension.
    [[nodiscard]] virtual TokenPtr current(TimePoint now) = 0;

    /// Returns the current token, or the outcome of the login that is running or is started for this. Waits
    /// for at most `auth.login_timeout`, and not at all during a back-off.
    [[nodiscard]] virtual net::Task<TokenResult> acquire() = 0;

    /// Reports that the upstream rejected `used`, and returns what to do. At most one login runs, however
    /// many requests wait for it.
    [[nodiscard]] virtual net::Task<Advice> rejected(TokenPtr used, std::uint64_t document) = 0;

    /// Like rejected(), but the request is not sent again because it may have been executed: starts the login
    /// that the next request needs, and nobody waits for it. A document that is rejected in this way once
    /// more, with the token of the login that it caused, is denied.
    virtual void rejected_in_doubt(const TokenPtr& used, std::uint64_t document) = 0;

    /// The resend after a login, with `used`, was rejected as well: the document is denied until the next
    /// login.
    virtual void denied(const TokenPtr& used, std::uint64_t document) = 0;

    /// Whether an accepted request that was sent with `used` would prove something. False once the login's
    /// token is known to work and no document is denied: this is the path of nearly every answer, so it costs
    /// next to nothing.
    [[nodiscard]] virtual bool awaits_proof(const TokenPtr& /*used*/) const noexcept { return false; }

    /// A request for this document, sent with `used`, was accepted: GraphQL data came back.
    virtual void accepted(const TokenPtr& /*used*/, std::uint64_t /*document*/) {}

    /// A response to a request sent with `used` carried this token, as find_token() returns it.
    /// `login_operation`: the request contained the app's own login. Adopted or ignored by contract 3.4.
    virtual void observed(const TokenPtr& used, std::string_view token, bool login_operation) = 0;
};

} // namespace bearerd::auth
