#pragma once

#include <bearerd/auth/token.hpp>

#include <string_view>

namespace bearerd::auth {

/// Reads the claims of a JWT (three dotted parts, base64url with or without padding) without verifying it.
/// Whatever is not one, or is longer than max_token_size, has empty claims: an opaque token. A claim of a
/// wrong type, or a time outside 0 … 2^53, counts as absent. Never throws but for lack of memory; a few
/// microseconds.
[[nodiscard]] Claims parse_claims(std::string_view token);

} // namespace bearerd::auth
