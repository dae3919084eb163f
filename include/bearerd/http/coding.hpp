#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace bearerd::http {

/// The size to which a response may unpack before it is judged (contract 3.5).
inline constexpr std::size_t max_unpacked_size = 1024 * 1024;

/// Decodes a whole body, as its sender wrote it, from `content_encoding`: identity, gzip, x-gzip, deflate
/// (with the zlib wrapper or, as some servers send it, without), at most two of them on top of each other.
///
/// Returns a view of `body` if there was nothing to decode, else of `scratch`, which is overwritten. Returns
/// nullopt if a coding is unknown, or if the data is damaged, cut short, followed by something else, or
/// unpacks to more than `limit` bytes. It stops there, so a zip bomb costs no more. Pure; throws only if
/// memory runs out.
[[nodiscard]] std::optional<std::string_view> decoded_for_inspection(std::string_view content_encoding,
                                                                     std::string_view body,
                                                                     std::string& scratch,
                                                                     std::size_t limit = max_unpacked_size);

/// The same for the first bytes of a body whose other bytes are still to come: what they unpack to, up to
/// `limit` bytes. Returns nullopt if a coding is unknown or the data is damaged.
[[nodiscard]] std::optional<std::string_view> decoded_beginning(std::string_view content_encoding,
                                                                std::string_view body, std::string& scratch,
                                                                std::size_t limit);

/// Returns an `Accept-Encoding` reduced to what bearerd can decode (contract 2): identity, gzip, x-gzip and
/// deflate with their weights; `*` and everything else is dropped. Returns "identity" if no acceptable coding
/// is left. An app that sent no such header accepts anything; the caller passes "" for it, which gives
/// "identity" too.
[[nodiscard]] std::string narrowed_accept_encoding(std::string_view accept_encoding);

/// Whether an `Accept-Encoding` names this coding, one that bearerd can decode, and does not refuse it (q=0).
[[nodiscard]] bool accepts_coding(std::string_view accept_encoding, std::string_view coding) noexcept;

} // namespace bearerd::http
