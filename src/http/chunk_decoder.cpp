#include "chunk_decoder.hpp"

#include <bearerd/base/hex.hpp>

#include <algorithm>
#include <limits>

namespace bearerd::http {
namespace {

constexpr std::size_t most_of_lines = 64 * 1024; // of a chunk's size with extensions; of all trailers
constexpr unsigned hex_base = 16;

} // namespace

ParseState ChunkDecoder::feed(std::string_view bytes, std::size_t& consumed, BodyBuffer& body) {
    consumed = 0;
    while (consumed < bytes.size() && !complete()) {
        if (part_ != Part::data) {
            if (!take(bytes[consumed++]))
                return ParseState::malformed;
            continue;
        }
        const auto piece =
            bytes.substr(consumed, static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size())));
        body.append(piece);
        consumed += piece.size();
        left_ -= piece.size();
        if (left_ == 0)
            part_ = Part::data_end;
    }
    return complete() ? ParseState::complete : ParseState::need_more;
}

/// Takes one byte that is not chunk data.
bool ChunkDecoder::take(char c) noexcept {
    if (cr_ && c != '\n')
        return false; // some readers end the line at a bare CR
    if (part_ != Part::data_end && ++line_size_ > most_of_lines)
        return false;
    if (c == '\r') {
        cr_ = true;
        return any_digit_ || part_ == Part::data_end || part_ == Part::trailer;
    }
    if (part_ == Part::trailer)
        return take_of_trailer(c);
    if (part_ != Part::data_end)
        return take_of_size(c);
    end_line();
    part_ = Part::before_size;
    line_size_ = 0;
    any_digit_ = false;
    return c == '\n';
}

bool ChunkDecoder::take_of_size(char c) noexcept {
    if (c == '\n') {
        end_line();
        part_ = left_ == 0 ? Part::trailer : Part::data;
        line_size_ = 0;
        return any_digit_;
    }
    if (part_ == Part::extension)
        return true;
    if (c == ';') {
        part_ = Part::extension;
        return any_digit_;
    }
    if (c == ' ' || c == '\t') {
        odd_ = true;
        if (part_ == Part::size)
            part_ = Part::after_size;
        return true;
    }
    const int digit = hex_digit(c);
    if (digit < 0 || part_ == Part::after_size ||
        left_ > std::numeric_limits<std::uint64_t>::max() / hex_base)
        return false;
    left_ = left_ * hex_base + static_cast<unsigned>(digit);
    any_digit_ = true;
    part_ = Part::size;
    return true;
}

bool ChunkDecoder::take_of_trailer(char c) noexcept {
    if (c != '\n') {
        empty_line_ = false;
        return true;
    }
    end_line();
    if (empty_line_)
        part_ = Part::nothing;
    empty_line_ = true;
    return true;
}

void ChunkDecoder::end_line() noexcept {
    odd_ = odd_ || !cr_;
    cr_ = false;
}

} // namespace bearerd::http
