#include "faults.hpp"

#include <algorithm>
#include <tuple>

namespace bearerd::config {

std::vector<Fault> Faults::take() {
    std::stable_sort(list_.begin(), list_.end(), [](const Fault& a, const Fault& b) {
        return std::tie(a.line, a.column) < std::tie(b.line, b.column);
    });
    return std::exchange(list_, {});
}

std::string format_fault(std::string_view file, const Fault& fault) {
    std::string text{file};
    if (fault.line > 0)
        text += ':' + std::to_string(fault.line) + ':' + std::to_string(fault.column);
    text += ": ";
    if (!fault.key.empty())
        text += fault.key + ": ";
    return text + fault.message;
}

} // namespace bearerd::config
