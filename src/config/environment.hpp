#pragma once

#include <bearerd/base/secret.hpp>

#include <chrono>
#include <cstddef>
#include <string>
#include <variant>

namespace bearerd::config {

/// The largest configuration file, in bytes.
inline constexpr std::size_t longest_config_file = 1 << 20;

/// How long a pipe's writer may take for all that is read from it.
inline constexpr std::chrono::milliseconds pipe_patience = std::chrono::seconds{5};

/// Returns the content of a file of at most `limit` bytes, or in words why it can't be read. Blocks; a pipe
/// is given `patience`.
[[nodiscard]] std::variant<Secret, std::string>
read_small_file(const std::string& path, std::size_t limit,
                std::chrono::milliseconds patience = pipe_patience);

} // namespace bearerd::config
