#include "cli.hpp"

namespace bearerd::app {

int run_command_line(int, char**) noexcept {
    return 1;
}

} // namespace bearerd::app
