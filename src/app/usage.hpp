#pragma once

#include <span>
#include <string>
#include <string_view>

namespace bearerd::app {

/// Returns a suggestion for a command line that was refused, such as "did you mean bearerd check?"; empty if
/// nothing is similar. `arguments` is without the program's name.
[[nodiscard]] std::string usage_suggestion(std::span<const std::string_view> arguments,
                                           std::span<const std::string_view> commands);

} // namespace bearerd::app
