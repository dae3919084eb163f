#pragma once

#include <bearerd/http/body_buffer.hpp>
#include <bearerd/http/parser.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace bearerd::http {

/// Takes a response's chunked body apart, more leniently than a request's is (contract 4): blanks around a
/// size and lines that a lone LF ends leave no doubt. Trailers are dropped.
class ChunkDecoder {
public:
    /// Appends to `body`; says in `consumed` how many bytes were used up: up to the end of the message, all
    /// of them.
    ParseState feed(std::string_view bytes, std::size_t& consumed, BodyBuffer& body);

    [[nodiscard]] bool complete() const noexcept { return part_ == Part::nothing; }

    /// Whether anything was not as it should be.
    [[nodiscard]] bool odd() const noexcept { return odd_; }

private:
    enum class Part : std::uint8_t {
        before_size,
        size,
        behind_size,
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
    std::uint64_t left_ = 0;    ///< of a chunk, or its size as far as it was read
    std::size_t line_size_ = 0; ///< of size and extension, or of all trailers
    bool any_digit_ = false;    ///< of the chunk's size; holds until the next chunk
    bool cr_ = false;           ///< the last byte was one: now only LF may come
    bool empty_line_ = true;    ///< among the trailers: nothing of the line has come
    bool odd_ = false;
};

} // namespace bearerd::http
