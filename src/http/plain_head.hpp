#pragma once

#include <bearerd/http/message.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

/// Reads heads that leave nothing to interpret, which nearly all are, in less than half the time of Beast's
/// parser, which goes byte by byte. It reads them exactly as Beast does (tests/unit/http/plain_head_test and
/// fuzz_plain_head compare the two). All other heads are left to Beast.
namespace bearerd::http {

struct PlainHead {
    std::size_t size = 0;          ///< including the empty line
    std::uint64_t body_length = 0; ///< the body follows the head, and then another message
};

/// Reads the head at the beginning of `bytes`. Returns nullopt if it is incomplete or Beast has to read it;
/// `head` is useless then. Reads only heads with printable text without tabs in their lines, at most one
/// Content-Length, no Transfer-Encoding, no Upgrade, and at most one connection option in a field.
[[nodiscard]] std::optional<PlainHead> read_plain_head(std::string_view bytes, RequestHead& head);

/// Likewise. Reads only final responses whose head gives the length of their body.
[[nodiscard]] std::optional<PlainHead> read_plain_head(std::string_view bytes, ResponseHead& head);

} // namespace bearerd::http
