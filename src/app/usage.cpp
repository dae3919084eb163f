#include "usage.hpp"

#include <bearerd/config/nearest.hpp>

#include <algorithm>
#include <array>

namespace bearerd::app {
namespace {

/// Whether the argument after this one belongs to it.
bool takes_value(std::string_view option) noexcept {
    constexpr std::array<std::string_view, 8> with_value{"-c",         "--config", "--timeout", "--key",
                                                         "--executed", "--number", "--reason",  "--service"};
    return std::ranges::find(with_value, option) != with_value.end();
}

bool is_file_name(std::string_view word) noexcept {
    return word.find('/') != std::string_view::npos || word.ends_with(".yaml") || word.ends_with(".yml");
}

std::string did_you_mean(std::string_view command, std::string_view options) {
    std::string text{"did you mean bearerd"};
    if (!command.empty())
        text.append(" ").append(command);
    return text.append(options).append("?");
}

std::string suggestion_for(std::string_view word, std::string_view command,
                           std::span<const std::string_view> commands) {
    if (command.empty() && word == "help")
        return did_you_mean({}, " --help");
    if (command.empty() && word == "version")
        return did_you_mean({}, " --version");
    if (is_file_name(word))
        return did_you_mean(command, " --config " + std::string{word});
    const std::string_view near = config::nearest(word, commands);
    return command.empty() && !near.empty() ? did_you_mean(near, {}) : std::string{};
}

} // namespace

std::string usage_suggestion(std::span<const std::string_view> arguments,
                             std::span<const std::string_view> commands) {
    std::string_view command;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const std::string_view word = arguments[i];
        if (takes_value(word))
            ++i;
        if (word.starts_with('-'))
            continue;
        if (!command.empty() || std::ranges::find(commands, word) == commands.end())
            return suggestion_for(word, command, commands);
        command = word;
    }
    return {};
}

} // namespace bearerd::app
