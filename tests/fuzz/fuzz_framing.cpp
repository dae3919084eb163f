// Never throws, never crashes, for any request; and one request in gives one request out:
// - how the bytes were cut into pieces makes no difference;
// - a request that passes the guard can be delimited in one way only, and has exactly that body size;
// - if it is written again from what was understood, it is understood in the same way.
#include <bearerd/http/framing.hpp>
#include <bearerd/http/parser.hpp>

#include <algorithm>
#include <cstdlib>
#include <string>

using namespace bearerd::http;

namespace {

constexpr std::uint64_t body_limit = 4096;

void require(bool claim) {
    if (!claim)
        std::abort();
}

struct Understood {
    bool sound = false; ///< it passed the guard
    ParseState state = ParseState::need_more;
    std::string method, target, fields, body, rest;
    std::uint8_t minor = 1;
    bool chunked = false;

    bool operator==(const Understood&) const = default;
};

std::string lines_of(const Fields& fields) {
    std::string lines;
    for (const Field& field : fields.list)
        lines.append(field.name).append(": ").append(field.value).append("\r\n");
    return lines;
}

/// Reads it as a session does: the head as a whole, then the body in pieces.
Understood understand(std::string_view text, std::size_t piece) {
    Understood result;
    std::size_t from = 0;
    HeadScan scan;
    for (std::size_t size = std::min(piece, text.size());; size = std::min(size + piece, text.size())) {
        scan = scan_head(text.substr(0, size), from);
        if (scan.state != HeadEnd::incomplete || size == text.size())
            break;
    }
    if (scan.state != HeadEnd::complete)
        return result;
    RequestParser parser;
    parser.reset(body_limit);
    const auto parsed = parser.parse_head(text.substr(0, scan.size));
    require(parsed && parsed->size == scan.size);
    result.state = parsed->state;
    if (result.state == ParseState::malformed || !request_framing_is_sound(parser.head()))
        return result;
    result.sound = true;
    std::string_view rest = text.substr(scan.size);
    std::size_t shown = 0;
    while (result.state == ParseState::need_more && shown < rest.size()) {
        shown = std::min(shown + piece, rest.size());
        std::size_t consumed = 0;
        do {
            result.state = parser.feed_body(rest.substr(0, shown), consumed);
            require(consumed <= shown);
            rest.remove_prefix(consumed);
            shown -= consumed;
        } while (result.state == ParseState::need_more && consumed != 0 && shown != 0);
    }
    result.method = parser.head().method;
    result.target = parser.head().target;
    result.minor = parser.head().minor;
    result.fields = lines_of(parser.head().fields);
    result.chunked = parser.head().fields.find(FieldId::transfer_encoding) != nullptr;
    result.body = parser.body();
    result.rest = rest;
    return result;
}

std::string written_again(const Understood& request) {
    std::string text =
        request.method + " " + request.target + (request.minor == 0 ? " HTTP/1.0" : " HTTP/1.1");
    text.append("\r\n").append(request.fields).append("\r\n");
    if (!request.chunked)
        return text + request.body;
    if (!request.body.empty()) {
        constexpr const char* digits = "0123456789abcdef";
        for (int shift = 12; shift >= 0; shift -= 4)
            text.push_back(digits[(request.body.size() >> static_cast<unsigned>(shift)) & 0xFU]);
        text.append("\r\n").append(request.body).append("\r\n");
    }
    return text + "0\r\n\r\n";
}

void check_framing(std::string_view text, const Understood& request) {
    RequestParser parser;
    parser.reset(body_limit);
    std::size_t from = 0;
    const HeadScan scan = scan_head(text, from);
    static_cast<void>(parser.parse_head(text.substr(0, scan.size)));
    const auto& fields = parser.head().fields;
    const auto lengths = fields.count(FieldId::content_length);
    const auto codings = fields.count(FieldId::transfer_encoding);
    require(lengths + codings <= 1);
    require(fields.count(FieldId::host) == 1 || (request.minor == 0 && fields.count(FieldId::host) == 0));
    const bool whole_server = parser.head().target == "*" && parser.head().method == "OPTIONS";
    require(split_target(parser.head().target).valid || whole_server);
    if (request.state != ParseState::complete)
        return;
    require(request.body.size() <= body_limit);
    if (lengths == 1)
        require(std::to_string(request.body.size()) ==
                [value = fields.value(FieldId::content_length)]() mutable {
                    while (value.size() > 1 && value.front() == '0')
                        value.remove_prefix(1);
                    return std::string{value};
                }());
    if (lengths + codings == 0)
        require(request.body.empty());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0)
        return 0;
    const std::string_view text{reinterpret_cast<const char*>(data) + 1, size - 1};
    const Understood whole = understand(text, SIZE_MAX / 2);
    const Understood pieces = understand(text, 1 + data[0] % 16);
    require(whole.sound == pieces.sound);
    if (!whole.sound)
        return 0;
    // An error may be found sooner or later, but it is never missed.
    require((whole.state == ParseState::complete) == (pieces.state == ParseState::complete));
    check_framing(text, whole);
    if (whole.state != ParseState::complete)
        return 0;
    require(whole == pieces);
    Understood again = understand(written_again(whole), SIZE_MAX / 2);
    require(again.rest.empty());
    again.rest = whole.rest;
    require(again == whole);
    return 0;
}
