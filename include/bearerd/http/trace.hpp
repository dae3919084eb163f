#pragma once

#include <bearerd/http/message.hpp>

#include <string_view>

namespace bearerd::http {

/// Returns the trace id of the `traceparent` field: 32 lower-case hexadecimal digits, a view into the head.
/// Empty if there is no such field, more than one, or one that W3C Trace Context calls invalid. A version
/// later than 00 may have more at its end.
///
/// Unlike the app's request id, log and journal show it unmasked. It is a random number in hexadecimal, in
/// which a run of 12 digits is not a card number, and stars would make it useless.
[[nodiscard]] std::string_view trace_id(const Fields& fields) noexcept;

} // namespace bearerd::http
