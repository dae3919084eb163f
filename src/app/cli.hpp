#pragma once

namespace bearerd::app {

/// The program: reads the command line and runs the command. Returns the exit status of contract 6; never
/// throws.
[[nodiscard]] int run_command_line(int argc, char** argv) noexcept;

} // namespace bearerd::app
