#include <bearerd/json/write.hpp>

#include <bearerd/base/utf8.hpp>

namespace bearerd::json {
namespace {

void append_control(std::string& out, char c) {
    constexpr std::string_view hex = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(c);
    out += "\\u00";
    out += hex[byte >> 4U];
    out += hex[byte & 0xFU];
}

} // namespace

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
            append_control(out, *at);
        else
            out.append(at, length);
        at += length;
    }
    out += '"';
}

} // namespace bearerd::json
