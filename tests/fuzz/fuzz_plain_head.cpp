// Never throws, never crashes. A head that is read without Beast ends where the guard sees its end, and is
// read as Beast reads it.
#include "../../src/http/plain_head.hpp"
#include "../unit/http/beast_head.hpp"

#include <bearerd/http/framing.hpp>

#include <cstdlib>

using namespace bearerd::http;

namespace {

template<bool is_request, class Head>
void compare(std::string_view text) {
    Head head;
    const auto plain = read_plain_head(text, head);
    if (!plain)
        return;
    std::size_t from = 0;
    const HeadScan scan = scan_head(text, from);
    if (scan.state != HeadEnd::complete || scan.size != plain->size)
        std::abort();
    if (read_by_beast<is_request>(text.substr(0, plain->size)) != as_beast_head(head, plain->body_length))
        std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    compare<true, RequestHead>(text);
    compare<false, ResponseHead>(text);
    return 0;
}
