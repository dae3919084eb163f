#pragma once

#include <bearerd/base/secret.hpp>

#include <cstddef>
#include <string>
#include <variant>

namespace bearerd::config {

/// The largest configuration file, in bytes.
inline constexpr std::size_t longest_config_file = 1 << 20;

/// Returns the content of a file of at most `limit` bytes, or in words why it can't be read. Blocks.
[[nodiscard]] std::variant<Secret, std::string> read_small_file(const std::string& path, std::size_t limit);

} // namespace bearerd::config
