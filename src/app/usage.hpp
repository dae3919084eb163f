#pragma once

#include <span>
#include <string>
#include <string_view>

namespace bearerd::app {

/// What to write instead of a command line that was refused, as "did you mean bearerd check?"; empty if
/// nothing comes near. `arguments` is without the program's name.
[[nodiscard]] std::string usage_suggestion(std::span<const std::string_view> arguments,
                                           std::span<const std::string_view> commands);

} // namespace bearerd::app
