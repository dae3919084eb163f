#pragma once

#include "log_sink.hpp"

#include <bearerd/config/config.hpp>

#include <string>

namespace bearerd::app {

/// Serves until a signal ends it. `config_file` is read again on SIGHUP. Returns the exit status of contract
/// 6; throws std::exception only for bugs and lack of memory.
[[nodiscard]] int run_daemon(config::Settings settings, const std::string& config_file, LogSink& log);

} // namespace bearerd::app
