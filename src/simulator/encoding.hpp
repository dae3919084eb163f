#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bearerd::sim {

std::string base64(std::string_view bytes);
std::string base64url(std::string_view bytes); ///< Without padding.
std::string hmac_sha256(std::string_view key, std::string_view text);
std::string random_bytes(std::size_t count);

/// Of application/x-www-form-urlencoded; a malformed escape stays as it is.
std::string percent_decoded(std::string_view text);

/// The decoded value of a query string's parameter, the first of its name.
std::optional<std::string> query_parameter(std::string_view target, std::string_view name);

enum class Coding { identity, gzip, deflate };

/// Named as in Content-Encoding: deflate is the zlib format.
std::string compressed(std::string_view text, Coding coding);

} // namespace bearerd::sim
