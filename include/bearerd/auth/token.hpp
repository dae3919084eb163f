#pragma once

#include <bearerd/base/clock.hpp>
#include <bearerd/base/secret.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace bearerd::auth {

/// What a JWT says of itself. Unverified: it orders tokens and tells identities apart, and grants nothing.
struct Claims {
    std::optional<std::int64_t> issued_at;  ///< `iat`, seconds since the epoch on the upstream's clock
    std::optional<std::int64_t> expires_at; ///< `exp`, likewise
    /// Those of `sub`, `id`, `user_id`, `username`, `email` that are strings or numbers, as text.
    std::vector<std::pair<std::string, std::string>> identity;
};

/// A bearer token as it is in use. Immutable once published; any thread may read it.
struct Token {
    Secret value;             ///< without "Bearer "
    std::uint64_t generation = 0; ///< grows by one with every token that becomes current in this process
    TimePoint received{};     ///< when it came, on our clock
    TimePoint expires{};      ///< received + life; never handed out from then on
    bool from_login = false;  ///< brought by our login, not by a swap or the store
    Claims claims;            ///< empty for an opaque token
};

using TokenPtr = std::shared_ptr<const Token>;

} // namespace bearerd::auth
