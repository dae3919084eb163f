#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace bearerd::http {

/// What a response may unpack to before it is judged (contract 3.5).
inline constexpr std::size_t inspection_limit = 1024 * 1024;

/// A whole body as its sender wrote it, undone of `content_encoding`: identity, gzip, x-gzip, deflate (in the
/// zlib wrapper or, as some servers send it, without), two of them on top of each other at the most.
///
/// Returns a view of `body` where nothing had to be undone, else of `scratch`, which is overwritten. Nothing
/// where a coding is unknown, the data is damaged, cut short or followed by something else, or unpacks to
/// more than `limit` bytes: it stops there, so a zip bomb costs no more. Pure; throws only for lack of
/// memory.
[[nodiscard]] std::optional<std::string_view> decoded_for_inspection(std::string_view content_encoding,
                                                                     std::string_view body,
                                                                     std::string& scratch,
                                                                     std::size_t limit = inspection_limit);

/// The same for the first bytes of a body, whose others are still to come: what they unpack to, up to `limit`
/// bytes of it. Nothing where a coding is unknown or the data is damaged.
[[nodiscard]] std::optional<std::string_view> decoded_beginning(std::string_view content_encoding,
                                                                std::string_view body, std::string& scratch,
                                                                std::size_t limit);

/// An `Accept-Encoding` cut down to what bearerd can look into (contract 2): identity, gzip, x-gzip and
/// deflate with the weights they had; `*` and everything else go. "identity" where no welcome coding is left.
/// An app that sent no such header accepts anything, so the caller passes "" for it: that, too, is
/// "identity".
[[nodiscard]] std::string narrowed_accept_encoding(std::string_view accept_encoding);

} // namespace bearerd::http
