#pragma once

#include <bearerd/http/message.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

/// Reads the heads that leave nothing to interpret, as nearly all do, at less than half of what Beast's
/// parser takes, which goes byte by byte. What it reads, Beast reads in just the same way
/// (tests/unit/http/plain_head_test and fuzz_plain_head hold the two against each other); whatever else there
/// is, it leaves to Beast.
namespace bearerd::http {

struct PlainHead {
    std::size_t size = 0;          ///< up to the empty line, which is counted
    std::uint64_t body_length = 0; ///< what follows the head is the body, and then another message
};

/// The head at the beginning of `bytes`. Nothing: it is not whole yet, or Beast has to read it; `head` holds
/// nothing of use then. A head that is read has printable text without tabs in its lines, at most one
/// Content-Length, no Transfer-Encoding and no Upgrade, and no more than one connection option in a field.
[[nodiscard]] std::optional<PlainHead> read_plain_head(std::string_view bytes, RequestHead& head);

/// Likewise. Only final responses with a body whose length they tell.
[[nodiscard]] std::optional<PlainHead> read_plain_head(std::string_view bytes, ResponseHead& head);

} // namespace bearerd::http
