#pragma once

#include <bearerd/http/message.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

/// How a streamed answer begins, so that it can be judged before an app sees any of it (contract 2). Pure.
namespace bearerd::http {

/// At most this many bytes of a stream are held until its first unit is complete.
inline constexpr std::size_t most_of_stream_start = 4096;

/// The first event, part or line of a stream.
struct StreamStart {
    std::string text;   ///< its payload, without the syntax of the stream
    bool whole = false; ///< its end has arrived
    /// The bytes after it.
    std::string_view rest;
};

/// Finds the first unit in the received part of a stream with this content type (see is_streaming_type): the
/// data of the first event that has any (text/event-stream), the body of the first part (multipart/mixed),
/// the first line that is not empty, or the first record (application/json-seq, RFC 7464). `body` has no
/// transfer coding. The cost is linear in its size.
[[nodiscard]] StreamStart stream_start(std::string_view content_type, std::string_view body);

/// The same for an answer with these fields. Reads the first `most_of_stream_start` bytes of `body`, and
/// decodes their content coding as far as possible, into `scratch`. Returns nullopt if it can't be decoded.
[[nodiscard]] std::optional<StreamStart> stream_start(const Fields& fields, std::string_view body,
                                                      std::string& scratch);

} // namespace bearerd::http
