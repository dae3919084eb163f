#pragma once

#include <bearerd/http/framing.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Responses are read leniently (contract 4), because refusing one makes an outcome unknown. A head that can
/// be framed without doubt is rewritten into a form that every reader understands in the same way.
namespace bearerd::http {

/// Like scan_head(), but a line may end with a lone LF, and folds are allowed: never malformed.
[[nodiscard]] HeadScan scan_response_head(std::string_view data, std::size_t& from) noexcept;

/// Returns the status of a head, of which nothing else is read; nullopt if it is not HTTP/1.x.
[[nodiscard]] std::optional<std::uint16_t> status_of_head(std::string_view head) noexcept;

/// Writes a response's whole head in clean form: folded lines joined, invalid fields left out, at most one
/// field for the body's length. Returns false if it is not HTTP/1.x, or if it is unclear where its body ends.
[[nodiscard]] bool clean_response_head(std::string_view head, std::string& clean);

} // namespace bearerd::http
