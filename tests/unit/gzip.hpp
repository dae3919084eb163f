#pragma once

#include <zlib.h>

#include <stdexcept>
#include <string>
#include <string_view>

namespace bearerd::test {

inline constexpr int gzip_window = 16 + MAX_WBITS;
inline constexpr int zlib_window = MAX_WBITS;
inline constexpr int raw_window = -MAX_WBITS;

/// What a server sends by a content coding; `window` is zlib's word for which one.
inline std::string packed(std::string_view text, int window, int flush = Z_FINISH) {
    z_stream stream{};
    std::string input{text};
    std::string output(input.size() + input.size() / 100 + 128, '\0');
    if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        throw std::runtime_error{"deflateInit2"};
    stream.next_in = reinterpret_cast<Bytef*>(input.data());
    stream.avail_in = static_cast<uInt>(input.size());
    stream.next_out = reinterpret_cast<Bytef*>(output.data());
    stream.avail_out = static_cast<uInt>(output.size());
    const int result = deflate(&stream, flush);
    output.resize(stream.total_out);
    deflateEnd(&stream);
    if (result != (flush == Z_FINISH ? Z_STREAM_END : Z_OK))
        throw std::runtime_error{"deflate"};
    return output;
}

inline std::string gzip(std::string_view text) {
    return packed(text, gzip_window);
}

/// What a server that streams has sent when it flushes: all of `text`, without the end.
inline std::string gzip_beginning(std::string_view text) {
    return packed(text, gzip_window, Z_SYNC_FLUSH);
}

} // namespace bearerd::test
