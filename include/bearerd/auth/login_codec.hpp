#pragma once

#include <bearerd/auth/token.hpp>
#include <bearerd/config/config.hpp>
#include <bearerd/http/message.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace bearerd::auth {

/// A longer answer to a login is a broken one.
inline constexpr std::size_t max_login_answer = 64UL << 10;

/// The login as contract 1 words it, ready for the wire. The body holds the password.
struct LoginRequest {
    std::string head;
    Secret body;
};

[[nodiscard]] LoginRequest make_login_request(const config::Upstream& upstream,
                                              const config::Credentials& credentials,
                                              const std::string& login_query);

/// What came of a login. Default: it could not be carried out.
struct LoginOutcome {
    enum class Kind : std::uint8_t { accepted, rejected, unavailable };
    Kind kind = Kind::unavailable;
    Secret token;                        ///< accepted: valid as token_in_header() has it
    std::optional<Duration> retry_after; ///< as the upstream asked
    /// Of a failure, for the log: a short sentence of printable ASCII. It may quote the upstream's message,
    /// but not where that holds the password.
    std::string reason;
};

/// The first token in the header fields of these names, best name first: what is no token is passed over.
/// Empty where there is none.
[[nodiscard]] std::string_view find_token(const http::Fields& fields,
                                          const std::vector<std::string>& token_headers);

/// What an answer's head tells of a login; owns its parts, since the head is gone when the body has come.
struct LoginHead {
    std::uint16_t status = 0;
    Secret token; ///< empty: none came
    /// Where none came: what is wrong with a value in a token's place, as a part of a sentence; or empty.
    std::string_view flaw = {};
    std::optional<Duration> retry_after;
};

[[nodiscard]] LoginHead read_login_head(const http::ResponseHead& head,
                                        const std::vector<std::string>& token_headers);

/// Judges a whole answer to the login by contract 3.8. Accepted takes HTTP 200, a token, a JSON object, and
/// either no errors or a user in `data` beside them. Errors with `data` null reject the credentials even
/// where a token came along: a gateway may hand tokens to anyone, and taking it for an outage would try a
/// wrong password every 30 s. Errors whose `extensions.code` tells of the upstream's own trouble, and
/// whatever is neither, are `unavailable`. Never throws but for lack of memory.
[[nodiscard]] LoginOutcome judge_login(LoginHead head, std::string_view body, const Secret& password);

/// `Retry-After` in seconds or, where the answer's `Date` tells what time it is for the upstream, as a date.
[[nodiscard]] std::optional<Duration> parse_retry_after(std::string_view value, std::string_view date = {});

} // namespace bearerd::auth
