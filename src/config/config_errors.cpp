#include "config_errors.hpp"

#include <algorithm>
#include <tuple>

namespace bearerd::config {

std::vector<ConfigError> ConfigErrors::take() {
    std::stable_sort(list_.begin(), list_.end(), [](const ConfigError& a, const ConfigError& b) {
        return std::tie(a.line, a.column) < std::tie(b.line, b.column);
    });
    return std::exchange(list_, {});
}

namespace {

std::string in_words(std::string_view file, const ConfigError& error, std::string_view kind) {
    std::string text{file};
    if (error.line > 0)
        text += ':' + std::to_string(error.line) + ':' + std::to_string(error.column);
    text += ": ";
    text += kind;
    if (!error.key.empty())
        text += error.key + ": ";
    return text + error.message;
}

} // namespace

std::string format_error(std::string_view file, const ConfigError& error) {
    return in_words(file, error, {});
}

std::string format_warning(std::string_view file, const ConfigError& warning) {
    return in_words(file, warning, "warning: ");
}

} // namespace bearerd::config
