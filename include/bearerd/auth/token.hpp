#pragma once

#include <bearerd/base/clock.hpp>
#include <bearerd/base/secret.hpp>
#include <bearerd/base/token_text.hpp>
#include <bearerd/http/message.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bearerd::auth {

/// The name, among the identity claims, of the user as the login's answer gives it (`auth.identity_pointer`).
inline constexpr std::string_view answer_identity = "identity";

/// The claims of a JWT. Unverified: they order tokens and distinguish identities, and grant nothing.
struct Claims {
    std::optional<std::int64_t> issued_at;  ///< `iat`, seconds since the epoch on the upstream's clock
    std::optional<std::int64_t> expires_at; ///< `exp`, likewise
    /// Those of `sub`, `id`, `user_id`, `username`, `email` that are strings or numbers, as text; and
    /// answer_identity.
    std::vector<std::pair<std::string, std::string>> identity;
};

/// A bearer token as it is in use. Immutable once published; any thread may read it.
struct Token {
    Secret value;                 ///< without "Bearer "
    std::uint64_t generation = 0; ///< grows by one with every token that becomes current in this process
    TimePoint received{};         ///< when it arrived, on our clock
    TimePoint expires{};          ///< received + life; never given out from then on
    bool from_login = false;      ///< brought by our login, not by a swap or the store
    Claims claims;                ///< empty for an opaque token
};

using TokenPtr = std::shared_ptr<const Token>;

using bearerd::is_sendable_token;
using bearerd::max_token_size;
using bearerd::token_in_header;

/// Returns the first token in the header fields of these names, preferred name first; skips values that are
/// no token. Empty if there is none.
[[nodiscard]] std::string_view find_token(const http::Fields& fields,
                                          const std::vector<std::string>& token_headers);

/// Returns how long a token lives from its receipt: `exp - iat` if it has both and the difference is
/// positive, at most 30 days; else 60 minutes (contract 3.3).
[[nodiscard]] Duration life_of(const Claims& claims) noexcept;

/// Whether two tokens may name the same user: no identity claim that both have differs (contract 3.4).
[[nodiscard]] bool same_identity(const Claims& a, const Claims& b) noexcept;

/// Returns, for people, the clearest identity claim ("username", "email", "sub", …), or empty.
[[nodiscard]] std::string_view display_name(const Claims& claims) noexcept;

} // namespace bearerd::auth
