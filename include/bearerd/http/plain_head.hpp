#pragma once

#include <bearerd/http/message.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

/// Reads the heads that leave nothing to interpret, as nearly all do, at a fifth of what Beast's parser
/// takes, which goes byte by byte. What it reads, Beast reads in just the same way
/// (tests/unit/http/plain_head_test and fuzz_plain_head hold the two against each other); whatever else there
/// is, it leaves to Beast.
namespace bearerd::http {

/// `bytes` is a whole head, its empty line included. How long the body is; nothing: Beast has to read it, and
/// `head` holds nothing of use. A head that is read has printable text without tabs in its lines, at most one
/// Content-Length, no Transfer-Encoding and no Upgrade, and no more than one connection option in a field.
[[nodiscard]] std::optional<std::uint64_t> read_plain_head(std::string_view bytes, RequestHead& head);

/// Likewise. Only final responses with a body whose length they tell.
[[nodiscard]] std::optional<std::uint64_t> read_plain_head(std::string_view bytes, ResponseHead& head);

} // namespace bearerd::http
