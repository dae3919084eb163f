#pragma once

#include <bearerd/auth/token.hpp>
#include <bearerd/base/error.hpp>
#include <bearerd/config/config.hpp>
#include <bearerd/http/message.hpp>

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace bearerd::auth {

/// The largest answer to a login, in bytes; a longer one counts as broken.
inline constexpr std::size_t max_login_answer = 64UL << 10;

/// A login that is ready to be sent. Head and body hold secrets; the sender wipes the head.
struct LoginRequest {
    std::string head;
    Secret body;
};

/// Builds the POST of `login_query` to `upstream.url`, with the variables `username` or `email`, and
/// `password` (contract 1).
[[nodiscard]] LoginRequest make_login_request(const config::Upstream& upstream,
                                              const config::Credentials& credentials,
                                              const std::string& login_query);

/// The outcome of a login. The default is one that could not be carried out.
struct LoginOutcome {
    enum class Kind : std::uint8_t { accepted, rejected, unavailable };
    /// Where the token of an accepted login came from.
    enum class Source : std::uint8_t { login, refresh, file };
    Kind kind = Kind::unavailable;
    Source source = Source::login;
    Secret
        token; ///< accepted: valid as token_in_header() has it; unavailable: one that has expired; or empty
    std::optional<Duration> life;        ///< of the token from its receipt, if the answer gives it
    std::string identity;                ///< the user as the answer names it; may be empty
    Secret refresh_token;                ///< the next one; empty: none
    std::optional<Duration> retry_after; ///< until the next attempt, as the upstream asked
    /// Of a failure, for the log: a short sentence of printable ASCII. It may quote the upstream's message,
    /// but not if that may hold a secret.
    std::string reason;
    error_code code{}; ///< of a login that no answer came to, for cause_of()
};

/// The form of a login, one object for each kind (contract 11). It builds what is sent and reads what comes
/// back; the token's life, back-off and store are the same for all. Pure; any thread.
class LoginCodec {
public:
    /// What one attempt uses. `refresh_token` is empty for a login by the credentials.
    struct Attempt {
        const config::Settings& settings;
        const config::Credentials& credentials;
        const Secret& refresh_token;
    };

    LoginCodec() = default;
    LoginCodec(const LoginCodec&) = delete;
    LoginCodec& operator=(const LoginCodec&) = delete;
    virtual ~LoginCodec() = default;

    [[nodiscard]] virtual LoginRequest request(const Attempt& attempt) const = 0;

    /// Judges a whole answer; `body` is decoded and at most max_login_answer bytes. Overwrites the secrets in
    /// it. The life of an accepted token is never negative, but may be zero, which log_in() takes for a
    /// failure. Throws only if memory runs out.
    [[nodiscard]] virtual LoginOutcome read(const Attempt& attempt, const http::ResponseHead& head,
                                            std::string& body) const = 0;
};

/// Returns the codec of a kind; nullptr for a static token, which needs no login.
[[nodiscard]] const LoginCodec* login_codec(config::LoginKind kind) noexcept;

/// What an answer's head says about a login. Owns its parts, because the head is gone once the body has
/// arrived.
struct LoginHead {
    std::uint16_t status = 0;
    Secret token; ///< empty: none came
    /// If none came: what is wrong with a value found in its place, as a part of a sentence; or empty.
    std::string_view flaw = {};
    std::optional<Duration> retry_after;
};

[[nodiscard]] LoginHead read_login_head(const http::ResponseHead& head,
                                        const std::vector<std::string>& token_headers);

/// Judges a whole answer to the login by contract 3.8. `accepted` requires HTTP 200, a token, a JSON object,
/// and either no errors or a user in `data` besides them. Errors with `data` null reject the credentials even
/// if a token came along: a gateway may give tokens to anyone, and treating that as an outage would try a
/// wrong password every 30 s. Errors whose `extensions.code` says that the upstream itself failed, and all
/// other answers, are `unavailable`. A reason never quotes one of `secrets`, though the answer may. A value
/// at one of the pointers in `rejected_at`, without errors, rejects the credentials too (contract 11). Throws
/// only if memory runs out.
[[nodiscard]] LoginOutcome judge_login(LoginHead head, std::string_view body,
                                       std::span<const Secret* const> secrets,
                                       const std::vector<std::string>& rejected_at);

/// Reads `Retry-After` as seconds or, if the answer's `Date` gives the upstream's time, as a date. Returns
/// nullopt if it is neither.
[[nodiscard]] std::optional<Duration> parse_retry_after(std::string_view value, std::string_view date = {});

} // namespace bearerd::auth
