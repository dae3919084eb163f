#include "faults.hpp"

#include <algorithm>
#include <tuple>

namespace bearerd::config {

std::vector<ConfigError> Faults::take() {
    std::stable_sort(list_.begin(), list_.end(), [](const ConfigError& a, const ConfigError& b) {
        return std::tie(a.line, a.column) < std::tie(b.line, b.column);
    });
    return std::exchange(list_, {});
}

namespace {

std::string in_words(std::string_view file, const ConfigError& fault, std::string_view kind) {
    std::string text{file};
    if (fault.line > 0)
        text += ':' + std::to_string(fault.line) + ':' + std::to_string(fault.column);
    text += ": ";
    text += kind;
    if (!fault.key.empty())
        text += fault.key + ": ";
    return text + fault.message;
}

} // namespace

std::string format_fault(std::string_view file, const ConfigError& fault) {
    return in_words(file, fault, {});
}

std::string format_warning(std::string_view file, const ConfigError& warning) {
    return in_words(file, warning, "warning: ");
}

} // namespace bearerd::config
