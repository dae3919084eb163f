// Never throws, never crashes, for any body and any header; never unpacks beyond the limit. What is narrowed
// once does not change when narrowed again.
#include <bearerd/http/coding.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdlib>

using namespace bearerd::http;

namespace {

void require(bool claim) {
    if (!claim)
        std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input{reinterpret_cast<const char*>(data), size};
    constexpr std::size_t limit = 4096;
    std::string scratch;
    for (const std::string_view coding : {"", "gzip", "deflate", "gzip, deflate", "deflate, gzip"}) {
        const auto decoded = decoded_for_inspection(coding, input, scratch, limit);
        require(!decoded || decoded->size() <= limit);
    }
    const auto line = input.substr(0, std::min(input.find('\n'), input.size()));
    static_cast<void>(decoded_for_inspection(line, input, scratch, limit));
    const std::string narrowed = narrowed_accept_encoding(line);
    require(!narrowed.empty() && narrowed_accept_encoding(narrowed) == narrowed);
    return 0;
}
