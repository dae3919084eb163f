#pragma once

#include <bearerd/base/error.hpp>
#include <bearerd/outcome/error_reply.hpp>
#include <bearerd/upstream/transport.hpp>

/// What happens to a request whose exchange failed: the table of contract 4 as a function.
namespace bearerd::proxy {

/// Everything that the decision depends on.
struct FailedAttempt {
    error_code code;
    upstream::Stage stage = upstream::Stage::connecting;
    bool reused = false;       ///< on a kept-alive connection
    bool may_mutate = true;    ///< not certainly a query
    bool resent_stale = false; ///< it was sent again already because of a stale connection
};

struct Decision {
    enum class Kind : std::uint8_t {
        resend, ///< once, on a new connection
        reply,  ///< with `code` and `executed`
    };
    Kind kind = Kind::reply;
    outcome::ErrorCode code = outcome::ErrorCode::outcome_unknown;
    outcome::Executed executed = outcome::Executed::unknown;

    [[nodiscard]] bool operator==(const Decision&) const = default;
};

[[nodiscard]] Decision decide(const FailedAttempt& attempt) noexcept;

} // namespace bearerd::proxy
