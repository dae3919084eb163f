#pragma once

#include <bearerd/base/secret.hpp>

#include <string_view>

namespace bearerd::auth {

/// Whether a text may hold the secret, or a revealing part of it: as it is, spaced, in other case,
/// escaped in any way, or in base64, base32, hex, binary or decimal numbers, backwards or by ROT13. Errs on
/// the safe side: any escape in the text, and a short secret that common words contain, count too.
[[nodiscard]] bool may_echo(std::string_view text, const Secret& secret);

} // namespace bearerd::auth
