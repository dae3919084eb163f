#include <bearerd/json/pointer.hpp>

#include <bearerd/base/ascii.hpp>

namespace bearerd::json {
namespace {

bool enter_member(Scan& scan, std::string_view segment) {
    const std::string name = key_of(segment);
    String key;
    for (scan.enter_object(); scan.next_member(key); scan.skip())
        if (key.is(name))
            return true;
    return false;
}

bool enter_element(Scan& scan, std::string_view segment) {
    const auto wanted = parse_integer<std::size_t>(segment);
    if (!wanted)
        return false;
    scan.enter_array();
    for (std::size_t index = 0; scan.next_element(); ++index, scan.skip())
        if (index == *wanted)
            return true;
    return false;
}

} // namespace

void append_segment(std::string& pointer, std::string_view key) {
    pointer += '/';
    for (const char c : key) {
        if (c == '~')
            pointer += "~0";
        else if (c == '/')
            pointer += "~1";
        else
            pointer += c;
    }
}

std::string key_of(std::string_view segment) {
    std::string key;
    for (std::size_t i = 0; i < segment.size(); ++i) {
        if (segment[i] == '~' && i + 1 < segment.size())
            key += segment[++i] == '1' ? '/' : '~';
        else
            key += segment[i];
    }
    return key;
}

bool go_to(Scan& scan, std::string_view pointer) {
    while (!pointer.empty()) {
        pointer.remove_prefix(1); // the slash
        const auto segment = pointer.substr(0, pointer.find('/'));
        pointer.remove_prefix(segment.size());
        const Kind kind = scan.peek();
        if (kind != Kind::object && kind != Kind::array)
            return false;
        if (!(kind == Kind::object ? enter_member(scan, segment) : enter_element(scan, segment)))
            return false;
    }
    return true;
}

} // namespace bearerd::json
