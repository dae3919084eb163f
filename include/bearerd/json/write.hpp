#pragma once

#include <string>
#include <string_view>

namespace bearerd::json {

/// Appends a JSON string (RFC 8259 section 7) with its quotes. It takes at most six bytes for each byte of
/// `text`, and two. Bytes that are not UTF-8 become U+FFFD, one each; control characters are escaped.
void append_string(std::string& out, std::string_view text);

} // namespace bearerd::json
