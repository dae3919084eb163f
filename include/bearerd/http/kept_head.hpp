#pragma once

#include <bearerd/http/headers.hpp>

#include <cstddef>
#include <string>
#include <string_view>

/// Response heads that are kept, to be sent again to another app (contract 10).
namespace bearerd::http {

/// Returns status line and fields of a head that was made for one app, without what belongs to that app's
/// connection and request: framing, Connection, X-Request-Id, Set-Cookie and CORS. `head` is one that this
/// program made.
[[nodiscard]] std::string head_to_keep(std::string_view head);

/// Appends a kept head for another app. `extra`: whole field lines.
void append_kept_head(std::string& out, std::string_view kept, const ReplyContext& context,
                      std::string_view extra, std::size_t body_size);

/// Returns the Content-Encoding of a kept head; empty if there is none.
[[nodiscard]] std::string_view kept_coding(std::string_view kept) noexcept;

/// Returns the kept head of the same answer with a decoded body.
[[nodiscard]] std::string without_coding(std::string_view kept);

} // namespace bearerd::http
