#pragma once

#include <bearerd/http/body_buffer.hpp>
#include <bearerd/http/parser.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace bearerd::http {

/// Decodes a response's chunked body, more leniently than a request's (contract 4): blanks around a size, and
/// lines that end with a lone LF, leave no doubt. Trailers are dropped.
class ChunkDecoder {
public:
    /// Appends to `body`. Sets `consumed` to the number of bytes used: all of them, unless the message ends
    /// before.
    ParseState feed(std::string_view bytes, std::size_t& consumed, BodyBuffer& body);

    [[nodiscard]] bool complete() const noexcept { return part_ == Part::nothing; }

    /// Whether anything deviated from the standard.
    [[nodiscard]] bool odd() const noexcept { return odd_; }

private:
    enum class Part : std::uint8_t {
        before_size,
        size,
        after_size,
        extension,
        data,
        data_end,
        trailer,
        nothing
    };

    [[nodiscard]] bool take(char c) noexcept;
    [[nodiscard]] bool take_of_size(char c) noexcept;
    [[nodiscard]] bool take_of_trailer(char c) noexcept;
    void end_line() noexcept;

    Part part_ = Part::before_size;
    std::uint64_t left_ = 0;    ///< bytes left of the chunk, or its size as far as it was read
    std::size_t line_size_ = 0; ///< of size and extension, or of all trailers
    bool any_digit_ = false;    ///< of the chunk's size; kept until the next chunk
    bool cr_ = false;           ///< the last byte was CR: only LF may follow
    bool empty_line_ = true;    ///< among the trailers: no byte of this line has arrived
    bool odd_ = false;
};

} // namespace bearerd::http
