// Never throws, never crashes, for any response; and:
// - a complete response is the same, however the bytes were cut into pieces;
// - a connection is kept only if the response delimits itself and nothing follows it;
// - a body with missing bytes is never taken for a complete one.
#include <bearerd/http/clean_head.hpp>
#include <bearerd/http/framing.hpp>
#include <bearerd/http/parser.hpp>

#include <algorithm>
#include <cstdlib>
#include <string>

using namespace bearerd::http;

namespace {

void require(bool claim) {
    if (!claim)
        std::abort();
}

struct Understood {
    bool sound = false;
    ParseState state = ParseState::need_more;
    bool by_end = false; ///< the end of the stream completed it
    std::uint16_t status = 0;
    std::string body, rest;
    bool reusable = false;

    bool operator==(const Understood&) const = default;
};

Understood understand(std::string_view text, std::size_t piece) {
    Understood result;
    std::size_t from = 0;
    const HeadScan scan = scan_response_head(text, from);
    if (scan.state != HeadEnd::complete)
        return result;
    ResponseParser parser;
    parser.reset();
    const auto parsed = parser.parse_head(text.substr(0, scan.size));
    require(parsed && parsed->size == scan.size);
    result.state = parsed->state;
    if (result.state == ParseState::malformed)
        return result;
    result.sound = true;
    result.status = parser.head().status;
    std::string_view rest = text.substr(scan.size);
    BodyBuffer body;
    std::size_t shown = 0;
    while (result.state == ParseState::need_more && shown < rest.size()) {
        shown = std::min(shown + piece, rest.size());
        std::size_t consumed = 0;
        do {
            result.state = parser.feed_body(rest.substr(0, shown), consumed, body);
            require(consumed <= shown);
            rest.remove_prefix(consumed);
            shown -= consumed;
        } while (result.state == ParseState::need_more && consumed != 0 && shown != 0);
    }
    result.body = body.view();
    result.rest = rest;
    const ResponseHead& head = parser.head();
    if (result.state == ParseState::need_more) {
        result.state = parser.feed_end();
        result.by_end = result.state == ParseState::complete;
        require(!result.by_end || (!head.chunked && !head.content_length));
    }
    result.reusable =
        result.state == ParseState::complete && !parser.odd() && may_reuse(head, !result.rest.empty());
    require(!result.reusable || (!result.by_end && result.rest.empty()));
    if (result.state == ParseState::complete && head.content_length && result.status >= 200 &&
        result.status != 204 && result.status != 304)
        require(result.body.size() == *head.content_length);
    return result;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0)
        return 0;
    const std::string_view text{reinterpret_cast<const char*>(data) + 1, size - 1};
    const Understood whole = understand(text, SIZE_MAX / 2);
    const Understood pieces = understand(text, 1 + data[0] % 16);
    require(whole.sound == pieces.sound);
    // An error may be found sooner or later, but it is never missed.
    require((whole.state == ParseState::complete) == (pieces.state == ParseState::complete));
    if (whole.state == ParseState::complete)
        require(whole == pieces);
    return 0;
}
