#pragma once

#include <bearerd/auth/token.hpp>

#include <string_view>

namespace bearerd::auth {

/// Reads the claims of a JWT (three dotted parts, base64url with or without padding) without verifying it.
/// Anything else, or a longer text than max_token_size, is an opaque token with empty claims. A claim of a
/// wrong type, or a time outside 0 … 2^53, counts as absent. Throws only if memory runs out. Takes a few
/// microseconds.
[[nodiscard]] Claims parse_claims(std::string_view token);

} // namespace bearerd::auth
