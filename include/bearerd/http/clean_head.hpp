#pragma once

#include <bearerd/http/framing.hpp>

#include <string>
#include <string_view>

/// Answers are read leniently (contract 4): to refuse one makes money unknown. What can be framed without
/// doubt is brought into the form that everybody reads in the same way.
namespace bearerd::http {

/// As scan_head(), but a line may end with a lone LF, and folds are no fault: never malformed.
[[nodiscard]] HeadScan scan_response_head(std::string_view data, std::size_t& from) noexcept;

/// Writes a response's whole head in clean form: folded lines in one, odd fields left out, one field for the
/// body's bounds at most. False where it is no HTTP/1.x, or where its body ends is in doubt.
[[nodiscard]] bool clean_response_head(std::string_view head, std::string& clean);

} // namespace bearerd::http
