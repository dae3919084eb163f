#include <bearerd/json/write.hpp>

#include <bearerd/base/hex.hpp>
#include <bearerd/base/utf8.hpp>

namespace bearerd::json {

void append_string(std::string& out, std::string_view text) {
    out += '"';
    const char* at = text.data();
    const char* const end = at + text.size();
    while (at != end) {
        const std::size_t length = utf8_length(at, end);
        if (length == 0) {
            out += "\xEF\xBF\xBD";
            ++at;
            continue;
        }
        if (*at == '"' || *at == '\\')
            (out += '\\') += *at;
        else if (static_cast<unsigned char>(*at) < 0x20 || *at == 0x7F)
            out.append("\\u00").append(hex_of_byte[static_cast<unsigned char>(*at)].data(), 2);
        else
            out.append(at, length);
        at += length;
    }
    out += '"';
}

} // namespace bearerd::json
